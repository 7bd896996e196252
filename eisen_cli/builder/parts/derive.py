"""From a parameter of a signature to a field: kind, unit, choices, and whether it is rarely needed."""

from __future__ import annotations

import re
from collections.abc import Container
from typing import Any

from eisen.config import hints
from eisen.config.describe import ParameterInfo
from eisen.config.injection import role_inside
from eisen.config.sections import HOLDING, SETTINGS_HELP
from eisen.config.signature import Parameter
from eisen.config.units import unit_of
from eisen_cli.builder.parts.fields import FieldSpec
from eisen_cli.builder.parts.kinds import Shape, shape_of

__all__ = ["field_of", "quoted", "setting_field", "wire_fields"]

_NUMERIC = ("number", "integer")
_FIELD_NAMES = re.compile(r"(^|_)(field|fields|keys)$")
_FIELD_HELP = re.compile(
    r"^(names? of (the|a|an) (\w+ )?fields?\b(?! names)|the fields?\b|fields?\b|those of the fields)", re.I
)
_NOT_FIELDS = re.compile(r"(^|_)names$")
_PATHS = re.compile(r"(^|_)(file|path|dir|folder|root|csv|json)$")
_QUOTED = re.compile(r"""["'`]{1,2}([^\s"'`=()<>]+)["'`]{1,2}""")
_WIRE_HELP = {"input_names": "Fields it reads.", "output_names": "Fields it adds."}


def field_of(parameter: Parameter, info: ParameterInfo, section: str, roles: Container[str] = frozenset()) -> FieldSpec:
    """Return the field of a parameter.

    Args:
        parameter: The parameter, as the signature has it.
        info: The same with help and choices.
        section: The role of its module.
        roles: The parameters that hold names of fields, as far as the class says so.

    Example:
        >>> from eisen.config.describe import describe
        >>> from eisen.config.signature import signature_of
        >>> class Blur:
        ...     def __init__(self, sigma_mm: float = 1.0) -> None: ...
        >>> parameter = signature_of(Blur).parameters["sigma_mm"]
        >>> spec = field_of(parameter, describe(Blur).parameters[0], "Transforms")
        >>> spec.kind, spec.unit, spec.default, spec.advanced
        ('number', 'mm', 1.0, False)
    """
    shape = _held(parameter, section) or _named(parameter, info, _shape(parameter, info), info.name in roles)
    shape.setdefault("choices", ())
    kind = shape["kind"]
    has_unit = kind in _NUMERIC or (kind in ("list", "nested") and shape.get("item") in (*_NUMERIC, "json"))
    return FieldSpec(
        info.name,
        words=info.type,
        default=info.default,
        required=info.required,
        unit=unit_of(info.name, info.doc) if has_unit else "",
        doc=info.doc,
        advanced=_is_advanced(parameter),
        hint=info.hint,
        suggestions=quoted(info.doc) if kind == "text" else (),
        **shape,
    )


def wire_fields() -> tuple[FieldSpec, ...]:
    """Return the fields that every model, loss and metric has: what it reads and what it adds."""
    hint = list[str]
    words = hints.in_words(hint)
    return tuple(FieldSpec(name, "names", words, required=True, doc=doc, hint=hint) for name, doc in _WIRE_HELP.items())


def setting_field(name: str, hint: Any) -> FieldSpec:
    """Return the field of what an entry may say beside the parameters of its class, see `eisen.config.sections`."""
    words = hints.in_words(hint)
    return FieldSpec(name, words=words, doc=SETTINGS_HELP.get(name, ""), advanced=True, hint=hint, **shape_of(hint))


def _held(parameter: Parameter, section: str) -> Shape:
    """Return the shape of a parameter that takes modules instead of values; empty for all others."""
    nullable: Shape = {"nullable": True} if parameter.default is None else {}
    if hints.holds_steps(parameter.hint):
        return {"kind": "entries", "role": role_inside(section), **nullable}
    if parameter.role or (section in HOLDING and not parameter.expressible):
        kind = "entries" if parameter.many and not parameter.expressible else "entry"
        return {"kind": kind, "role": parameter.role or section, **nullable}
    return {}


def _shape(parameter: Parameter, info: ParameterInfo) -> Shape:
    """Return the shape that the type says; where it says nothing, that of the default."""
    if info.choices and parameter.hint in (str, Any):
        return {"kind": "choice", "choices": tuple(info.choices)}
    if parameter.hint is Any and type(parameter.default) in (bool, int, float, str):
        return shape_of(type(parameter.default))
    return shape_of(parameter.hint)


def _named(parameter: Parameter, info: ParameterInfo, shape: Shape, has_role: bool) -> Shape:
    """Return the shape of names of fields and of paths, which are texts by their type."""
    is_text = shape["kind"] == "text"
    is_texts = shape["kind"] == "list" and shape.get("item") == "text"
    is_keys = info.name == "keys" and parameter.hint is Any
    if is_keys or ((is_text or is_texts) and (has_role or _are_fields(info))):
        form = "either" if is_keys else "one" if is_text else shape.get("shape", "many")
        return {**shape, "kind": "names", "item": "text", "shape": form}
    if is_text and (parameter.path or _PATHS.search(info.name)):
        return {**shape, "kind": "path"}
    return shape


def _are_fields(info: ParameterInfo) -> bool:
    by_name = _FIELD_NAMES.search(info.name) or info.name in _WIRE_HELP
    return bool(by_name or (_FIELD_HELP.search(info.doc) and not _NOT_FIELDS.search(info.name)))


def _is_advanced(parameter: Parameter) -> bool:
    """Tell whether a parameter is rarely needed: it can be left out, and is keyword-only or None by itself."""
    return not parameter.required and (not parameter.positional or parameter.default is None)


def quoted(text: str) -> tuple[str, ...]:
    """Return the words in quotes of a help, which are values to choose from.

    Example:
        >>> quoted('Which list: ``"training"`` or ``"test"``.')
        ('training', 'test')
    """
    return tuple(dict.fromkeys(word for word in _QUOTED.findall(text) if len(word) < 40))
