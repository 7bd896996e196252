"""What every data set is: a list of cases, and a transform that is applied to a copy of a case when it is read."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from operator import index as as_integer
from pathlib import PurePath
from typing import Any, Literal, SupportsIndex

from torch.utils.data import Dataset

from eisen._core.errors import ArgumentError, EisenError, StepError
from eisen._core.types import DataPoint, Step
from eisen.datasets.listing import first_file
from eisen.datasets.options import spell_out
from eisen.datasets.split import choose_split

__all__ = ["EisenDataset", "old_name_of_cases"]


def old_name_of_cases() -> Any:
    """Return a property: the cases, under a name they had in the original. Assigning to it replaces the cases."""
    return property(lambda dataset: dataset.cases, lambda dataset, cases: setattr(dataset, "cases", cases))


class EisenDataset(Dataset[DataPoint]):
    """A list of cases, one after the other, that works with everything made for PyTorch data sets.

    Reading a case copies what is stored about it and applies the transform to the copy, so a transform can never
    change the stored cases. An error on the way is told which case and file it is about.

    Args:
        cases: What is known about each case: names of fields to file names, numbers, text or arrays.
        transform: What to do with a case when it is read; None: nothing.
        split: Which of the cases: ``"all"``, or one side of a seeded split, ``"train"`` or ``"validation"``. Which side
            a case is on depends on its first file name and `split_seed` only, not on where it stands in the list.
        validation_fraction: Share of the cases that is for validation, between 0 and 1.
        split_seed: Another number gives another split.
        group: What cases that must stay together (e.g. those of one patient) have in common: the name of a field, or a
            regular expression with one group in parentheses that is searched in the first file name of a case. None:
            each case on its own.

    Raises:
        ArgumentError: If the transform cannot be called, or an argument of the split is wrong.
        EmptyDatasetError: If one side of the split would be empty.

    Example:
        >>> ages = EisenDataset([{"age": 61}, {"age": 47}], transform=lambda case: {"decades": case["age"] // 10})
        >>> len(ages), ages[0], ages[-1]
        (2, {'decades': 6}, {'decades': 4})
        >>> len(EisenDataset([{"image": f"{n}.nii.gz"} for n in range(10)], split="train"))
        8
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        spell_out(cls)

    def __init__(
        self,
        cases: Sequence[Any],
        transform: Step | None = None,
        *,
        split: Literal["all", "train", "validation"] = "all",
        validation_fraction: float = 0.2,
        split_seed: int = 0,
        group: str | None = None,
    ) -> None:
        if transform is not None and not callable(transform):
            raise ArgumentError(
                f"{type(self).__name__}: transform is {type(transform).__name__}, which cannot be called",
                expected="None, a function or a transform; several of them inside eisen.transforms.Compose",
            )
        self.cases = choose_split(cases, split, validation_fraction, split_seed, group)
        self.transform = transform
        self.split = split

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: SupportsIndex) -> DataPoint:
        number = self._number(index)
        try:
            return self._transformed(self.read(number))
        except EisenError as error:
            error.note(case=self.case_name(number), file=self._file_of(number, error.card.field))
            raise

    def read(self, number: int) -> Any:
        """Return a private copy of what is stored about a case, before the transform.

        Args:
            number: From 0 to the number of cases minus 1.
        """
        return deepcopy(self.cases[number])

    def case_name(self, index: SupportsIndex) -> str:
        """Return how people call a case: its index, and the first file it names.

        Example:
            >>> EisenDataset([{"image": "imagesTr/hippocampus_042.nii.gz"}]).case_name(0)
            '#0 (hippocampus_042.nii.gz)'
        """
        number = self._number(index)
        name = PurePath(first_file(self.peek(number))).name
        return f"#{number} ({name})" if name else f"#{number}"

    def peek(self, number: int) -> Any:
        """Return what is stored about a case for looking at only: it is not a copy."""
        return self.cases[number]

    def _number(self, index: SupportsIndex) -> int:
        number, size = as_integer(index), len(self)
        if not -size <= number < size:
            raise IndexError(f"case {number} of a data set that has {size}")
        return number % size

    def _transformed(self, case: DataPoint) -> DataPoint:
        if self.transform is None:
            return case
        try:
            return self.transform(case)
        except EisenError:
            raise
        except Exception as error:
            name = getattr(self.transform, "__name__", type(self.transform).__name__)
            raise StepError(f"{name} failed: {type(error).__name__}: {error}", step=name) from error

    def _file_of(self, number: int, field: str) -> str:
        """Return the file that a field of a case names, if it names one."""
        case = self.peek(number)
        value = case.get(field) if isinstance(case, dict) else None
        return value if isinstance(value, str) else ""
