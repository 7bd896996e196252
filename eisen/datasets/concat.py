"""Several data sets, one behind the other."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, SupportsIndex, Unpack

from torch.utils.data import Dataset

from eisen._core.errors import ArgumentError, EisenError
from eisen._core.types import Step
from eisen.datasets.around import checked_dataset, name_inside, private
from eisen.datasets.base import EisenDataset
from eisen.datasets.folders import Folder
from eisen.datasets.options import SplitOptions
from eisen.datasets.values import listed

__all__ = ["ConcatDataset"]


class _Case(dict[str, Any]):
    """What a member lists about a case, and where the case is."""

    def __init__(self, values: Mapping[str, Any], member: int, number: int, moved: Mapping[str, Any]) -> None:
        super().__init__(values)
        self.member, self.number, self.moved = member, number, dict(moved)


class ConcatDataset(EisenDataset):
    """Several data sets as one: all cases of the first, then all of the second, and so on.

    A data set that was told another folder than this one (its own `data_dir`) may be a member: its file names become
    absolute, so that one chain of readers finds the files of all.

    Args:
        datasets: Data sets with a length and an index; in a configuration a list of entries.
        data_dir: Folder that the file names of all cases are relative to.
        source_field: Name of a field that tells which of the data sets a case is from: 0, 1, ... None: no such field.
            With ``BalancedSampler("source")`` a small data set is seen as often as a large one.
        transform: What to do with a case when it is read; None: nothing.
        **split: Which cases to keep.

    Raises:
        ArgumentError: If there is no data set, or one cannot be indexed.

    Example:
        >>> from eisen.datasets import ListDataset
        >>> ct, mr = ListDataset([{"age": 61}]), ListDataset([{"age": 47}, {"age": 52}])
        >>> both = ConcatDataset([ct, mr], source_field="source")
        >>> len(both), both[2]
        (3, {'age': 52, 'source': 1})
    """

    def __init__(
        self,
        datasets: Sequence[Dataset[Any]],
        data_dir: Folder | None = None,
        source_field: str | None = None,
        transform: Step | None = None,
        **split: Unpack[SplitOptions],
    ) -> None:
        if not isinstance(datasets, (list, tuple)) or not datasets:
            raise ArgumentError("ConcatDataset: datasets is no list of data sets", expected="at least one data set")
        self.datasets = [checked_dataset(dataset, type(self).__name__) for dataset in datasets]
        self.data_dir = data_dir
        self.source_field = source_field
        super().__init__(list(self._listing()), transform, **split)

    def read(self, number: int) -> Any:
        """Return a private copy of a case of one of the data sets.

        Args:
            number: From 0 to the number of cases minus 1.
        """
        place = self.cases[number]
        try:
            case = private(self.datasets[place.member], place.number)
        except EisenError as error:
            error.card.case = self.case_name(number)
            raise
        if not isinstance(case, dict):
            return case
        moved = {field: value for field, value in place.moved.items() if field in case}
        return {**case, **moved, **({} if self.source_field is None else {self.source_field: place.member})}

    def case_name(self, index: SupportsIndex) -> str:
        """Return how people call a case: its number here, and the name it has in its data set."""
        number = self._number(index)
        place = self.cases[number]
        return name_inside(self.datasets[place.member], place.number, number)

    def _listing(self) -> Iterator[_Case]:
        for member, dataset in enumerate(self.datasets):
            folder = _folder_apart(dataset, self.data_dir)
            source = {} if self.source_field is None else {self.source_field: member}
            for number in range(len(dataset)):
                case = listed(dataset, number)
                moved = {} if folder is None else _absolute(case, folder)
                yield _Case({**case, **moved, **source}, member, number, moved)


def _folder_apart(dataset: Any, data_dir: Folder | None) -> Path | None:
    """Return the folder of a data set if it is another one than that of the whole."""
    own = getattr(dataset, "data_dir", None)
    if data_dir is None or not isinstance(own, (str, os.PathLike)) or not os.fspath(own):
        return None
    folder = Path(os.path.abspath(own))  # noqa: PTH100  # links stay as they are
    return None if folder == Path(os.path.abspath(data_dir)) else folder  # noqa: PTH100


def _absolute(case: Mapping[str, Any], folder: Path) -> dict[str, Any]:
    """Return the fields of a case that name files in a folder, with absolute names."""
    return {field: found for field, value in case.items() if (found := _found(value, folder)) is not None}


def _found(value: Any, folder: Path) -> Any:
    if isinstance(value, str):
        return str(folder / value) if value and (folder / value).exists() else None
    if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
        return [str(folder / name) for name in value] if (folder / value[0]).exists() else None
    return None
