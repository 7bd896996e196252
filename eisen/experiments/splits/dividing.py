"""Dividing cases into folds with scikit-learn, and holding a share of them out; groups stay whole."""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eisen._core.errors import ArgumentError

__all__ = ["Labelled", "divide", "hold_out", "warn_of_rare_classes"]

Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Labelled:
    """Names of cases with their groups and classes, in a fixed order.

    Args:
        names: The names.
        groups: The group of each; None: each on its own.
        classes: The class of each; None: all alike.
    """

    names: tuple[str, ...]
    groups: tuple[str, ...] | None = None
    classes: tuple[str, ...] | None = None

    def __len__(self) -> int:
        return len(self.names)

    def only(self, chosen: npt.NDArray[np.bool_]) -> Labelled:
        """Return the chosen cases."""
        numbers = np.flatnonzero(chosen).tolist()
        parts = (None if part is None else tuple(part[n] for n in numbers) for part in (self.groups, self.classes))
        return Labelled(tuple(self.names[n] for n in numbers), *parts)

    def units(self) -> Numbers:
        """Return the number of the group of each case, or of the case itself without groups."""
        return _codes(self.names if self.groups is None else self.groups)

    @property
    def called(self) -> str:
        """What is divided."""
        return "cases" if self.groups is None else "groups"


def divide(cases: Labelled, n_folds: int, seed: int, *, shuffle: bool = True) -> Numbers:
    """Return the number of the fold in which each case is held out.

    Folds are about equally large, no group is in two of them, and classes are spread over them.

    Args:
        cases: The cases.
        n_folds: How many folds.
        seed: What chance depends on.
        shuffle: False takes cases in the order of their names.

    Raises:
        ArgumentError: If there are fewer groups than folds, or classes with hardly any case each.
    """
    n_units = len(set(cases.units().tolist()))
    if n_units < n_folds:
        called = cases.called if n_units > 1 else cases.called.removesuffix("s")
        to_do = f"use {n_units} folds" if n_units > 1 else "use more cases, or look at the group: all have the same one"
        raise ArgumentError(
            f"{n_units} {called} cannot be divided into {n_folds} folds",
            expected=f"at least as many {cases.called} as folds",
            to_do=to_do,
        )
    _demand_classes(cases, n_folds)
    folds = _by_scikit_learn(cases, n_folds, seed, shuffle)
    if len(set(folds.tolist())) < n_folds:  # few groups with mixed classes can leave one of its folds empty
        order = _in_order(cases, np.random.default_rng(seed))
        place = {unit: number % n_folds for number, unit in enumerate(order.tolist())}
        folds = np.array([place[unit] for unit in cases.units().tolist()])
    return folds


def hold_out(cases: Labelled, share: float, seed: int) -> npt.NDArray[np.bool_]:
    """Return which cases are in a part that is held out: a share of the groups, at least one, never all.

    Groups are put in order by class, then by size, and every so many-th is taken, from a random start. So each class
    gives its share (within one group), and large groups are not all on one side.

    Args:
        cases: The cases.
        share: Between 0 and 1.
        seed: What chance depends on.

    Raises:
        ArgumentError: If there is only one group.
    """
    random = np.random.default_rng(seed)
    order = _in_order(cases, random)
    if len(order) < 2:
        raise ArgumentError(
            f"{len(cases)} cases in one group cannot be divided into two parts",
            expected="at least two groups for training and validation",
            to_do="use fewer folds, or validation=0 for no validation part",
        )
    count = min(max(int(share * len(order) + 0.5), 1), len(order) - 1)
    places = ((np.arange(count) + random.random()) * len(order) / count).astype(int)
    return np.isin(cases.units(), order[places])


def warn_of_rare_classes(cases: Labelled, n_folds: int) -> None:
    """Say which classes cannot be in the test part of every fold.

    Args:
        cases: The cases.
        n_folds: How many folds there will be.
    """
    if cases.classes is None:
        return
    pairs = set(zip(cases.classes, cases.units().tolist(), strict=True))
    counts = Counter(name for name, _ in pairs)
    rare = sorted(name for name, count in counts.items() if count < n_folds)
    if rare:
        shown = ", ".join(f"'{name}' ({counts[name]})" for name in rare[:5])
        more = f" and {len(rare) - 5} more" if len(rare) > 5 else ""
        what = f"classes in fewer {cases.called} than the {n_folds} folds: {shown}{more}; some folds test none of them"
        warnings.warn(what, UserWarning, stacklevel=3)


def _demand_classes(cases: Labelled, n_folds: int) -> None:
    counts = Counter(cases.classes or ())
    if counts and max(counts.values()) < n_folds:
        raise ArgumentError(
            f"{len(cases)} cases are of {len(counts)} classes, none of which has {n_folds} cases",
            expected=f"classes that can be spread over {n_folds} folds",
            to_do="stratify by something with few values (a diagnosis, a site, an age group), or use fewer folds",
        )


def _by_scikit_learn(cases: Labelled, n_folds: int, seed: int, shuffle: bool) -> Numbers:
    from sklearn import model_selection

    classes = None if cases.classes is None else _codes(cases.classes)
    units = cases.units()
    if cases.groups is not None and classes is None and shuffle:  # GroupKFold balances sizes, and takes ties in order
        units = np.random.default_rng(seed).permutation(units.max() + 1)[units]
    chance = {"shuffle": shuffle, "random_state": seed if shuffle else None}
    splitter: Any
    if cases.groups is None:
        splitter = (model_selection.KFold if classes is None else model_selection.StratifiedKFold)(n_folds, **chance)
    elif classes is None:
        splitter = model_selection.GroupKFold(n_folds)
    else:
        splitter = model_selection.StratifiedGroupKFold(n_folds, **chance)
    folds = np.full(len(cases), -1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of rare classes; said once for the whole split
        for number, (_, held_out) in enumerate(splitter.split(np.zeros(len(cases)), classes, units)):
            folds[held_out] = number
    return folds


def _in_order(cases: Labelled, random: np.random.Generator) -> Numbers:
    """Return the groups by class (the commonest one in them), size, and chance."""
    units = cases.units()
    n_units = int(units.max()) + 1
    sizes = np.bincount(units, minlength=n_units)
    classes = np.zeros(len(units), np.int64) if cases.classes is None else _codes(cases.classes)
    table = np.zeros((n_units, int(classes.max()) + 1), np.int64)
    np.add.at(table, (units, classes), 1)
    return np.lexsort((random.permutation(n_units), sizes, table.argmax(axis=1)))


def _codes(values: Sequence[str]) -> Numbers:
    codes: Numbers = np.unique(np.asarray(values, dtype=np.str_), return_inverse=True)[1].astype(np.int64)
    return codes
