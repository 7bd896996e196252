"""Cutting a data set into parts for training, validation and testing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError
from eisen._core.types import Step
from eisen.datasets.base import EisenDataset
from eisen.datasets.lists import ListDataset

__all__ = ["EisenDatasetSplitter"]

_TOLERANCE = 1e-6


class EisenDatasetSplitter:
    """Cut a data set at random into three: for training, for validation and for testing.

    The parts read their cases from the whole when they are asked for them; nothing is loaded by splitting. The
    permutation comes from NumPy's global generator: call ``numpy.random.seed`` before to repeat a split. (For a
    split that does not depend on it, see the argument `split` that every data set has.)

    Args:
        fraction_train: Share of the cases for training, from 0 to 1.
        fraction_valid: Share for validation. None: what the others leave.
        fraction_test: Share for testing. None: what the others leave if `fraction_valid` is given, else nothing.
        transform_train: Applied to the training cases when they are read, after the transform of the whole.
        transform_valid: The same for validation.
        transform_test: The same for testing.

    Raises:
        ArgumentError: If a share is not between 0 and 1, or they do not add up to 1.

    Example:
        >>> whole = ListDataset([{"number": n} for n in range(10)])
        >>> train, valid, test = EisenDatasetSplitter(0.8)(whole)
        >>> len(train), len(valid), len(test)
        (8, 2, 0)
    """

    def __init__(
        self,
        fraction_train: float,
        fraction_valid: float | None = None,
        fraction_test: float | None = None,
        transform_train: Step | None = None,
        transform_valid: Step | None = None,
        transform_test: Step | None = None,
    ) -> None:
        if fraction_valid is None:
            fraction_test = fraction_test or 0.0
            fraction_valid = _rest(fraction_train + fraction_test)
        elif fraction_test is None:
            fraction_test = _rest(fraction_train + fraction_valid)
        shares = (fraction_train, fraction_valid, fraction_test)
        if not all(0 <= share <= 1 for share in shares) or abs(sum(shares) - 1) > _TOLERANCE:
            raise ArgumentError(
                f"EisenDatasetSplitter: the shares are {', '.join(f'{share:g}' for share in shares)}",
                expected="three shares from 0 to 1 (training, validation, testing) that add up to 1",
            )
        self.fraction_train, self.fraction_valid, self.fraction_test = shares
        self.transform_train, self.transform_valid, self.transform_test = (
            transform_train,
            transform_valid,
            transform_test,
        )

    def __call__(self, dataset: Any) -> tuple[ListDataset, ListDataset, ListDataset]:
        """Return the parts for training, validation and testing; a part without cases is an empty data set.

        Args:
            dataset: Anything with a length and an index.
        """
        order = np.random.permutation(len(dataset)).tolist()
        first = int(self.fraction_test * len(order) + 0.5)
        second = int((self.fraction_test + self.fraction_valid) * len(order) + 0.5)
        return (
            _Part(dataset, order[second:], self.transform_train),
            _Part(dataset, order[first:second], self.transform_valid),
            _Part(dataset, order[:first], self.transform_test),
        )


def _rest(taken: float) -> float:
    """Return what is left of 1, where a rounding error is not a share."""
    return 0.0 if abs(1 - taken) < _TOLERANCE else 1 - taken


class _Selection(Sequence[Any]):
    """Some items of a data set, in a given order, read when they are asked for."""

    def __init__(self, dataset: Any, numbers: Sequence[int]) -> None:
        self.dataset = dataset
        self.numbers = list(numbers)

    def __len__(self) -> int:
        return len(self.numbers)

    def __getitem__(self, index: Any) -> Any:
        return self.dataset[self.numbers[index]]


class _Part(ListDataset):
    """One part of a data set."""

    def __init__(self, dataset: Any, numbers: Sequence[int], transform: Step | None) -> None:
        super().__init__(_Selection(dataset, numbers), transform)
        self.whole = dataset
        self.numbers = list(numbers)

    def read(self, number: int) -> Any:
        """Return a private copy of an item; a data set of ours has made one already."""
        return self.cases[number] if isinstance(self.whole, EisenDataset) else super().read(number)

    def peek(self, number: int) -> Any:
        """Return what the whole stores about a case."""
        return self.whole.peek(self.numbers[number]) if isinstance(self.whole, EisenDataset) else {}

    def case_name(self, index: Any) -> str:
        """Return how the whole calls a case."""
        number = self.numbers[self._number(index)]
        return self.whole.case_name(number) if isinstance(self.whole, EisenDataset) else f"#{number}"
