"""From what is known about each case to what a store says about all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError, DataError, ShapeError
from eisen.storage.creation.settings import CaseFacts

__all__ = ["FieldColumn", "columns_of", "entry_names"]


@dataclass(frozen=True)
class FieldColumn:
    """One field of all cases.

    Args:
        name: Name of the field.
        kind: ``"array"``, ``"number"``, ``"text"`` or ``"json"``.
        facts: What is known about it, case by case; for values that are no arrays, the values.
        entries: Names of the channels.
    """

    name: str
    kind: str
    facts: list[Any]
    entries: list[str]

    def of(self, key: str) -> list[Any]:
        """Return one fact of each case."""
        return [facts.get(key) for facts in self.facts]


def columns_of(
    cases: Sequence[CaseFacts], case_names: Sequence[str], names: Mapping[str, Sequence[str]] | None = None
) -> list[FieldColumn]:
    """Return the fields of all cases.

    Args:
        cases: What is known about each case.
        case_names: Their names, for messages.
        names: Names of the channels by field, where the user gave some.

    Raises:
        DataError: If a case lacks a field, or a field is an image in one case and a text in another.
        ShapeError: If arrays of a field differ in their number of axes, or have other channels than were named.
        ArgumentError: If channels of a field are named that is no array.
    """
    every: dict[str, None] = {}
    for facts in cases:
        every |= dict.fromkeys(facts["fields"])
    columns = [_column(field, cases, case_names, dict(names or {})) for field in every]
    wrong = next((field for field in names or () if field not in {c.name for c in columns if c.kind == "array"}), None)
    if wrong is not None:
        arrays = ", ".join(column.name for column in columns if column.kind == "array") or "(none)"
        raise ArgumentError(f"names: '{wrong}' is no array of these cases", expected=f"one of: {arrays}")
    return columns


def _column(
    field: str, cases: Sequence[CaseFacts], case_names: Sequence[str], names: Mapping[str, Sequence[str]]
) -> FieldColumn:
    for known, case in zip(cases, case_names, strict=True):
        if field not in known["fields"]:
            has = next(name for name, f in zip(case_names, cases, strict=True) if field in f["fields"])
            raise DataError(
                f"the case {case} has no '{field}', and {has} has",
                expected="the same fields in every case",
                to_do=f"add it, leave the case out, or name the fields without it: fields=[...]; "
                f"the case has {', '.join(known['fields'])}",
                case=case,
                field=field,
            )
    facts = [case["fields"][field] for case in cases]
    kinds = {entry["kind"] for entry in facts}
    if "array" not in kinds:
        kind, values = _one_kind(facts)
        return FieldColumn(field, kind, values, [])
    if kinds != {"array"}:
        odd = next(n for n, entry in enumerate(facts) if entry["kind"] != "array")
        raise DataError(
            f"'{field}' is {facts[odd]['kind']} in {case_names[odd]} and an array in other cases",
            expected="one kind of value in all cases",
            case=case_names[odd],
            field=field,
        )
    _demand_axes(field, facts, case_names)
    return FieldColumn(field, "array", facts, entry_names(field, facts, case_names, names.get(field)))


def _demand_axes(field: str, facts: Sequence[CaseFacts], case_names: Sequence[str]) -> None:
    first = facts[0]["shape"]
    for entry, case in zip(facts, case_names, strict=True):
        if len(entry["shape"]) != len(first):
            raise ShapeError(
                f"'{field}' of {case} has the shape {tuple(entry['shape'])}, that of {case_names[0]} {tuple(first)}",
                expected="as many axes in every case",
                case=case,
                field=field,
            )


def entry_names(
    field: str, facts: Sequence[CaseFacts], case_names: Sequence[str], asked: Sequence[str] | None = None
) -> list[str]:
    """Return the names of the channels of a field.

    Args:
        field: Name of the field.
        facts: What is known about it in each case.
        case_names: Names of the cases.
        asked: The names that the user gave; None: the name of the field, numbered where there are several channels.

    Raises:
        ShapeError: If a case has another number of channels.

    Example:
        >>> entry_names("image", [{"shape": [2, 8, 8]}], ["anna"])
        ['image_0', 'image_1']
    """
    counts = [entry["shape"][0] if len(entry["shape"]) > 1 else 1 for entry in facts]
    if asked is not None:
        odd = next((n for n, count in enumerate(counts) if count != len(asked)), None)
        if isinstance(asked, str) or odd is not None:
            shape = tuple(facts[odd or 0]["shape"])
            raise ShapeError(
                f"'{field}' of {case_names[odd or 0]} has the shape {shape}, and the names {asked!r} were given",
                expected="a list with one name per channel, the first axis",
                case=case_names[odd or 0],
                field=field,
            )
        return list(asked)
    if len(set(counts)) > 1:  # the first axis is none of channels
        return []
    return [field] if counts[0] == 1 else [f"{field}_{number}" for number in range(counts[0])]


def _one_kind(facts: Sequence[CaseFacts]) -> tuple[str, list[Any]]:
    """Return numbers as numbers and texts as texts; a number that is not there is NaN, anything mixed is JSON."""
    values = [json.loads(entry["value"]) if entry["kind"] == "json" else entry["value"] for entry in facts]
    known = [value for value in values if value is not None]
    if known and all(isinstance(value, bool | int | float) for value in known):
        if len(known) < len(values):
            return "number", [np.nan if value is None else float(value) for value in values]
        return "number", values
    if all(entry["kind"] == "text" for entry in facts):
        return "text", values
    return "json", [json.dumps(value, ensure_ascii=False) for value in values]
