"""The cases of a store as a data set."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, SupportsIndex, Unpack

from eisen._core.errors import ArgumentError, EisenError, MissingFieldError, nearest
from eisen._core.field_roles import Role
from eisen._core.fields import checked_fields
from eisen._core.types import Array, DataPoint, Step, meta_field
from eisen.datasets.base import EisenDataset
from eisen.datasets.folders import Folder
from eisen.datasets.options import SplitOptions
from eisen.storage import RegionSource, Store

__all__ = ["StoreDataset"]


class _Listed(dict[str, Any]):
    """What is listed about a case, and its number in the store."""

    def __init__(self, values: Mapping[str, Any], number: int) -> None:
        super().__init__(values)
        self.number = number


class StoreDataset(EisenDataset):
    """The cases of a store: one file with images, labels, numbers and text, made by ``eisen data create`` or by pymia.

    An item is a whole case: arrays with their channels in front, ``<field>_meta`` with their geometry where it is
    known, numbers and text. Readers are not needed. Patches and slices of the arrays are read without the rest of the
    case by `eisen.patches`.

    Args:
        data_dir: Folder of the store, or a URL.
        file: The store, relative to `data_dir` or absolute.
        fields: Which fields to read; None: all.
        cases: Names of the cases to keep, in this order; None: all.
        transform: What to do with a case when it is read; None: nothing.
        **split: Which cases to keep.

    Attributes:
        store: The open store.

    Raises:
        MissingFileError: If there is no such file.
        CorruptFileError: If it is no store, or damaged.
        MissingFieldError: If a field is not in the store.
        ArgumentError: If a case is not in it, or another argument is wrong.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from eisen.datasets import ListDataset
        >>> from eisen.storage import create_store
        >>> folder = tempfile.mkdtemp()
        >>> cases = ListDataset([{"image": np.zeros((1, 4, 5, 6), "float32"), "age": n} for n in (61, 47)])
        >>> _ = create_store(cases, f"{folder}/store.h5")
        >>> dataset = StoreDataset(folder, "store.h5")
        >>> len(dataset), dataset[1]["image"].shape, dataset[1]["age"]
        (2, (1, 4, 5, 6), 47)
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"fields": "makes"}

    def __init__(
        self,
        data_dir: Folder,
        file: Folder = "store.h5",
        fields: Sequence[str] | None = None,
        cases: Sequence[str] | None = None,
        transform: Step | None = None,
        **split: Unpack[SplitOptions],
    ) -> None:
        self.data_dir = data_dir
        self.file = file
        self.store = Store(_place(data_dir, file))
        self.fields = self._chosen_fields(fields)
        listing = [self._listed(number) for number in self._chosen_cases(cases)]
        super().__init__(listing, transform, **split)

    def read(self, number: int) -> DataPoint:
        """Return a whole case.

        Args:
            number: From 0 to the number of cases minus 1.
        """
        return self._item(number, None)

    def read_into(self, index: SupportsIndex, room: Callable[[str, tuple[int, ...], Any], Array]) -> DataPoint:
        """Return the item of an index; its arrays are written to where a batch will have them, without a copy.

        Args:
            index: Number of the case.
            room: Gives the place for a field of some shape and type.
        """
        if self.transform is not None:
            return self[index]
        number = self._number(index)
        try:
            return self._item(number, room)
        except EisenError as error:
            error.note(case=self.case_name(number), file=self._file_of(number, error.card.field))
            raise

    def _item(self, number: int, room: Callable[[str, tuple[int, ...], Any], Array] | None) -> DataPoint:
        inside, point = self.cases[number].number, self.case_rest(number)
        arrays = {}
        for field in self._arrays():
            source = self.store.source(inside, field)
            out = None if room is None else room(field, source.shape, source.dtype)
            arrays[field] = self.store.read(inside, field, out=out)
        return {field: arrays.get(field, point.get(field)) for field in self.fields} | point

    def case_sources(self, index: SupportsIndex) -> dict[str, RegionSource]:
        """Return the arrays of a case as something of which parts can be read, by field.

        Args:
            index: Number of the case.
        """
        inside = self.cases[self._number(index)].number
        return {field: self.store.source(inside, field) for field in self._arrays()}

    def case_rest(self, index: SupportsIndex) -> DataPoint:
        """Return everything of a case but its arrays: numbers, text, and the geometry of the arrays.

        Args:
            index: Number of the case.
        """
        inside, point = self.cases[self._number(index)].number, {}
        for field in self.fields:
            if self.store.kind(field) != "array":
                point[field] = self.store.value(inside, field)
            elif (geometry := self.store.geometry(inside, field)) is not None:
                point[meta_field(field)] = geometry
        return point

    @property
    def own_names(self) -> list[str]:
        """The names that the cases have in the store."""
        return [self.store.cases[case.number] for case in self.cases]

    def case_name(self, index: SupportsIndex) -> str:
        """Return how people call a case: its index here, and its name in the store."""
        number = self._number(index)
        return f"#{number} ({self.store.cases[self.cases[number].number]})"

    def _arrays(self) -> list[str]:
        return [field for field in self.fields if self.store.kind(field) == "array"]

    def _chosen_fields(self, fields: Sequence[str] | None) -> list[str]:
        chosen = list(self.store.fields) if fields is None else checked_fields(fields, type(self).__name__)
        for field in chosen:
            if field not in self.store.fields:
                raise MissingFieldError(
                    f"StoreDataset: there is no field '{field}' in the store",
                    expected=f"one of: {', '.join(self.store.fields)}",
                    to_do=nearest(field, self.store.fields),
                    field=field,
                    file=self.store.path,
                )
        return chosen

    def _chosen_cases(self, cases: Sequence[str] | None) -> list[int]:
        if cases is None:
            return list(range(len(self.store)))
        if isinstance(cases, str):
            raise ArgumentError(f"StoreDataset: cases is {cases!r}", expected="a list of names, or None")
        return [self.store.number(case) for case in cases]

    def _listed(self, number: int) -> _Listed:
        """Return what can be known about a case without reading it: its files, numbers and text, else its name."""
        parts = [self.store.contents.fields[field] for field in self.fields]
        values = {part.name: self.store.value(number, part.name) for part in parts if part.kind != "array"}
        files = {part.name: part.files_at(number) for part in parts if part.kind == "array"}
        named = {field: names[0] if len(names) == 1 else names for field, names in files.items() if names}
        return _Listed(values | (named or {"case": self.store.cases[number]}), number)


def _place(data_dir: Folder, file: Folder) -> str | Path:
    """Return where the store is; folders may be URLs."""
    if "://" in str(file):
        return str(file)
    if "://" in str(data_dir):
        return posixpath.join(str(data_dir), str(file))
    return Path(os.path.normpath(Path(data_dir) / file))
