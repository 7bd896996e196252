"""Making splits: cross-validation, one division, nested cross-validation."""

from __future__ import annotations

from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError
from eisen.experiments.splits.dividing import divide, hold_out, warn_of_rare_classes
from eisen.experiments.splits.fold import Fold
from eisen.experiments.splits.keys import Key, name_of
from eisen.experiments.splits.listed import list_cases
from eisen.experiments.splits.preparing import check_numbers, check_share, fold_with, labelled_cases, seed_from
from eisen.experiments.splits.splits import Splits

__all__ = ["holdout", "kfold", "nested", "repeated"]


def kfold(
    cases: Any,
    n_folds: int = 5,
    *,
    group: Key | None = None,
    no_group: bool = False,
    stratify: Key | None = None,
    validation: float = 0.2,
    shuffle: bool = True,
    seed: int = 0,
    repeats: int = 1,
    read_samples: bool = False,
) -> Splits:
    r"""Return a cross-validation: every case is in the test part of exactly one fold (of each repeat).

    The same cases, groups and seed give the same split, in whatever order the cases are listed.

    Args:
        cases: A data set, a list of cases or of their names, or what is listed about each case by name.
        n_folds: How many folds.
        group: What cases that must stay together have in common: the name of a listed field, ``"regex:^(sub-\d+)"``
            for a pattern in case names, a function of what is listed, or the groups by case name.
        no_group: Declare that no two cases belong together, instead of `group`.
        stratify: What the classes are that all parts shall have their share of; given like `group`.
        validation: Share of the cases outside the test part that is for validation; 0: none.
        shuffle: False takes cases in the order of their names.
        seed: What chance depends on.
        repeats: How often the whole is done, each time differently; folds are then called ``"r0-f0"`` ...
        read_samples: Read each case once where its class is not listed.

    Raises:
        ArgumentError: If groups are neither named nor declared absent, or there are fewer of them than folds.
        MissingFieldError: If a case has no group or class.

    Warns:
        UserWarning: If a class has fewer cases than there are folds.

    Example:
        >>> scans = [{"image": f"p{n // 2}_{n % 2}.nii.gz", "patient": f"p{n // 2}"} for n in range(20)]
        >>> splits = kfold(scans, 5, group="patient", validation=0.25)
        >>> len(splits), splits["0"].test, len(splits["0"].validation)
        (5, ('p...', 'p...', 'p...', 'p...'), 4)
    """
    check_numbers(n_folds, repeats, validation, seed)
    if repeats > 1 and not shuffle:
        raise ArgumentError(f"{repeats} repeats without shuffling are all the same", expected="shuffle=True")
    listed = list_cases(cases)
    labelled, facts = labelled_cases(listed, group, no_group, stratify, read_samples)
    folds = []
    for repeat in range(repeats):
        chosen = divide(labelled, n_folds, seed_from(seed, repeat), shuffle=shuffle)
        for number in range(n_folds):
            name = str(number) if repeats == 1 else f"r{repeat}-f{number}"
            test = chosen == number
            folds.append(fold_with(name, labelled, test, validation, seed_from(seed, repeat, number + 1)))
    warn_of_rare_classes(labelled, n_folds)
    return Splits("kfold", folds, facts, seed, name_of(group), no_group, name_of(stratify))


def repeated(cases: Any, n_folds: int = 5, repeats: int = 3, **options: Any) -> Splits:
    """Return a cross-validation done several times, each time divided differently.

    Args:
        cases: As in `kfold`.
        n_folds: How many folds each time.
        repeats: How often.
        **options: The other arguments of `kfold`.

    Example:
        >>> [fold.name for fold in repeated([f"scan_{n}" for n in range(8)], 2, 2, no_group=True)]
        ['r0-f0', 'r0-f1', 'r1-f0', 'r1-f1']
    """
    return kfold(cases, n_folds, repeats=repeats, **options)


def holdout(
    cases: Any,
    *,
    test: float = 0.2,
    validation: float = 0.2,
    group: Key | None = None,
    no_group: bool = False,
    stratify: Key | None = None,
    seed: int = 0,
    repeats: int = 1,
    read_samples: bool = False,
) -> Splits:
    """Return one division into training, validation and test; several independent ones with `repeats`.

    Args:
        cases: As in `kfold`.
        test: Share of all groups that is for the test; 0: none.
        validation: Share of the others that is for validation; 0: none.
        group: As in `kfold`.
        no_group: As in `kfold`.
        stratify: As in `kfold`.
        seed: What chance depends on.
        repeats: How many divisions; they are called ``"0"``, ``"1"`` ...
        read_samples: As in `kfold`.

    Example:
        >>> splits = holdout([f"scan_{n}" for n in range(10)], no_group=True)
        >>> [len(part) for _, part in splits["0"].parts()]
        [6, 2, 2]
    """
    check_numbers(2, repeats, validation, seed)
    check_share("test", test)
    listed = list_cases(cases)
    labelled, facts = labelled_cases(listed, group, no_group, stratify, read_samples)
    folds = []
    for repeat in range(repeats):
        out = hold_out(labelled, test, seed_from(seed, repeat)) if test else np.zeros(len(labelled), bool)
        folds.append(fold_with(str(repeat), labelled, out, validation, seed_from(seed, repeat, 1)))
    return Splits("holdout", folds, facts, seed, name_of(group), no_group, name_of(stratify))


def nested(
    cases: Any,
    n_folds: int = 5,
    n_inner: int = 3,
    *,
    group: Key | None = None,
    no_group: bool = False,
    stratify: Key | None = None,
    shuffle: bool = True,
    seed: int = 0,
    read_samples: bool = False,
) -> Splits:
    """Return a nested cross-validation: settings are chosen in inner folds that never see the outer test.

    Fold ``"2/0"`` is the first inner fold of the third outer one. Its test part is that of the outer fold, its
    validation part is held out of the rest: each remaining case validates in exactly one of the inner folds.

    Args:
        cases: As in `kfold`.
        n_folds: How many outer folds.
        n_inner: How many inner folds in each.
        group: As in `kfold`.
        no_group: As in `kfold`.
        stratify: As in `kfold`.
        shuffle: As in `kfold`.
        seed: What chance depends on.
        read_samples: As in `kfold`.

    Example:
        >>> splits = nested([f"scan_{n}" for n in range(12)], 3, 2, no_group=True)
        >>> [fold.name for fold in splits], splits["0/0"].test == splits["0/1"].test
        (['0/0', '0/1', '1/0', '1/1', '2/0', '2/1'], True)
    """
    check_numbers(n_folds, 1, 0.0, seed)
    check_numbers(n_inner, 1, 0.0, seed)
    listed = list_cases(cases)
    labelled, facts = labelled_cases(listed, group, no_group, stratify, read_samples)
    outer = divide(labelled, n_folds, seed_from(seed, 0), shuffle=shuffle)
    folds = []
    for number in range(n_folds):
        rest = labelled.only(outer != number)
        inner = divide(rest, n_inner, seed_from(seed, 0, number + 1), shuffle=shuffle)
        test = labelled.only(outer == number).names
        for small in range(n_inner):
            parts = (rest.only(inner != small).names, rest.only(inner == small).names, test)
            folds.append(Fold(f"{number}/{small}", *parts))
    warn_of_rare_classes(labelled, n_folds)
    return Splits("nested", folds, facts, seed, name_of(group), no_group, name_of(stratify))
