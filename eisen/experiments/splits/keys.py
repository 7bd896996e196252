"""Group and class of each case, read from what is listed about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from eisen._core.errors import ArgumentError, MissingFieldError, nearest
from eisen.experiments.case_names import listed_file
from eisen.experiments.splits.listed import Listed

__all__ = ["Key", "classes_of", "groups_of", "name_of"]

Key = str | Callable[[Any], Any] | Mapping[str, Any]
"""Where a group or a class comes from: the name of a listed field; ``"regex:..."``, searched in the name of a case and
then in its first file; a function of what is listed; or the values by case name."""

_REGEX = "regex:"


def name_of(key: Key | None) -> str | None:
    """Return how a file names where groups or classes came from.

    Example:
        >>> name_of("patient"), name_of({"a": 1}), name_of(len)
        ('patient', 'mapping', 'function len')
    """
    if key is None or isinstance(key, str):
        return key
    return "mapping" if isinstance(key, Mapping) else f"function {getattr(key, '__name__', type(key).__name__)}"


def groups_of(cases: Listed, group: Key | None, *, absent: bool) -> dict[str, str | None]:
    """Return the group of each case; None for all when it was declared that there are none.

    Args:
        cases: The cases.
        group: Where groups come from.
        absent: The declaration that cases have nothing in common.

    Raises:
        ArgumentError: If groups are neither named nor declared absent, or both.
        MissingFieldError: If a case has none.
    """
    if group is None and not absent:
        raise ArgumentError(
            "it is not said which cases belong together",
            expected="what cases of one patient have in common: two scans of a patient in different parts of a split "
            "make results look better than they are",
            to_do="name the field (group='patient', --group patient) or a pattern in case names "
            r"(group='regex:^(sub-\d+)'), or declare that every case is another patient: no_group=True, --no-group",
        )
    if group is not None and absent:
        raise ArgumentError(f"group is {name_of(group)!r} and no_group is True", expected="one of the two")
    if group is None:
        return dict.fromkeys(cases.entries)
    return {name: str(value) for name, value in _values(cases, group, "group").items()}


def classes_of(cases: Listed, stratify: Key | None, *, read_samples: bool = False) -> dict[str, Any]:
    """Return the class of each case; None for all without `stratify`.

    Args:
        cases: The cases.
        stratify: Where classes come from.
        read_samples: Read each case once where its class is not listed.

    Raises:
        MissingFieldError: If a case has none.
    """
    if stratify is None:
        return dict.fromkeys(cases.entries)
    return _values(cases, stratify, "stratify", cases.sample if read_samples and cases.sources else None)


def _values(cases: Listed, key: Key, what: str, read: Callable[[str], Any] | None = None) -> dict[str, Any]:
    find = _finder(key, what)
    values, missing = {}, []
    for name, entry in cases.entries.items():
        value = _plain(find(name, entry))
        if value is None and read is not None:
            value = _plain(find(name, read(name)))
        if value is None:
            missing.append(name)
        values[name] = value
    if missing:
        raise _missing(cases, key, what, missing)
    return values


def _finder(key: Key, what: str) -> Callable[[str, Any], Any]:
    if isinstance(key, Mapping):
        return lambda name, _: key.get(name)
    if not isinstance(key, str):
        if not callable(key):
            raise ArgumentError(
                f"{what} is {key!r}", expected="a field, 'regex:...', a function, or values by case name"
            )
        return lambda name, entry: key(name if entry is None else entry)
    if not key.startswith(_REGEX):
        return lambda _, entry: entry.get(key) if isinstance(entry, Mapping) else None
    try:
        pattern = re.compile(key.removeprefix(_REGEX))
    except re.error as error:
        raise ArgumentError(f"{what} is {key!r}: {error}", expected="a regular expression behind 'regex:'") from error
    return lambda name, entry: _found(pattern, name, entry)


def _found(pattern: re.Pattern[str], name: str, entry: Any) -> str | None:
    """Return what the pattern finds: its parentheses if it has any, else all of it."""
    match = pattern.search(name) or pattern.search(listed_file(entry).replace("\\", "/"))
    if match is None:
        return None
    return "/".join(part or "" for part in match.groups()) if pattern.groups else match.group()


def _plain(value: Any) -> Any:
    """Return a value as JSON knows it; None when there is none (an empty cell, NaN)."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    while isinstance(value, list | tuple) and len(value) == 1:
        value = value[0]
    if isinstance(value, list | tuple):
        return ",".join(str(_plain(item)) for item in value) or None
    if isinstance(value, float):
        whole = value == value and abs(value) < 2**53 and value == int(value)
        return int(value) if whole else None if value != value else value
    if isinstance(value, str):
        return value.strip() or None
    return value if value is None or isinstance(value, int) else str(value)


def _missing(cases: Listed, key: Key, what: str, missing: list[str]) -> MissingFieldError:
    """Return the card for cases without a value."""
    name = name_of(key)
    entry = cases.entries[missing[0]]
    fields = list(entry) if isinstance(entry, Mapping) else []
    count = f"{len(missing)} of {len(cases)} cases" if len(missing) < len(cases) else "no case"
    verb = "has" if count == "no case" else "have no"
    advice = "list it (a column of a table, a field of a JSON list), or give the values by case name"
    if what == "stratify":
        advice += ", or read each case once for it: read_samples=True, --read"
    hint = nearest(str(name), fields) if isinstance(key, str) else ""
    expected = f"a value for each case; listed are {', '.join(map(repr, fields)) or 'no fields'}"
    if isinstance(key, str) and key.startswith(_REGEX):
        verb, hint = ("matches" if count == "no case" else "do not match"), ""
        expected, advice = (
            "a pattern that is found in the name (or the first file) of every case",
            "correct the pattern",
        )
    return MissingFieldError(
        f"{what}: {count} {verb} '{name}', e.g. '{missing[0]}'",
        expected=expected,
        to_do=hint or advice,
        case=missing[0],
    )
