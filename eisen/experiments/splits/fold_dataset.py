"""The cases of one part of a fold as a data set."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, SupportsIndex

from eisen._core.types import DataPoint, Step
from eisen.datasets.base import EisenDataset
from eisen.experiments.splits.listed import Listed
from eisen.storage.regions import RegionSource

__all__ = ["FoldDataset"]


class FoldDataset(EisenDataset):
    """Some cases of a pool of data sets, in the order of the fold, with the readers and transforms of a phase.

    Args:
        pool: Cases of data sets, by name.
        names: Which of them.
        transform: What to do with a case when it is read.

    Example:
        >>> from eisen.datasets import ListDataset
        >>> from eisen.experiments.splits import list_cases
        >>> pool = list_cases(ListDataset([{"image": "a.nii.gz"}, {"image": "b.nii.gz"}, {"image": "c.nii.gz"}]))
        >>> part = FoldDataset(pool, ["c", "a"])
        >>> part[0], part.split_names, part.case_name(1)
        ({'image': 'c.nii.gz'}, ('c', 'a'), '#1 (a.nii.gz)')
    """

    hands_on = True
    """A case is what its data set says it is, whichever fold it is in: folds share what is cached."""

    def __init__(self, pool: Listed, names: Sequence[str], transform: Step | None = None) -> None:
        super().__init__([_listed(pool, name) for name in names], transform)
        self.split_names = tuple(names)
        self._places = [pool.places[name] for name in names]
        self.datasets: list[Any] = [source.dataset for source in pool.sources]
        self._datasets = self.datasets

    def read(self, number: int) -> Any:
        """Return a private copy of what its data set stores about a case."""
        source, index = self._places[number]
        dataset = self.datasets[source]
        return dataset.read(index) if hasattr(dataset, "read") else dataset[index]

    @property
    def case_sources(self) -> Callable[[SupportsIndex], dict[str, RegionSource]]:
        """What gives the arrays of a case as sources of regions; there only where all data sets have it."""
        return partial(self._asked, [dataset.case_sources for dataset in self.datasets])

    @property
    def case_rest(self) -> Callable[[SupportsIndex], DataPoint]:
        """What gives everything else of a case; there only where all data sets have it."""
        return partial(self._asked, [dataset.case_rest for dataset in self.datasets])

    def _asked(self, methods: Sequence[Callable[[int], Any]], index: SupportsIndex) -> Any:
        source, inside = self._places[self._number(index)]
        return methods[source](inside)

    def case_name(self, index: SupportsIndex) -> str:
        """Return how people call a case: its index, and the first file it names, else its name in the split."""
        name = super().case_name(index)
        return name if "(" in name else f"{name} ({self.split_names[self._number(index)]})"


def _listed(pool: Listed, name: str) -> dict[str, Any]:
    """Return what is listed about a case; the row of an array is told by its name."""
    entry = pool.entries[name]
    source, index = pool.places[name]
    if not isinstance(entry, dict):
        return {"case": name}
    return entry if pool.sources[source].row(index) is None else {"case": name, **entry}
