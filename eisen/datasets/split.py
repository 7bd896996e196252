"""Training and validation from one list of cases: the same split on every machine, named in a configuration.

Which side a case falls on depends on its file name and the seed alone, not on where it stands in the list: a list
that is sorted differently splits the same way.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import re
from collections.abc import Sequence
from typing import Any

from eisen._core.errors import ArgumentError, EmptyDatasetError, nearest
from eisen.datasets.listing import first_file

__all__ = ["SPLITS", "choose_split"]

SPLITS = ("all", "train", "validation")


def choose_split(
    cases: Sequence[Any],
    split: str = "all",
    validation_fraction: float = 0.2,
    split_seed: int = 0,
    group: str | None = None,
) -> Sequence[Any]:
    r"""Return the cases of one side of a seeded split, in the order of the list; all of them as they are.

    The groups of cases are ranked by the SHA-256 digest of seed and group; the first ones, a fraction of all
    groups (at least one, never all), are for validation.

    Args:
        cases: All cases.
        split: ``"all"``, ``"train"`` or ``"validation"``.
        validation_fraction: Share of the groups that is for validation, between 0 and 1.
        split_seed: Another number gives another split.
        group: Name of a field, e.g. ``"patient"``: cases with the same value in it stay together. Or a regular
            expression with one group in parentheses, searched in the first file name of a case: cases where it finds
            the same text stay together, e.g. ``r"(patient\d+)_"``. None: each file on its own.

    Raises:
        ArgumentError: If an argument is not one of those, or `group` finds nothing in a file name.
        EmptyDatasetError: If there is only one group, so that one side would be empty.

    Example:
        >>> cases = [{"image": f"p{n // 2}_{'lr'[n % 2]}.nii.gz"} for n in range(10)]
        >>> held_out = choose_split(cases, "validation", 0.2, group=r"^(p\d+)_")
        >>> len(held_out), len({case["image"][:2] for case in held_out})
        (2, 1)
    """
    _check(split, validation_fraction, split_seed)
    is_field = _is_field(group, cases)
    pattern = None if is_field else _compiled(group)
    if split == "all":
        return cases
    keys = [str(case[group]) if is_field else _key(case, number, pattern) for number, case in enumerate(cases)]
    groups = sorted(set(keys), key=lambda key: hashlib.sha256(f"{split_seed}\n{key}".encode()).digest())
    if len(groups) < 2:
        raise EmptyDatasetError(
            f"{len(cases)} cases in one group cannot be split in two",
            expected="at least two cases (or groups of cases)",
            to_do="use split='all', or correct the pattern in 'group'",
        )
    n_held_out = min(max(int(validation_fraction * len(groups) + 0.5), 1), len(groups) - 1)
    held_out = set(groups[:n_held_out])
    return [case for case, key in zip(cases, keys, strict=True) if (key in held_out) == (split == "validation")]


def _check(split: str, validation_fraction: float, split_seed: int) -> None:
    if split not in SPLITS:
        choices = ", ".join(f"'{name}'" for name in SPLITS)
        raise ArgumentError(f"split is {split!r}", expected=f"one of {choices}", to_do=nearest(str(split), SPLITS))
    if not isinstance(validation_fraction, (int, float)) or not 0 < validation_fraction < 1:
        raise ArgumentError(f"validation_fraction is {validation_fraction!r}", expected="a number between 0 and 1")
    if not isinstance(split_seed, int):
        raise ArgumentError(f"split_seed is {split_seed!r}", expected="a whole number")


def _compiled(group: str | None) -> re.Pattern[str] | None:
    if not group:
        return None
    try:
        pattern = re.compile(group)
    except (re.error, TypeError) as error:
        raise ArgumentError(f"group is {group!r}: {error}", expected="a regular expression") from error
    if pattern.groups != 1:
        raise ArgumentError(
            f"group is {group!r}, with {pattern.groups} pairs of parentheses",
            expected="a field that every case has, or a regular expression with one pair around what cases of one "
            "patient have in common",
        )
    return pattern


def _is_field(group: str | None, cases: Sequence[Any]) -> bool:
    return isinstance(group, str) and all(isinstance(case, dict) and group in case for case in cases)


def _key(case: Any, number: int, pattern: re.Pattern[str] | None) -> str:
    """Return what decides the side of a case: its first file, or what the pattern finds in its name."""
    text = first_file(case)
    name = posixpath.normpath(text.replace("\\", "/")) if text else _content(case, number)
    if pattern is None:
        return name
    match = pattern.search(posixpath.basename(name)) or pattern.search(name)
    if match is None or match[1] is None:
        raise ArgumentError(
            f"group {pattern.pattern!r} finds nothing in '{name}'",
            expected="a regular expression that finds its group in the first file name of every case",
        )
    return match[1]


def _content(case: Any, number: int) -> str:
    """Return what tells a case without files from others: what is written about it, or else its number."""
    try:
        return json.dumps(case, sort_keys=True, default=os.fspath)
    except TypeError:  # arrays
        return f"case {number}"
