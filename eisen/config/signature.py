"""The parameters of a class: names, defaults, and type hints as far as JSON can tell."""

from __future__ import annotations

import builtins
import collections.abc
import inspect
import re
import sys
import typing
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from eisen.config import hints
from eisen.config.docstrings import argument_texts, builder_hints, text_of

__all__ = ["MISSING", "Parameter", "Signature", "signature_of"]

MISSING: Any = inspect.Parameter.empty
"""The default of a parameter that has none."""

_CHOICE = re.compile(r'"([^"\s]+)"')
_BUILDER_TYPES: dict[str, Any] = {
    "string": str,
    "int": int,
    "float": float,
    "bool": bool,
    "dict": dict[str, Any],
    "list:string": list[str],
    "list:int": list[int],
    "list:float": list[float],
    "list:list:string": list[list[str]],
}


@dataclass(frozen=True)
class Parameter:
    """One parameter of a class.

    Args:
        name: Its name.
        hint: Plain type hint, see `eisen.config.hints.plain`.
        default: Its default, or `MISSING`.
        positional: Whether it can be given by position.
        expressible: Whether a file can hold a value for it; false for functions, arrays, other modules.
        role: The role of the object that an entry in its place describes, if its type says so; "": that of the class.
        many: Whether it takes several of what it takes: its type is a list, or has one among its arms.
        path: Whether it names a file or folder, as its type says.
        opaque: Whether null is all that a file can say for it.
    """

    name: str
    hint: Any
    default: Any = MISSING
    positional: bool = True
    expressible: bool = True
    role: str = ""
    many: bool = False
    path: bool = False
    opaque: bool = False

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is MISSING


@dataclass(frozen=True)
class Signature:
    """What a class can be called with.

    Args:
        parameters: The parameters by name, in their order.
        open: Whether it takes any other keyword as well.
        known: False when Python cannot tell the signature.
    """

    parameters: dict[str, Parameter]
    open: bool = False
    known: bool = True

    def accepts(self, name: str) -> bool:
        """Tell whether a keyword may be given."""
        return name in self.parameters or self.open


@lru_cache(maxsize=4096)
def signature_of(cls: Any) -> Signature:
    """Return what a class or function can be called with.

    Example:
        >>> from eisen._core.types import Batch
        >>> list(signature_of(Batch).parameters)
        ['values', 'cases', 'samples']
    """
    try:
        found = inspect.signature(cls).parameters.values()
    except (TypeError, ValueError):
        return Signature({}, open=True, known=False)
    reader = _HintReader(cls)
    kinds = inspect.Parameter
    named = (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)
    parameters = {p.name: reader.read(p) for p in found if p.kind in named}
    return Signature(parameters, open=any(p.kind is kinds.VAR_KEYWORD for p in found))


class _HintReader:
    """Reads the annotations of one class, whatever is imported where."""

    def __init__(self, cls: Any) -> None:
        is_ours = str(getattr(cls, "__module__", "")).startswith("eisen.")
        self.helps = argument_texts(text_of(cls)) if is_ours else {}
        self.hinted = builder_hints(cls)
        self.names = _Names(cls)

    def read(self, parameter: inspect.Parameter) -> Parameter:
        self.names.met_stranger = False
        raw = self.raw_hint(parameter)
        return Parameter(
            parameter.name,
            _with_choices(hints.plain(raw), parameter.default, self.helps.get(parameter.name, "")),
            parameter.default,
            parameter.kind is not inspect.Parameter.KEYWORD_ONLY,
            self.names.met_stranger or hints.is_expressible(raw),
            _role_in(raw),
            hints.is_many(raw),
            hints.is_path(raw),
            hints.is_opaque(raw) and not self.names.met_stranger,
        )

    def raw_hint(self, parameter: inspect.Parameter) -> Any:
        if parameter.annotation is MISSING:
            return _BUILDER_TYPES.get(str(self.hinted.get(parameter.name, {}).get("type")), Any)
        holder = SimpleNamespace(__annotations__={"hint": parameter.annotation})
        try:
            return typing.get_type_hints(holder, globalns={}, localns=self.names)["hint"]
        except Exception:  # a hint is help, not law: what cannot be understood is not checked
            return Any


def _role_in(hint: Any) -> str:
    """Return the role that a type, or one of its arms, has in configurations: `eisen.patches.Where` is a Where."""
    if isinstance(hint, type) and get_origin(hint) is None:
        return str(vars(hint).get("config_role", ""))
    is_callable = get_origin(hint) is collections.abc.Callable
    return "" if is_callable else next(filter(None, map(_role_in, get_args(hint))), "")


def _with_choices(hint: Any, default: Any, text: str) -> Any:
    """Narrow text to the choices that our docstrings list: two or more, the default among them, and no more to come."""
    listed = text.partition("e.g.")[0]
    choices = tuple(dict.fromkeys(_CHOICE.findall(listed)))
    if len(choices) < 2 or default not in choices or "..." in listed:
        return hint
    literal: Any = Literal[choices]
    if hint is str:
        return literal
    arms = get_args(hint) if get_origin(hint) in (Union, UnionType) else ()
    return Union[tuple(literal if arm is str else arm for arm in arms)] if str in arms else hint  # noqa: UP007


class _Unknown(type):
    """The type of names that a module knows only while it is type-checked: has every attribute, is never a value."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return cls

    def __getitem__(cls, _: Any) -> Any:
        return cls


class _Stranger(metaclass=_Unknown):
    """Stands for a class that was not imported."""


class _Names(dict[str, Any]):
    """The names an annotation may use: those of the modules of a class and its bases, then the usual ones of typing."""

    def __init__(self, cls: Any) -> None:
        super().__init__()
        owners = [cls, *getattr(cls, "__mro__", ())]
        modules = [sys.modules.get(getattr(owner, "__module__", "")) for owner in owners]
        self.met_stranger = False
        self.spaces = [vars(module) for module in [*modules, builtins, collections.abc, typing] if module is not None]

    def __missing__(self, name: str) -> Any:
        for space in self.spaces:
            if name in space:
                return space[name]
        self.met_stranger = True
        return _Stranger
