"""From a path to an open store, and from a field of a case to something of which parts can be read."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np

from eisen._core.errors import CorruptFileError, EisenError, MissingFieldError, MissingFileError
from eisen.storage.encoding import scale_of, value_dtype
from eisen.storage.reading.chunked import ChunkedSource, demand_filters
from eisen.storage.reading.contents import Contents, FieldContents, eisen_contents
from eisen.storage.reading.contiguous import ContiguousSource, Place
from eisen.storage.reading.opened import OpenFile
from eisen.storage.reading.pixel_files import FileSource, LastArrays
from eisen.storage.reading.pymia_files import is_pymia, pymia_contents
from eisen.storage.reading.remote import RemoteFile, ZarrGroup, is_url, is_zarr
from eisen.storage.regions import RegionSource

__all__ = ["StoreFile", "find_source", "open_store", "read_contents"]

StoreFile: TypeAlias = OpenFile | RemoteFile | ZarrGroup


@contextmanager
def _explained(name: str) -> Iterator[None]:
    """Turn what a damaged file leads to, whatever that is, into an error card."""
    try:
        yield
    except EisenError:
        raise
    except Exception as error:
        raise CorruptFileError(
            f"{os.path.basename(name)} is a damaged store: {type(error).__name__}: {error}"[:300],  # noqa: PTH119
            expected="the layout that `eisen data create` writes, or pymia 0.3",
            to_do="copy it again, or make it again",
            file=name,
        ) from error


def open_store(path: str | os.PathLike[str]) -> StoreFile:
    """Return what opens a store: a file, a Zarr group, or a URL of either."""
    if is_zarr(path):
        return ZarrGroup(path)
    return RemoteFile(str(path)) if is_url(path) else OpenFile(path)


def _root(file: StoreFile) -> Any:
    return file.hdf5() if isinstance(file, OpenFile) else file.root()


def read_contents(file: StoreFile) -> Contents:
    """Return what a file says about itself.

    Raises:
        CorruptFileError: If it is no store, damaged, or newer than this eisen.
    """
    root, name = _root(file), str(file.path)
    with _explained(name):
        if root.attrs.get("format") in ("eisen-store", b"eisen-store"):
            return eisen_contents(root, name)
        if is_pymia(root):
            return pymia_contents(root)
    raise CorruptFileError(
        f"{os.path.basename(name)} is not a store: it has {', '.join(list(root)[:8]) or 'nothing'}",  # noqa: PTH119
        expected="a file that `eisen data create` or pymia made",
        to_do="make a store from the data set, or read the file with LoadHDF5FromFilename",
        file=name,
    )


def find_source(
    file: StoreFile, contents: Contents, part: FieldContents, number: int, decoded: LastArrays
) -> RegionSource:
    """Return the array of a case as something of which parts can be read.

    Args:
        file: The store.
        contents: What is in it.
        part: The field.
        number: Number of the case.
        decoded: Where arrays of files are kept.

    Raises:
        MissingFieldError: If the case does not have it.
    """
    root, width = _root(file), len(str(len(contents.cases)))
    path = f"data/{part.name}/{number:0{width}d}"
    with _explained(str(file.path)):
        dataset = _found(root, path)
        if dataset is not None:
            return _stored(file, dataset, path, contents.layout == "pymia")
    if files := part.files_at(number):
        return _in_files(file, contents, part, number, files, decoded)
    raise MissingFieldError(
        f"the case '{contents.cases[number]}' has no '{part.name}' in the store",
        expected="an array, or the names of its files",
        to_do="make the store with pixels" if contents.anonymous else "make the store again",
    )


def _found(root: Any, path: str) -> Any:
    """Return a dataset, None if it is not there; for h5py without the checks that make up half of the time."""
    if not hasattr(root, "id"):
        return root.get(path)
    import h5py

    try:
        return h5py.Dataset(h5py.h5d.open(root.id, path.encode()))
    except KeyError:
        return None


def _stored(file: StoreFile, dataset: Any, path: str, is_pymia_file: bool) -> RegionSource:
    shape, stored = dataset.shape, dataset.dtype
    channels_last = is_pymia_file and len(shape) > 1
    dtype, scale = value_dtype(dataset), scale_of(dataset)
    if isinstance(file, OpenFile) and (offset := _offset(dataset)) is not None:
        return ContiguousSource(file, Place(offset, shape, stored, dtype, scale, channels_last))
    return ChunkedSource(partial(_dataset, file, path), dtype, scale, channels_last, str(file.path))


def _dataset(file: StoreFile, path: str) -> Any:
    dataset = _root(file)[path]
    if not isinstance(file, ZarrGroup):
        demand_filters(dataset)
    return dataset


def _offset(dataset: Any) -> int | None:
    """Return where in the file an array begins, if it lies there in one piece."""
    import h5py

    properties = dataset.id.get_create_plist()
    if properties.get_layout() != h5py.h5d.CONTIGUOUS or properties.get_external_count():
        return None
    if not dataset.size:
        return 0
    offset = dataset.id.get_offset()
    return None if offset is None else int(offset)


def _in_files(
    file: StoreFile, contents: Contents, part: FieldContents, number: int, files: list[str], decoded: LastArrays
) -> FileSource:
    root = Path(contents.file_root)
    if not root.is_absolute():
        root = Path(file.path).parent / root
    paths = [root / name for name in files]
    missing = [path for path in paths if not path.exists()]
    if missing:
        raise MissingFileError(
            f"{missing[0]} does not exist; the pixels of this store are in the files it was made from",
            expected=f"{len(paths)} files, relative to {root}",
            to_do="bring the files back, or make a store with pixels",
            file=str(missing[0]),
        )
    if part.shapes is None:
        raise CorruptFileError(f"the store does not say which shape '{part.name}' has", to_do="make the store again")
    shape = tuple(int(n) for n in part.shapes[number])
    return FileSource(paths, shape, np.dtype(part.dtype or "float32"), part.geometry_at(number), decoded)
