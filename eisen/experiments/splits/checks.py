"""What makes a split one that can be trusted."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from eisen._core.errors import ArgumentError, nearest

if TYPE_CHECKING:
    from eisen.experiments.splits.fold import Fold
    from eisen.experiments.splits.splits import Splits

__all__ = ["KINDS", "check_splits", "rounds_of"]

KINDS = ("kfold", "holdout", "nested", "explicit")
"""How a split came to be."""

_REPEAT = re.compile(r"r(\d+)-f\d+")


def check_splits(splits: Splits) -> None:
    """Raise the first reason why a split cannot be used.

    Args:
        splits: The split.

    Raises:
        ArgumentError: If it leaks, or is no split at all.
    """
    _check_facts(splits)
    names = [fold.name for fold in splits.folds]
    if not names or len(set(names)) < len(names):
        what = f"two folds are called '{_twice(names)}'" if names else "there is no fold"
        raise ArgumentError(what, expected="at least one fold, each with its own name")
    for fold in splits.folds:
        _check_fold(fold, splits.cases)
        _check_groups(fold, splits.cases)
    if splits.kind in ("kfold", "nested"):
        _check_rounds(splits)


def _check_facts(splits: Splits) -> None:
    if splits.kind not in KINDS:
        choices = ", ".join(map(repr, KINDS))
        raise ArgumentError(f"kind is {splits.kind!r}", expected=f"one of {choices}", to_do=nearest(splits.kind, KINDS))
    if not isinstance(splits.cases, Mapping) or not all(_is_case(facts) for facts in splits.cases.values()):
        raise ArgumentError("cases are not as expected", expected='{"case_1": {"group": ..., "class": ...}, ...}')
    try:
        json.dumps([splits.seed, splits.group, splits.stratify, dict(splits.cases)], allow_nan=False, default=dict)
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"it cannot be written as JSON: {error}", expected="plain text and numbers") from error
    if (splits.group is None) is not splits.group_absent:
        declared = "both named and declared absent" if splits.group_absent else "neither named nor declared absent"
        raise ArgumentError(f"the group of the cases is {declared}", expected="one of the two")
    without = [name for name, facts in splits.cases.items() if facts["group"] is None]
    if splits.group is not None and without:
        raise ArgumentError(f"{len(without)} cases have no group, e.g. '{without[0]}'", expected="a group for each")


def _is_case(facts: Any) -> bool:
    if not isinstance(facts, Mapping) or set(facts) != {"group", "class"}:
        return False
    plain = facts["class"] is None or isinstance(facts["class"], str | int | float)
    return plain and (facts["group"] is None or isinstance(facts["group"], str))


def _check_fold(fold: Fold, cases: Iterable[str]) -> None:
    """Each case is known and in one part only, and something trains."""
    names = [name for _, part in fold.parts() for name in part]
    if not fold.training:
        raise ArgumentError(f"fold '{fold.name}' has no training cases", expected="at least one")
    if len(set(names)) < len(names):
        case = _twice(names)
        where = " and ".join(part for part, members in fold.parts() for name in members if name == case)
        raise ArgumentError(f"fold '{fold.name}' leaks: case '{case}' is in {where}", expected="each case once")
    unknown = sorted(set(names).difference(cases))
    if unknown:
        to_do = nearest(unknown[0], cases)
        raise ArgumentError(
            f"fold '{fold.name}' names '{unknown[0]}', which is no case", expected="a known one", to_do=to_do
        )


def _check_groups(fold: Fold, cases: Mapping[str, Mapping[str, Any]]) -> None:
    """No group is in two parts."""
    home: dict[Any, tuple[str, str]] = {}
    for part, members in fold.parts():
        for name in members:
            group = cases[name]["group"]
            where, other = home.setdefault(group, (part, name))
            if group is not None and where != part:
                raise ArgumentError(
                    f"fold '{fold.name}' leaks: group '{group}' is in {where} ('{other}') and in {part} ('{name}')",
                    expected="all cases of a group in one part",
                    to_do="make the split with eisen.experiments.splits or 'eisen split'; they keep groups together",
                )


def rounds_of(splits: Splits) -> dict[str, list[Fold]]:
    """Return the folds by round: those that together test every case once.

    Of a nested split these are the first of the inner folds of each outer one. Folds of an explicit split or a
    holdout are rounds of their own.

    Args:
        splits: The split.
    """
    rounds: dict[str, list[Fold]] = {}
    for fold in splits.folds:
        repeat = _REPEAT.fullmatch(fold.name)
        if splits.kind in ("holdout", "explicit"):
            rounds[fold.name] = [fold]
        elif splits.kind == "kfold":
            rounds.setdefault(repeat[1] if repeat else "0", []).append(fold)
        elif all(fold.name.partition("/")[0] != other.name.partition("/")[0] for other in rounds.get("0", [])):
            rounds.setdefault("0", []).append(fold)
    return rounds


def _check_rounds(splits: Splits) -> None:
    """Each case is tested once in a round; inner folds validate each remaining case once and share the test."""
    for folds in rounds_of(splits).values():
        _demand_once(splits.cases, [name for fold in folds for name in fold.test], "test")
    if splits.kind != "nested":
        return
    outer: dict[str, list[Fold]] = {}
    for fold in splits.folds:
        outer.setdefault(fold.name.partition("/")[0], []).append(fold)
    for number, folds in outer.items():
        if any(set(fold.test) != set(folds[0].test) for fold in folds):
            raise ArgumentError(f"the inner folds of fold '{number}' have different tests", expected="the same one")
        rest = [name for name in splits.cases if name not in set(folds[0].test)]
        _demand_once(rest, [name for fold in folds for name in fold.validation], f"validation of fold '{number}'")


def _demand_once(cases: Iterable[str], names: list[str], where: str) -> None:
    counts = Counter(names)
    for case in cases:
        if counts[case] != 1:
            times = "never" if not counts[case] else f"{counts[case]} times"
            raise ArgumentError(f"case '{case}' is {times} in {where}", expected="each case exactly once")


def _twice(names: list[str]) -> str:
    return next(name for name, count in Counter(names).items() if count > 1)
