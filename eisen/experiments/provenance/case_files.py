"""Which files the cases of a dataset, and the dataset itself, are made of."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from eisen.experiments.provenance.digests import array_digest, is_array
from eisen.io.members import split_member

__all__ = ["Paths", "dataset_arrays", "dataset_files", "listed_cases", "listed_values"]

_STORES = (".h5", ".hdf5", ".hdf", ".npz", ".npy", ".zip", ".tar", ".mat", ".pt", ".parquet", ".tfrecord", ".lmdb")
"""Files that hold the data of many cases. Lists of cases (JSON, CSV) count through the cases they list."""


class Paths:
    """Finds files below the folder of the data, and calls them by one name wherever that folder is.

    Args:
        root: Folder of the data.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)
        self._prefixes = tuple({f"{os.path.normpath(folder)}{os.sep}" for folder in (self.root, self.root.absolute())})

    def files(self, value: Any) -> list[Path]:
        """Return the files that a value names: one, those of a list, or those in a folder."""
        if isinstance(value, (list, tuple)):
            return [file for item in value if isinstance(item, (str, Path)) for file in self.files(item)]
        if not isinstance(value, (str, Path)) or not str(value) or "\0" in str(value):
            return []
        path = self.root / split_member(str(value))[0]
        try:
            if path.is_file():
                return [path]
            inside = path.is_dir() and path.name not in ("", ".", "..")
            return sorted(file for file in path.iterdir() if file.is_file()) if inside else []
        except OSError:
            return []

    def name(self, path: str | Path) -> str:
        """Return a path relative to the folder of the data, with slashes.

        Example:
            >>> Paths("data").name("data/./imagesTr/a.nii.gz")
            'imagesTr/a.nii.gz'
        """
        text = os.path.normpath(path)
        prefix = next((start for start in self._prefixes if text.startswith(start)), "")
        return text[len(prefix) :].replace(os.sep, "/")


def listed_cases(dataset: Any) -> list[Any] | None:
    """Return the cases of a dataset as listed, before readers; None when nobody knows them without reading.

    Looks into `torch.utils.data.Subset` and `ConcatDataset`, and into wrappers that have ``dataset`` and ``indices``.

    Example:
        >>> from torch.utils.data import Subset
        >>> listed_cases(Subset([{"image": "a.nii"}, {"image": "b.nii"}], [1]))
        [{'image': 'b.nii'}]
    """
    if isinstance(dataset, (list, tuple, range)):
        return list(dataset)
    cases = getattr(dataset, "cases", None)
    if isinstance(cases, Sequence):
        return list(cases)
    parts = getattr(dataset, "datasets", None)
    if isinstance(parts, Sequence):
        found = [listed_cases(part) for part in parts]
        return None if None in found else [case for part in found if part is not None for case in part]
    inner = listed_cases(dataset.dataset) if hasattr(dataset, "dataset") else None
    indices = getattr(dataset, "indices", None)
    return inner if inner is None or indices is None else [inner[int(i)] for i in indices]


def listed_values(case: Any, paths: Paths) -> dict[str, Any]:
    """Return what is known about a case, ready for a digest: paths relative to the data, arrays as digests.

    Args:
        case: A dict, fields to values; or a row number, a tuple, or whatever users list.
        paths: The folder of the data.
    """
    if not isinstance(case, Mapping):
        case = dict(enumerate(case)) if isinstance(case, (list, tuple)) else {"case": case}
    return {str(field): _plain(value, paths) for field, value in case.items()}


def _plain(value: Any, paths: Paths) -> Any:
    if isinstance(value, str):
        return paths.name(value) if os.sep in value else value
    if isinstance(value, (int, float, bool, type(None))):
        return value
    if is_array(value):
        return f"array {array_digest(value)}"
    if isinstance(value, (list, tuple)):
        return [_plain(item, paths) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item, paths) for key, item in value.items()}
    return paths.name(value) if isinstance(value, Path) else type(value).__name__


def dataset_files(dataset: Any, paths: Paths) -> list[Path]:
    """Return the files with the data of many cases that a dataset holds on to, e.g. an HDF5 file of patches."""
    values = (value for holder in _holders(dataset) for value in _attributes(holder))
    found = (file for value in values for file in paths.files(getattr(value, "path", value)))
    return sorted({file for file in found if file.suffix.lower() in _STORES})


def dataset_arrays(dataset: Any) -> dict[str, str]:
    """Return digests of the arrays that a dataset holds itself, by attribute."""
    digests = {}
    for number, holder in enumerate(_holders(dataset)):
        for name, value in getattr(holder, "__dict__", {}).items():
            if is_array(value):
                digests[f"{number}.{name}"] = array_digest(value)
            elif isinstance(value, (list, tuple)) and 0 < len(value) <= 16 and all(map(is_array, value)):
                digests |= {f"{number}.{name}[{i}]": array_digest(item) for i, item in enumerate(value)}
    return digests


def _holders(dataset: Any) -> Iterator[Any]:
    """Yield a dataset and those inside of it."""
    yield dataset
    held = getattr(dataset, "__dict__", {})
    inner = [held["dataset"]] if "dataset" in held else []
    for name in ("datasets", "_datasets"):
        if isinstance(held.get(name), (list, tuple)):
            inner += held[name]
    for part in inner:
        yield from _holders(part)


def _attributes(holder: Any) -> Iterator[Any]:
    """Yield the attributes of a dataset, dicts entry by entry."""
    for value in getattr(holder, "__dict__", {}).values():
        if isinstance(value, Mapping):
            yield from value.values()
        elif not isinstance(value, (list, tuple)):
            yield value
