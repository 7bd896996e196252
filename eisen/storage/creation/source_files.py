"""Which files the fields of a case come from, and what is in them."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from eisen._core.types import Geometry
from eisen.io.members import split_member

__all__ = ["SourceFiles", "digest_of_files", "relative_to_root"]


class SourceFiles:
    """Finds the files of a field: what the data set lists, in the folder where the reader of the field looks.

    Args:
        dataset: Any data set; only those of eisen list something.

    Example:
        >>> from eisen.datasets import ListDataset
        >>> SourceFiles(ListDataset([{"age": 61}])).of(0, "age")
        []
    """

    def __init__(self, dataset: Any) -> None:
        self._peek = getattr(dataset, "peek", None)
        self._folders: dict[str, Any] = {}
        self._parts: dict[str, list[str]] = {}
        self._folder: Any = ""
        for step in _steps_of(dataset):
            fields = list(getattr(step, "fields", ()) or ())
            if hasattr(step, "data_dir"):
                self._folders |= {field: step.data_dir for field in fields if field not in self._folders}
                self._folder = self._folder or step.data_dir
            if isinstance(getattr(step, "dst_field", None), str):
                self._parts[step.dst_field] = fields

    def of(self, number: int, field: str, geometry: Geometry | None = None) -> list[Path]:
        """Return the files of a field of a case, in the order of its channels; none where that is not known.

        Args:
            number: Number of the case.
            field: Name of the field.
            geometry: Of the field; it knows the file where the data set does not.
        """
        case = self._peek(number) if callable(self._peek) else None
        names = [field] if not isinstance(case, Mapping) or field in case else self._parts.get(field, [])
        listed = [path for name in names for path in self._paths(name, case)]
        if not listed and geometry is not None and geometry.source:
            listed = [Path(geometry.source)]
        return [path for path in listed if path.exists()]

    def _paths(self, field: str, case: Any) -> Iterator[Path]:
        value = case.get(field) if isinstance(case, Mapping) else None
        folder = Path(self._folders.get(field, self._folder))
        for name in value if isinstance(value, list | tuple) else [value]:
            if isinstance(name, str | os.PathLike) and str(name):
                path = folder / name
                yield path if path.exists() or not isinstance(name, str) else folder / split_member(name)[0]


def _steps_of(dataset: Any) -> Iterator[Any]:
    """Yield every data set and step on the way of a case, the innermost first; they may know folders."""
    inner = getattr(dataset, "dataset", None)
    for source in [inner] if inner is not None else getattr(dataset, "_datasets", ()):
        yield from _steps_of(source)
    yield dataset
    yield from _flat(getattr(dataset, "transform", None))


def _flat(step: Any) -> Iterator[Any]:
    if step is None:
        return
    inner = getattr(step, "transforms", None)
    if isinstance(inner, Sequence):
        for part in inner:
            yield from _flat(part)
    else:
        yield step


def digest_of_files(paths: Iterable[Path]) -> str:
    """Return the SHA-256 of the content of files, one after the other; of a folder, all files in it. None: "".

    Args:
        paths: The files.

    Example:
        >>> digest_of_files([])
        ''
    """
    digest, any_file = hashlib.sha256(), False
    for path in paths:
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                _update(digest, file)
                any_file = True
    return digest.hexdigest() if any_file else ""


def _update(digest: Any, path: Path) -> None:
    buffer = bytearray(min(2**20, max(1, path.stat().st_size)))
    view = memoryview(buffer)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            digest.update(view[:count])


def relative_to_root(files: Sequence[Sequence[str]]) -> tuple[str, list[list[str]]]:
    """Return the folder that lists of files have in common, and the lists relative to it.

    Args:
        files: Absolute paths.

    Example:
        >>> relative_to_root([["/data/ct/a.nii"], ["/data/mr/a.nii"]])
        ('/data', [['ct/a.nii'], ['mr/a.nii']])
    """
    folders = {os.path.dirname(path) for paths in files for path in paths}  # noqa: PTH120 - text in, text out
    if not folders:
        return "", [[] for _ in files]
    try:
        root = os.path.commonpath(folders)
    except ValueError:  # on several drives
        return "", [list(paths) for paths in files]
    return root, [[_below(path, root) for path in paths] for paths in files]


def _below(path: str, root: str) -> str:
    start = os.path.join(root, "")  # noqa: PTH118 - text in, text out; there are many of them
    below = path[len(start) :] if path.startswith(start) else os.path.relpath(path, root)
    return below.replace(os.sep, "/")
