"""Stores that are not files on this machine: HDF5 behind a URL, and Zarr v3 groups here or there."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError, CorruptFileError, EisenError, MissingFileError
from eisen._core.optional import require
from eisen.storage.reading.opened import OpenFile, open_hdf5

__all__ = ["RemoteFile", "ZarrGroup", "is_url", "is_zarr", "write_zarr"]

_URL = re.compile(r"^[A-Za-z][\w+.-]+(::|://)")
_BLOCK = 1 << 20
_CHUNK_EDGE = 64


def is_url(path: str | os.PathLike[str]) -> bool:
    """Tell whether this is a URL of fsspec.

    Example:
        >>> is_url("s3://bucket/store.h5"), is_url("/data/store.h5"), is_url("C:/data/store.h5")
        (True, False, False)
    """
    return isinstance(path, str) and bool(_URL.match(path))


def is_zarr(path: str | os.PathLike[str]) -> bool:
    """Tell whether this is a Zarr group: a folder with ``zarr.json``, or a URL that ends in ``.zarr``."""
    if is_url(path):
        return str(path).rstrip("/").endswith(".zarr")
    return (Path(path) / "zarr.json").is_file() or (Path(path).is_dir() and str(path).rstrip("/").endswith(".zarr"))


class RemoteFile:
    """An HDF5 file behind a URL that fsspec knows, read block by block.

    Args:
        url: E.g. ``"https://example.org/store.h5"`` or ``"s3://bucket/store.h5"``.

    Raises:
        MissingExtraError: If fsspec, or what it needs for such URLs, is not installed.
        MissingFileError: If there is nothing.
    """

    def __init__(self, url: str) -> None:
        self.path = url
        self._opened: tuple[int, Any] | None = None

    def root(self) -> Any:
        """Return the file as h5py sees it, opened by this very process."""
        if self._opened is None or self._opened[0] != os.getpid():
            self._opened = os.getpid(), open_hdf5(self._stream(), self.path)
        return self._opened[1]

    def close(self) -> None:
        """Close the file; what is read afterwards opens it again."""
        if self._opened is not None and self._opened[0] == os.getpid():
            self._opened[1].close()
        self._opened = None

    def _stream(self) -> Any:
        fsspec = require("fsspec", "remote", f"reading {self.path}")
        try:
            system, path = fsspec.core.url_to_fs(self.path)
            return system.open(path, "rb", block_size=_BLOCK, cache_type="blockcache")
        except ImportError as error:
            raise ArgumentError(
                f"{self.path} cannot be read: {error}", to_do="install the package that fsspec names"
            ) from error
        except (OSError, ValueError) as error:
            raise _unreachable(self.path, error) from error

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_opened": None}


class ZarrGroup:
    """A Zarr v3 group with the layout of a store, in a folder or behind a URL.

    Args:
        path: The folder, or a URL that ends in ``.zarr``.

    Raises:
        MissingExtraError: If zarr is not installed.
        CorruptFileError: If it is no Zarr group.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = str(path)
        self._opened: tuple[int, Any] | None = None

    def root(self) -> Any:
        """Return the group, opened by this very process."""
        if self._opened is None or self._opened[0] != os.getpid():
            zarr = require("zarr", "remote", f"reading {self.path}")
            try:
                self._opened = os.getpid(), zarr.open_group(self.path, mode="r", zarr_format=3)
            except EisenError:
                raise
            except Exception as error:  # of zarr, of fsspec, of what these are built on
                raise _unreachable(self.path, error) from error
        return self._opened[1]

    def close(self) -> None:
        """Forget the group; what is read afterwards opens it again."""
        self._opened = None

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "_opened": None}


def _unreachable(path: str, error: Exception) -> EisenError:
    kind = MissingFileError if isinstance(error, FileNotFoundError) else CorruptFileError
    return kind(
        f"{path} cannot be opened: {type(error).__name__}: {error}"[:300],
        expected="a store: an HDF5 file, or a Zarr v3 group",
        to_do="check the address, and whether this machine may read it",
        file=path,
    )


def write_zarr(store: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Copy a store into a Zarr v3 group, chunk by chunk compressed: the form for object storage.

    Args:
        store: An HDF5 file in eisen's layout.
        target: Folder or URL, by custom ending in ``.zarr``; nothing may be there yet.

    Raises:
        MissingExtraError: If zarr is not installed.
        ArgumentError: If there is something at the target already.

    Example:
        >>> import tempfile
        >>> from eisen.datasets import ListDataset
        >>> from eisen.storage import Store, create_store
        >>> folder = tempfile.mkdtemp()
        >>> path = create_store(ListDataset([{"image": np.ones((1, 4, 5), "float32")}]), f"{folder}/store.h5")
        >>> write_zarr(path, f"{folder}/store.zarr")
        >>> Store(f"{folder}/store.zarr").shape(0, "image")
        (1, 4, 5)
    """
    zarr = require("zarr", "remote", "writing a Zarr group")
    if not is_url(target) and Path(target).exists():
        raise ArgumentError(
            f"{target} is there already", expected="a new name", to_do="remove it first", file=str(target)
        )
    source = OpenFile(store).hdf5()
    group = zarr.open_group(str(target), mode="w-", zarr_format=3)
    group.attrs.update({name: _plain(value) for name, value in source.attrs.items()})
    for path, dataset in _datasets(source):
        _copy(group, path, dataset)


def _datasets(group: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    for name in group:
        entry, inner = group[name], f"{path}{name}"
        if hasattr(entry, "shape"):
            yield inner, entry
        else:
            yield from _datasets(entry, f"{inner}/")


def _copy(group: Any, path: str, dataset: Any) -> None:
    from eisen.storage.reading.chunked import demand_filters
    from eisen.storage.reading.contents import texts

    if dataset.dtype.kind in "OS":  # Zarr has no settled way to write text
        values: Any = np.frombuffer(json.dumps(texts(dataset)).encode(), np.uint8)
    else:
        demand_filters(dataset)
        values = np.asarray(dataset[()])
    space = [min(_CHUNK_EDGE, max(1, n)) for n in values.shape[-3:]] if path.startswith("data/") else None
    chunks = None if space is None else (*(1 for _ in values.shape[:-3]), *space)
    attributes = {name: _plain(value) for name, value in dataset.attrs.items()}
    group.create_array(path, data=values, chunks=chunks or "auto", attributes=attributes)


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value
