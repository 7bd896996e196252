"""Arguments of data sets of patches, checked before anything is read."""

from __future__ import annotations

from typing import Any

from eisen._core.errors import ArgumentError, EmptyDatasetError
from eisen.patches.where.indexing import Where

__all__ = ["check_dataset", "check_numbers", "check_steps"]


def check_dataset(dataset: Any, owner: str) -> None:
    """Raise if something is no data set of cases, or has none."""
    if isinstance(dataset, type) or not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
        raise ArgumentError(
            f"{owner}: {dataset!r} is no data set that can be indexed"[:200],
            expected="an object with a length and dicts as items, e.g. StoreDataset(...)",
            to_do='in a configuration: "dataset": {"type": "eisen.datasets.StoreDataset", "params": {...}}',
        )
    if not len(dataset):
        raise EmptyDatasetError(f"{owner}: the data set inside has no cases", expected="at least one case")


def check_steps(where: Any, transform: Any, owner: str) -> None:
    """Raise if the places are none, or the transform cannot be called."""
    if not isinstance(where, Where):
        raise ArgumentError(f"{owner}: where is {where!r}"[:200], expected="places, e.g. Grid([64, 64, 64])")
    if transform is not None and not callable(transform):
        raise ArgumentError(f"{owner}: transform is {transform!r}"[:200], expected="None, a function or a transform")


def check_numbers(owner: str, **numbers: tuple[Any, int]) -> None:
    """Raise if a number is neither None nor a whole one from its least value.

    Args:
        owner: Who was given them.
        **numbers: By name, the number and the least it may be.
    """
    for name, (value, least) in numbers.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
            raise ArgumentError(f"{owner}: {name} is {value!r}", expected=f"a whole number from {least}")
