"""What all ways of making a split share: reading groups and classes, checking numbers, filling a fold."""

from __future__ import annotations

from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError
from eisen.experiments.splits.dividing import Labelled, hold_out
from eisen.experiments.splits.fold import Fold
from eisen.experiments.splits.keys import Key, classes_of, groups_of
from eisen.experiments.splits.listed import Listed

__all__ = ["check_numbers", "check_share", "fold_with", "labelled_cases", "seed_from"]


def labelled_cases(
    cases: Listed, group: Key | None, no_group: bool, stratify: Key | None, read_samples: bool
) -> tuple[Labelled, dict[str, dict[str, Any]]]:
    """Return the cases to divide, and what the file says about each.

    Args:
        cases: The cases.
        group: Where groups come from.
        no_group: The declaration that there are none.
        stratify: Where classes come from.
        read_samples: Read each case once where its class is not listed.

    Raises:
        ArgumentError: If there are no cases, or groups are neither named nor declared absent.
        MissingFieldError: If a case has no group or class.
    """
    if not cases.entries:
        raise ArgumentError("there are no cases to split", expected="at least two")
    groups = groups_of(cases, group, absent=no_group)
    classes = classes_of(cases, stratify, read_samples=read_samples)
    facts = {name: {"group": groups[name], "class": classes[name]} for name in cases.entries}
    columns = (
        None if key is None else tuple(map(str, part.values())) for key, part in ((group, groups), (stratify, classes))
    )
    return Labelled(tuple(cases.entries), *columns), facts


def fold_with(name: str, cases: Labelled, test: Any, validation: float, seed: int) -> Fold:
    """Return a fold whose test part is known: of the rest a share is for validation.

    Args:
        name: Name of the fold.
        cases: All cases.
        test: Which of them are in the test part.
        validation: Share of the rest that is for validation.
        seed: What chance depends on.
    """
    rest = cases.only(~test)
    held_out = hold_out(rest, validation, seed) if validation else np.zeros(len(rest), bool)
    return Fold(name, rest.only(~held_out).names, rest.only(held_out).names, cases.only(test).names)


def seed_from(*numbers: int) -> int:
    """Return a seed for one of several draws that must not be alike.

    Example:
        >>> seed_from(0, 1) != seed_from(0, 2)
        True
    """
    return int(np.random.SeedSequence(numbers).generate_state(1)[0])


def check_numbers(n_folds: int, repeats: int, validation: float, seed: int) -> None:
    """Raise if one of the numbers is out of range.

    Args:
        n_folds: Number of folds, 2 or more.
        repeats: Number of repeats, 1 or more.
        validation: Share of validation.
        seed: 0 or more.
    """
    for name, value, least in (("folds", n_folds, 2), ("repeats", repeats, 1), ("seed", seed, 0)):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ArgumentError(f"{name} is {value!r}", expected=f"a whole number, {least} or more")
    check_share("validation", validation)


def check_share(name: str, share: float) -> None:
    """Raise if a number is no share.

    Args:
        name: What it is the share of.
        share: From 0 to less than 1.
    """
    if isinstance(share, bool) or not isinstance(share, int | float) or not 0 <= share < 1:
        raise ArgumentError(f"{name} is {share!r}", expected="a share from 0 to less than 1, e.g. 0.2")
