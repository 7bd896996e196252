"""What the data sets around another data set share: cases, names and files are those of the one inside."""

from __future__ import annotations

import re
from collections.abc import Sequence
from copy import deepcopy
from typing import Any, SupportsIndex

from eisen._core.errors import ArgumentError, EisenError
from eisen._core.types import Step
from eisen.datasets.base import EisenDataset
from eisen.datasets.values import listed

__all__ = ["DatasetAround", "checked_dataset", "name_inside", "private"]

_NUMBER = re.compile(r"^#\d+")


class DatasetAround(EisenDataset):
    """A data set that shows cases of another one: some of them, or all in another way.

    It lists what the other one lists, so splits, digests and samplers see the same fields; errors name the same files.

    Attributes:
        dataset: The one inside.
        numbers: For each case its number in the one inside.

    Args:
        dataset: Any data set with a length and an index.
        transform: What to do with a case when it is read, after the transform of the one inside; None: nothing.
        numbers: Which of its cases; None: all.

    Raises:
        ArgumentError: If it is no data set that can be indexed.
    """

    def __init__(self, dataset: Any, transform: Step | None = None, numbers: Sequence[int] | None = None) -> None:
        self.dataset = checked_dataset(dataset, type(self).__name__)
        self.numbers = list(range(len(dataset))) if numbers is None else list(numbers)
        super().__init__([listed(dataset, number) for number in self.numbers], transform)

    def read(self, number: int) -> Any:
        """Return a private copy of a case of the data set inside.

        Args:
            number: From 0 to the number of cases minus 1.
        """
        try:
            return private(self.dataset, self.numbers[number])
        except EisenError as error:
            error.card.case = self.case_name(number)
            raise

    def case_name(self, index: SupportsIndex) -> str:
        """Return how people call a case: its number here, and the name it has inside."""
        number = self._number(index)
        return name_inside(self.dataset, self.numbers[number], number)


def checked_dataset(dataset: Any, owner: str) -> Any:
    """Return a data set, or say why it is none."""
    if isinstance(dataset, type) or not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
        raise ArgumentError(
            f"{owner}: {dataset!r} is no data set that can be indexed"[:200],
            expected="an object with a length and items, e.g. JsonDataset(...)",
            to_do='in a configuration: "dataset": {"type": "eisen.datasets.JsonDataset", "params": {...}}',
        )
    return dataset


def private(dataset: Any, number: int) -> Any:
    """Return an item that may be changed; a data set of ours has made a copy already."""
    item = dataset[number]
    return item if isinstance(dataset, EisenDataset) else deepcopy(item)


def name_inside(dataset: Any, inside: int, number: int) -> str:
    """Return the name that a case has in a data set inside, with the number it has outside.

    Args:
        dataset: The data set inside.
        inside: Number of the case there.
        number: Number outside.

    Example:
        >>> name_inside(EisenDataset([{"image": "a.nii.gz"}]), 0, 7)
        '#7 (a.nii.gz)'
    """
    name = getattr(dataset, "case_name", None)
    return _NUMBER.sub(f"#{number}", str(name(inside))) if callable(name) else f"#{number}"
