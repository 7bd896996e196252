"""Parts of a configuration that are plain objects: which values they have, and could have."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eisen.config.evaluation import evaluation_schema
from eisen.config.places import Place
from eisen.config.split import split_schema

__all__ = ["Value", "parsed", "shown", "values_of"]


@dataclass(frozen=True)
class Value:
    """One value of an object.

    Args:
        name: Its key.
        help: What it means; empty where nobody knows.
        choices: The texts it can be, if they are listed.
        default: What counts when it is absent, as text.
        required: Whether it has to be there.
    """

    name: str
    help: str = ""
    choices: tuple[str, ...] = ()
    default: str = ""
    required: bool = False


def values_of(data: Mapping[str, Any], place: Place) -> list[Value]:
    """Return the values that an object has, and those it could have.

    Example:
        >>> [value.name for value in values_of({"Split": {"file": "s.json", "note": 1}}, ("Split",))]
        ['file', 'fold', 'note']
    """
    schemas = {"Evaluation": evaluation_schema, "Split": split_schema}
    schema: dict[str, Any] = schemas.get(str(place[0]), dict)() if len(place) == 1 else {}
    required = schema.get("required", [])
    known = [_value(name, each, name in required) for name, each in schema.get("properties", {}).items()]
    part: Any = data
    for key in place:
        part = part.get(key, {}) if isinstance(part, Mapping) else {}
    names = {value.name for value in known}
    others = [Value(key) for key in part if key not in names] if isinstance(part, Mapping) else []
    return [*known, *others]


def _value(name: str, schema: Mapping[str, Any], required: bool) -> Value:
    default = shown(schema["default"]) if "default" in schema else ""
    return Value(name, str(schema.get("description", "")), tuple(schema.get("enum", ())), default, required)


def shown(value: Any) -> str:
    """Return a value as people write it: text as it is, anything else as JSON.

    Example:
        >>> shown("DICE"), shown(["DICE", "ASSD"]), shown(None)
        ('DICE', '["DICE", "ASSD"]', '')
    """
    if value is None:
        return ""
    return value if isinstance(value, str) and _is_plain(value) else json.dumps(value, ensure_ascii=False)


def parsed(text: str) -> Any:
    """Return the value that a text stands for: JSON, or the text itself if it is not JSON.

    Example:
        >>> parsed('["DICE"]'), parsed("DICE"), parsed("3"), parsed('"3"')
        (['DICE'], 'DICE', 3, '3')
    """
    try:
        return json.loads(text)
    except ValueError:
        return text


def _is_plain(text: str) -> bool:
    """Tell whether a text would be read as itself."""
    return bool(text) and parsed(text) == text
