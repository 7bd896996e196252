"""What a module is and takes, told from its signature, type hints and docstring."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from eisen._core.errors import ArgumentError
from eisen.config import hints
from eisen.config.docstrings import builder_hints, parameter_texts, summary_of, text_of
from eisen.config.locate import locate
from eisen.config.signature import Parameter, signature_of

__all__ = ["ModuleInfo", "ParameterInfo", "describe"]


@dataclass(frozen=True)
class ParameterInfo:
    """One parameter of a module.

    Args:
        name: Its name.
        type: Its type in words, e.g. ``"a list of whole numbers"``.
        default: Its default; None when it is required.
        required: Whether it must be given.
        doc: Its help, from the docstring.
        choices: The values it can have, if they are listed.
        hint: Its type as a hint that JSON values can be checked against.
    """

    name: str
    type: str
    default: Any = None
    required: bool = False
    doc: str = ""
    choices: tuple[Any, ...] = ()
    hint: Any = dataclasses.field(default=Any, repr=False)

    def as_dict(self) -> dict[str, Any]:
        """Return the same as plain data; defaults that JSON does not know are shown as text."""
        try:
            default = json.loads(json.dumps(self.default))
        except (TypeError, ValueError):
            default = repr(self.default)
        entries = {"name": self.name, "type": self.type, "required": self.required, "doc": self.doc}
        return {**entries, **({} if self.required else {"default": default}), "choices": list(self.choices)}


@dataclass(frozen=True)
class ModuleInfo:
    """A module that a configuration can name.

    Args:
        path: Its dotted path.
        summary: Its first sentence.
        doc: Its whole docstring.
        parameters: Its parameters in their order, those the program fills in included.
        open: Whether it takes further keywords.
    """

    path: str
    summary: str
    doc: str
    parameters: tuple[ParameterInfo, ...]
    open: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return the same as plain data."""
        parameters = [parameter.as_dict() for parameter in self.parameters]
        return {"path": self.path, "summary": self.summary, "doc": self.doc, "parameters": parameters}


def describe(module: Any, path: str = "") -> ModuleInfo:
    """Describe a class by its signature, type hints and docstring.

    Args:
        module: The class, or its dotted path.
        path: The dotted path to show; by default where the class is defined.

    Raises:
        ConfigError: If a dotted path names nothing.

    Example:
        >>> info = describe("eisen._core.types.Batch")
        >>> info.summary, info.parameters[1].doc
        ('A batch: a plain dict of stacked fields that also knows which cases are in it.', 'One name per element of ...
    """
    if isinstance(module, str):
        module, path = locate(module), path or module
    if not callable(module):
        raise ArgumentError(f"{module!r} is no class", expected="a class or its dotted path", to_do="name a class")
    signature, text = signature_of(module), text_of(module)
    helps, hinted = parameter_texts(module), builder_hints(module)
    parameters = tuple(
        _parameter(parameter, helps.get(parameter.name, ""), hinted.get(parameter.name, {}))
        for parameter in signature.parameters.values()
    )
    shown = path or f"{module.__module__}.{module.__qualname__}"
    return ModuleInfo(shown, summary_of(text), text, parameters, signature.open)


def _parameter(parameter: Parameter, doc: str, hinted: dict[str, Any]) -> ParameterInfo:
    choices = hints.choices_of(parameter.hint)
    if not choices and isinstance(hinted.get("value"), list):
        choices = hinted["value"]
    default = None if parameter.required else parameter.default
    words = hints.in_words(parameter.hint)
    return ParameterInfo(parameter.name, words, default, parameter.required, doc, tuple(choices), parameter.hint)
