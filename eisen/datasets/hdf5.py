"""HDF5 files that every process opens for itself, at the first read."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eisen._core.errors import CorruptFileError, nearest
from eisen._core.types import Array
from eisen.io.paths import existing_file

if TYPE_CHECKING:
    import h5py

__all__ = ["Hdf5Array"]


class Hdf5Array:
    """An array in an HDF5 file, of which rows are read as they are asked for.

    HDF5 must not carry an open file over a fork, and an open file does not pickle. So the file is opened here only to
    see that the array is there, and closed again; each process opens it for itself when it first reads.

    Args:
        path: The file.
        name: Name of the array in it.

    Raises:
        MissingFileError: If the file is not there.
        CorruptFileError: If it is not HDF5, or has no such array.
    """

    def __init__(self, path: Path, name: str) -> None:
        self.path = existing_file(path)
        self.name = name
        self._open: tuple[int, h5py.File] | None = None
        with self._file() as file:
            found = file.get(name)
            if getattr(found, "shape", None) is None:
                raise CorruptFileError(
                    f"{path.name} has no array '{name}'",
                    expected=f"'{name}' among {', '.join(map(repr, file)) or 'none'}",
                    to_do=nearest(name, file) or "check that this is the right file",
                    file=str(path),
                )
            self.shape: tuple[int, ...] = found.shape

    def __len__(self) -> int:
        return self.shape[0] if self.shape else 0

    def __getitem__(self, row: int) -> Array:
        if self._open is None or self._open[0] != os.getpid():
            self._open = os.getpid(), self._file()
        return np.asarray(self._open[1][self.name][row])

    def __getstate__(self) -> dict[str, Any]:
        return self.__dict__ | {"_open": None}

    def _file(self) -> h5py.File:
        import h5py

        try:
            return h5py.File(self.path, "r")
        except OSError as error:
            what = f"{self.path.name} cannot be opened as HDF5: {error}"
            raise CorruptFileError(what, expected="an HDF5 file", file=str(self.path)) from error
