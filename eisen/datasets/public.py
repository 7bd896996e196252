"""What the public data sets share: a folder in the shape it is published in, and where to get it when it is missing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Unpack

from eisen._core.errors import EmptyDatasetError, MissingFileError
from eisen._core.types import Step
from eisen.datasets.base import EisenDataset, old_name_of_cases
from eisen.datasets.folders import Folder, existing_folder
from eisen.datasets.options import SplitOptions

__all__ = ["PublicDataset"]


class PublicDataset(EisenDataset, ABC):
    """A data set as its makers publish it, listed from the folder it was unpacked into.

    A subclass says how the folder looks (`layout`) and where to get it (`where`), and lists the cases (`list_cases`).
    The list is sorted, whatever order the disk has, and is also at the names it had in Eisen, `dataset` and `data`.

    Args:
        data_dir: Folder of the data.
        transform: What to do with a case when it is read; None: nothing.
        download: The makers of this data set hand it out themselves, under terms that you accept there: nothing is
            downloaded, but when the folder is not there the error says where to get it and how to unpack it.
        **split: Which cases to keep.

    Raises:
        MissingFileError: If the folder, or a file that lists the cases, is not there.
        EmptyDatasetError: If the folder holds no case.
        CorruptFileError: If a file that lists the cases is not what it should be.
        ArgumentError: If an argument of the split is wrong.
    """

    layout: ClassVar[str] = "a folder with the cases"
    where: ClassVar[str] = "ask its makers for it"
    dataset = old_name_of_cases()
    data = old_name_of_cases()

    def __init__(
        self,
        data_dir: Folder,
        transform: Step | None = None,
        *,
        download: bool = False,
        **split: Unpack[SplitOptions],
    ) -> None:
        self.data_dir = data_dir
        self.download = download
        super().__init__(self._listed(Path(data_dir)), transform, **split)

    @abstractmethod
    def list_cases(self, folder: Path) -> Sequence[Any]:
        """Return the cases in the folder, sorted; files relative to it."""

    def _listed(self, folder: Path) -> Sequence[Any]:
        """Return the cases; an error on the way tells the layout, and where to get the data."""
        name = type(self).__name__
        try:
            cases = self.list_cases(existing_folder(folder))
        except MissingFileError as error:
            error.card.expected = f"{name} expects {self.layout}"
            error.card.to_do = "; ".join(filter(None, [error.card.to_do, f"get the data from {self.where}"]))
            raise
        if not len(cases):
            raise EmptyDatasetError(
                f"there are no cases in {folder}",
                expected=f"{name} expects {self.layout}",
                to_do=f"check data_dir and the other arguments, or get the data from {self.where}",
                file=str(folder),
            )
        return cases
