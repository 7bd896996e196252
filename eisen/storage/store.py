"""All cases of a data set in one file, of which any part can be read."""

from __future__ import annotations

import json
import os
from typing import Any, Self

import numpy as np

from eisen._core.errors import ArgumentError, DataError, EisenError, MissingFieldError, nearest
from eisen._core.types import Array, Geometry
from eisen.storage.reading.contents import Contents, FieldContents
from eisen.storage.reading.find_array import find_source, open_store, read_contents
from eisen.storage.reading.pixel_files import LastArrays
from eisen.storage.regions import Region, RegionSource

__all__ = ["Store"]


class Store:
    """A file with all cases of a data set, of which any part can be read at the speed of memory.

    `eisen.storage.create_store` and ``eisen data create`` make such files. Those of pymia 0.3 open too (their channels,
    which come last there, come first here), and stores whose pixels stayed in the files of the data set.

    A store may be used by many threads, may be inherited by forked processes, and may be sent to others: only its path
    goes along, and every process opens it for itself.

    Args:
        path: The file; or a Zarr v3 group; or a URL of either, which needs ``pip install 'eisen[remote]'``.

    Raises:
        MissingFileError: If there is nothing.
        CorruptFileError: If it is no store, truncated, damaged, or newer than this eisen.
        MissingExtraError: If it needs a package that is not installed.

    Example:
        >>> import tempfile
        >>> from eisen.datasets import ListDataset
        >>> from eisen.storage import create_store
        >>> cases = ListDataset([{"image": np.arange(24.0).reshape(1, 2, 3, 4), "age": 61}])
        >>> store = Store(create_store(cases, f"{tempfile.mkdtemp()}/store.h5"))
        >>> store.fields, store.shape(0, "image"), store.value(0, "age")
        (('image', 'age'), (1, 2, 3, 4), 61)
        >>> store.read(0, "image", (slice(0, 1), slice(1, 2), slice(0, 2), slice(2, 4)))
        array([[[[14., 15.],
                 [18., 19.]]]])
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._file = open_store(path)
        self._contents: Contents = read_contents(self._file)
        self._prepare()

    def _prepare(self) -> None:
        self._numbers = {name: number for number, name in reversed(list(enumerate(self._contents.cases)))}
        self._sources: dict[tuple[str | int, str], RegionSource] = {}
        self._decoded = LastArrays()

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Return the store in a file; the same as calling the class."""
        return cls(path)

    @property
    def path(self) -> str:
        """The file, or its URL."""
        return str(self._file.path)

    @property
    def cases(self) -> tuple[str, ...]:
        """Names of the cases."""
        return self._contents.cases

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields."""
        return tuple(self._contents.fields)

    @property
    def config(self) -> Any:
        """The configuration it was made with; None: not known."""
        return self._contents.config

    @property
    def config_digest(self) -> str:
        """SHA-256 of that configuration; "" when there is none."""
        return self._contents.config_digest

    @property
    def digest(self) -> str:
        """SHA-256 of what is in it: names, values, shapes, geometry, and the digests of all arrays."""
        return self._contents.digest()

    @property
    def contents(self) -> Contents:
        """Everything it says about itself; for looking at only."""
        return self._contents

    def __len__(self) -> int:
        return len(self.cases)

    def __repr__(self) -> str:
        return f"Store({self.path!r}): {len(self)} cases with {', '.join(self.fields) or 'no fields'}"

    def kind(self, field: str) -> str:
        """Return what a field holds: ``"array"``, ``"number"``, ``"text"`` or ``"json"``."""
        return self._field(field).kind

    def names(self, field: str) -> tuple[str, ...]:
        """Return the names of the entries of a field, its channels, in their order; empty when it has none."""
        return self._field(field).entries

    def shape(self, case: str | int, field: str) -> tuple[int, ...]:
        """Return the shape of an array, channels first, without reading it.

        Args:
            case: Name of the case, or its number.
            field: Name of the field.
        """
        shapes, number = self._field(field, "array").shapes, self.number(case)
        return self.source(case, field).shape if shapes is None else tuple(int(n) for n in shapes[number])

    def geometry(self, case: str | int, field: str) -> Geometry | None:
        """Return where the voxels of an array are in the body; None: not known."""
        part, number = self._field(field), self.number(case)
        try:
            return part.geometry_at(number)
        except EisenError as error:
            error.note(case=self.cases[number], field=field, file=self.path)
            raise

    def value(self, case: str | int, field: str) -> Any:
        """Return a number, a text, or what JSON holds.

        Raises:
            DataError: If the field holds arrays.
        """
        part, number = self._field(field), self.number(case)
        if part.values is None:
            raise DataError(
                f"the field '{field}' holds arrays", expected="numbers or text", to_do="use Store.read", field=field
            )
        value = part.values[number]
        if part.kind == "json":
            return json.loads(value)
        return value.item() if isinstance(value, np.generic) else value

    def source(self, case: str | int, field: str) -> RegionSource:
        """Return an array of a case as something of which parts can be read.

        Args:
            case: Name of the case, or its number.
            field: Name of the field.

        Raises:
            ArgumentError: If there is no such case.
            MissingFieldError: If there is no such field, or the case does not have it.
            DataError: If the field holds no arrays.
        """
        if (case, field) in self._sources:
            return self._sources[case, field]
        number, part = self.number(case), self._field(field, "array")
        try:
            found = find_source(self._file, self._contents, part, number, self._decoded)
        except EisenError as error:
            error.note(case=self.cases[number], field=field, file=self.path)
            raise
        self._sources[case, field] = found
        return found

    def read(self, case: str | int, field: str, region: Region | None = None, out: Array | None = None) -> Array:
        """Return a part of an array, reading as little as possible.

        Args:
            case: Name of the case, or its number.
            field: Name of the field.
            region: One ``slice(start, stop)`` per axis, the channel axis included; None: all.
            out: Where to write the values, an array of the shape of the region; None: a new one.

        Raises:
            ArgumentError: If the region is not inside of the array, or `out` does not fit.
        """
        source = self._sources.get((case, field)) or self.source(case, field)
        try:
            return source.read(region, out)
        except EisenError as error:
            error.note(case=self.cases[self.number(case)], field=field, file=self.path)
            raise

    def number(self, case: str | int) -> int:
        """Return the number of a case, from its name or from its number, which may count from the end.

        Raises:
            ArgumentError: If there is no such case; the card names the nearest.
        """
        if isinstance(case, str):
            if case in self._numbers:
                return self._numbers[case]
        elif -len(self) <= case < len(self):
            return int(case) % len(self)
        raise ArgumentError(
            f"there is no case {case!r} in the store, which has {len(self)}",
            expected=f"one of {', '.join(self.cases[:8])}{', ...' if len(self) > 8 else ''}, or a number",
            to_do=nearest(str(case), self.cases),
            file=self.path,
        )

    def close(self) -> None:
        """Close the file. What is read afterwards opens it again."""
        self._sources.clear()
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __getstate__(self) -> dict[str, Any]:
        return {"_file": self._file}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self._file = state["_file"]
        self._contents = read_contents(self._file)
        self._prepare()

    def _field(self, field: str, kind: str = "") -> FieldContents:
        part = self._contents.fields.get(field)
        if part is None:
            raise MissingFieldError(
                f"there is no field '{field}' in the store",
                expected=f"one of: {', '.join(self.fields) or '(it has none)'}",
                to_do=nearest(field, self.fields),
                field=field,
                file=self.path,
            )
        if kind and part.kind != kind:
            raise DataError(
                f"the field '{field}' holds a {part.kind}", expected="arrays", to_do="use Store.value", field=field
            )
        return part
