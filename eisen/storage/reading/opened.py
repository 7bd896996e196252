"""The file of a store, opened when something is first read, as often as there are processes that read."""

from __future__ import annotations

import mmap
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen._core.errors import CorruptFileError
from eisen.io.paths import existing_file

if TYPE_CHECKING:
    import h5py

__all__ = ["OpenFile"]

_Identity = tuple[int, int, int]


class OpenFile:
    """A file that is read by many: threads, forked and spawned processes.

    Reads name their position, so a descriptor and a map may be shared by threads and carried over a fork. HDF5 may not:
    each process opens it anew. Pickled are only the path and what the file looked like, so another process notices when
    another file has taken its name.

    Args:
        path: The file.

    Raises:
        MissingFileError: If there is none.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = existing_file(Path(path))
        self._closed: set[int] = set()
        self.identity: _Identity | None = None
        self._forget()
        self.identity = self._open()[1]

    def _forget(self) -> None:
        self._descriptor: _Descriptor | None = None
        self._map: mmap.mmap | None = None
        self._hdf5: tuple[int, h5py.File] | None = None

    @property
    def size(self) -> int:
        """Bytes in the file when it was opened."""
        assert self.identity is not None
        return self.identity[1]

    def descriptor(self) -> int:
        """Return a descriptor for positioned reads."""
        held = self._descriptor
        return held.number if held is not None else self._open()[0]

    def mapped(self) -> mmap.mmap:
        """Return the whole file as memory that cannot be written to; it is mapped once and stays so."""
        if self._map is None:
            self._map = mmap.mmap(self.descriptor(), 0, access=mmap.ACCESS_READ)
        return self._map

    def hdf5(self) -> h5py.File:
        """Return the file as h5py sees it, opened by this very process.

        Raises:
            CorruptFileError: If it is not HDF5, or is truncated.
        """
        if self._hdf5 is None or self._hdf5[0] != os.getpid():
            self.descriptor()  # has checked that it is the same file
            self._hdf5 = os.getpid(), open_hdf5(self.path)
        return self._hdf5[1]

    def close(self) -> None:
        """Give the descriptor back; what is read afterwards opens the file again."""
        if self._hdf5 is not None and self._hdf5[0] == os.getpid():
            self._hdf5[1].close()
        self._forget()

    def _open(self) -> tuple[int, _Identity]:
        held = _Descriptor(self.path)
        status = os.fstat(held.number)
        identity = (status.st_ino, status.st_size, status.st_mtime_ns)
        if self.identity is not None and identity != self.identity:
            raise CorruptFileError(
                f"{self.path.name} is another file than when it was opened first",
                expected="a file that stays as it is while it is used",
                to_do="start again, so that all processes read the new file",
                file=str(self.path),
            )
        self._descriptor = held
        return held.number, identity

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "identity": self.identity}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._forget()


class _Descriptor:
    """A file descriptor that is given back when nobody holds it any more."""

    def __init__(self, path: Path) -> None:
        self.number = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0))

    def __del__(self) -> None:
        with suppress(AttributeError, OSError):
            os.close(self.number)


def open_hdf5(path: Any, name: str = "") -> h5py.File:
    """Return an HDF5 file opened for reading.

    Args:
        path: Its path, or an open file-like object.
        name: What it is called in messages; None: as its path.

    Raises:
        CorruptFileError: If it is not HDF5, or is truncated.
    """
    import h5py

    name = name or str(path)
    options: dict[str, Any] = {"locking": False} if isinstance(path, (str, os.PathLike)) else {}
    try:
        return h5py.File(path, "r", rdcc_nbytes=16 << 20, rdcc_nslots=10_007, **options)
    except (OSError, ValueError, RuntimeError) as error:
        cut = "truncated" in str(error)
        raise CorruptFileError(
            f"{Path(name).name} {'is truncated' if cut else 'cannot be opened as HDF5'}: {error}"[:300],
            expected="a complete HDF5 file",
            to_do="copy it again, or make it again with `eisen data create`",
            file=name,
        ) from error
