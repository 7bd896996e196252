"""Files that hold several arrays: which one is meant, and where its voxels are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from eisen._core.errors import ArgumentError, DataError, GeometryError, nearest
from eisen._core.field_roles import Role
from eisen._core.types import DataPoint, Geometry, meta_field
from eisen.io.paths import FileReader

__all__ = ["MemberReader", "chosen_member", "geometry_entry", "split_member"]

_MEMBER = re.compile(r"(?P<file>.+\.[^.:/\\]+):(?P<member>.+)")


class MemberReader(FileReader):
    """A reader of files that may hold several arrays.

    Args:
        fields: Names of the fields that hold file names.
        data_dir: Folder that the file names are relative to.
        affine_field: Name of the field that holds the affine of the arrays, 4 x 4, or None.
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"affine_field": "reads"}

    def __init__(self, fields: Sequence[str], data_dir: Any, affine_field: str | None) -> None:
        super().__init__(fields, data_dir)
        if affine_field is not None and not isinstance(affine_field, str):
            raise ArgumentError(
                f"{type(self).__name__}: affine_field is {affine_field!r}", expected="the name of a field, or None"
            )
        self.affine_field = affine_field

    def file_and_member(self, field: str, value: Any) -> tuple[Path, str | None]:
        """Return the file that a field names, and which of its arrays, if the field says so."""
        name, member = split_member(value) if isinstance(value, str) else (value, None)
        if member is not None and (Path(self.data_dir) / value).is_file():
            name, member = value, None  # a file whose name has a colon in it
        return self.path_of(field, name), member

    def affine_for(self, data: DataPoint, from_file: Any) -> Any:
        """Return the affine that the data point gives, else the one of the file, else None."""
        if self.affine_field is None:
            return from_file
        if self.affine_field not in data:
            raise GeometryError(
                f"the data point has no field '{self.affine_field}' for the affine",
                expected="4 x 4 numbers, voxel index to RAS+ mm",
                to_do=nearest(self.affine_field, list(data))
                or "add the field to the dataset, or leave affine_field out",
            )
        return data[self.affine_field]


def split_member(name: str) -> tuple[str, str | None]:
    """Take ``file.h5:/group/data`` apart.

    Example:
        >>> split_member("cases/007.h5:/ct/voxels"), split_member("C:/cases/007.npz")
        (('cases/007.h5', '/ct/voxels'), ('C:/cases/007.npz', None))
    """
    match = _MEMBER.fullmatch(name)
    return (match["file"], match["member"]) if match else (name, None)


def chosen_member(asked: str | None, present: Mapping[str, str], path: Path, kind: str) -> str:
    """Return the name of the array to read: the one asked for, or the only one there is.

    Args:
        asked: Name, or None.
        present: Names of the arrays in the file, and what they are like.
        path: The file.
        kind: What an array is called there, e.g. ``"dataset"``.

    Raises:
        DataError: If it is not there, or several are there and none was asked for; the card lists them.
    """
    known = {name.strip("/"): name for name in present}
    if asked is not None and asked.strip("/") in known:
        return known[asked.strip("/")]
    if asked is None and len(present) == 1:
        return next(iter(present))
    what = f"{path.name} holds {len(present)} {kind}s" if asked is None else f"{path.name} has no {kind} {asked!r}"
    listed = ", ".join(f"{name} {like}".strip() for name, like in list(present.items())[:20])
    to_do = (nearest(asked, list(present)) if asked else "") or f"say which: '{path.name}:NAME', or the {kind} argument"
    raise DataError(what, expected=f"one of: {listed or '(there is none)'}", to_do=to_do, file=str(path))


def geometry_entry(field: str, affine: Any, shape: Sequence[int], source: str) -> DataPoint:
    """Return the ``<field>_meta`` entry of an array whose last three axes are space; nothing without an affine."""
    if affine is None or len(shape) < 3:
        return {}
    return {meta_field(field): Geometry.of(affine, shape[-3:], source)}
