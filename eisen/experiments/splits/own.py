"""A split with folds of one's own, e.g. those of a challenge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from eisen.experiments.splits.fold import PARTS, Fold
from eisen.experiments.splits.keys import Key, name_of
from eisen.experiments.splits.listed import list_cases
from eisen.experiments.splits.preparing import labelled_cases
from eisen.experiments.splits.splits import Splits

__all__ = ["explicit"]


def explicit(
    folds: Iterable[Fold | Mapping[str, Any]] | Mapping[str, Mapping[str, Any]],
    cases: Any = None,
    *,
    group: Key | None = None,
    no_group: bool = False,
    stratify: Key | None = None,
) -> Splits:
    """Return a split with folds of your own, e.g. those of a challenge.

    Args:
        folds: Folds, or objects ``{"name": "0", "training": [...], "validation": [...], "test": [...]}``, or such
            objects without a name by name.
        cases: All cases, as in `kfold`; None: those in the folds.
        group: As in `kfold`.
        no_group: As in `kfold`.
        stratify: As in `kfold`.

    Raises:
        ArgumentError: If a group or a case is in two parts of a fold, or a fold names an unknown case.

    Example:
        >>> splits = explicit({"official": {"training": ["a", "b"], "test": ["c"]}}, no_group=True)
        >>> splits["official"].test
        ('c',)
    """
    given = [{"name": name, **parts} for name, parts in folds.items()] if isinstance(folds, Mapping) else folds
    made = [fold if isinstance(fold, Fold) else Fold.from_dict(_with_name(fold, n)) for n, fold in enumerate(given)]
    named = sorted({name for fold in made for part in PARTS for name in getattr(fold, part)})
    listed = list_cases(named if cases is None else cases)
    _, facts = labelled_cases(listed, group, no_group, stratify, False)
    return Splits("explicit", made, facts, None, name_of(group), no_group, name_of(stratify))


def _with_name(fold: Any, number: int) -> Any:
    return {"name": str(number), **fold} if isinstance(fold, Mapping) else fold
