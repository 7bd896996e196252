"""The part ``"Split"`` of a configuration: a frozen split, and one of its folds."""

from __future__ import annotations

import json
from typing import Any

from eisen._core.errors import nearest
from eisen.config.describe import describe
from eisen.config.experiment import SplitChoice
from eisen.config.findings import Findings
from eisen.config.sections import SPLIT

__all__ = ["read_split", "split_schema"]

_WORDS = {
    "file": 'the file that "eisen split" wrote, e.g. "split.json"',
    "fold": 'the name of one of its folds, e.g. "0"',
}


def read_split(part: Any, findings: Findings) -> SplitChoice | None:
    """Return which fold of which split a configuration chooses; None when that cannot be told.

    A fold may be written as a number; in the configuration it becomes its name.

    Args:
        part: The part of the file; a number becomes a text in place.
        findings: Takes the problems.
    """
    if not isinstance(part, dict):
        findings.problem(("Split",), f"'Split' is {json.dumps(part)[:60]}", '{"file": "split.json", "fold": "0"}')
        return None
    for key in [key for key in part if key not in SPLIT]:
        findings.problem(("Split", key), f"unknown '{key}' of Split", nearest(key, SPLIT) or "file and fold", key=True)
    values = {name: _value(part, name, findings) for name in SPLIT}
    return SplitChoice(**{name: value for name, value in values.items() if value}) if all(values.values()) else None


def _value(part: dict[str, Any], name: str, findings: Findings) -> str | None:
    if name not in part:
        findings.problem(("Split",), f"Split has no '{name}'", _WORDS[name])
        return None
    value = part[name]
    if name == "fold" and isinstance(value, int) and not isinstance(value, bool):
        value = part[name] = str(value)
    if isinstance(value, str) and value:
        return value
    findings.problem(("Split", name), f"the {name} of Split is {json.dumps(value)[:60]}", _WORDS[name])
    return None


def split_schema() -> dict[str, Any]:
    """Return the JSON schema of the part.

    Example:
        >>> split_schema()["required"]
        ['file', 'fold']
    """
    help_texts = {parameter.name: parameter.doc for parameter in describe(SplitChoice).parameters}
    kinds: dict[str, Any] = {"file": {"type": "string"}, "fold": {"type": ["string", "integer"]}}
    properties = {name: {**kinds[name], "minLength": 1, "description": help_texts[name]} for name in SPLIT}
    return {
        "type": "object",
        "description": "A frozen split: which cases train, validate and test.",
        "properties": properties,
        "required": list(SPLIT),
        "additionalProperties": False,
    }
