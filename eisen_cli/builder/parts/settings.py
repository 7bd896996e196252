"""The parts of a configuration that are no lists of modules, as fields: Split and Evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from eisen.config.evaluation import evaluation_schema
from eisen.config.split import split_schema
from eisen_cli.builder.parts.fields import FieldSpec

__all__ = ["SETTINGS_PARTS", "settings_fields"]

SETTINGS_PARTS = {"Split": split_schema, "Evaluation": evaluation_schema}
"""The parts with a schema, and where it comes from."""

_KINDS = {"string": "text", "integer": "integer", "number": "number", "boolean": "switch", "object": "dict"}
_WORDS = {
    "text": "text",
    "integer": "a whole number",
    "number": "a number",
    "switch": "true or false",
    "dict": "an object",
    "list": "a list of texts, or one",
}
_HINTS: dict[str, Any] = {"text": str, "integer": int, "number": float, "switch": bool, "dict": dict[str, Any]}


@cache
def settings_fields(part: str) -> tuple[FieldSpec, ...]:
    """Return the fields of a part; none when it has no schema and is shown as JSON.

    Example:
        >>> [(spec.name, spec.kind) for spec in settings_fields("Split")]
        [('file', 'path'), ('fold', 'text')]
        >>> settings_fields("Packaging")
        ()
    """
    if part not in SETTINGS_PARTS:
        return ()
    schema = SETTINGS_PARTS[part]()
    required = schema["required"]
    return tuple(_field(name, each, name in required) for name, each in schema["properties"].items())


def _field(name: str, schema: Mapping[str, Any], required: bool) -> FieldSpec:
    shape = _shape(schema)
    kind = "path" if name == "file" else shape["kind"]
    words = _WORDS.get(kind, "")
    if "choices" in shape:
        words = f"one of {', '.join(shape['choices'])}"
    hint = _HINTS.get(kind, list[str] | str if kind == "list" else Any)
    return FieldSpec(
        name,
        words=words,
        default=schema.get("default"),
        required=required,
        doc=str(schema.get("description", "")),
        hint=hint,
        **{**shape, "kind": kind},
    )


def _shape(schema: Mapping[str, Any]) -> dict[str, Any]:
    if "enum" in schema:
        return {"kind": "choice", "choices": tuple(schema["enum"])}
    kinds = {arm.get("type") for arm in schema["anyOf"]} if "anyOf" in schema else schema["type"]
    if kinds == {"string", "array"}:
        return {"kind": "list", "item": "text", "shape": "either"}
    if isinstance(kinds, str):
        return {"kind": _KINDS.get(kinds, "json"), **({"item": "text"} if kinds == "object" else {})}
    return {"kind": "text"} if "string" in kinds and "object" not in kinds else {"kind": "json"}
