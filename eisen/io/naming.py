"""What files are called that hold the fields of a data point."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

from eisen._core.errors import ArgumentError
from eisen._core.field_roles import Role
from eisen._core.fields import FieldStep, checked_fields, missing_field
from eisen._core.types import DataPoint

__all__ = ["KNOWN_SUFFIXES", "FileWriter", "checked_suffix"]

KNOWN_SUFFIXES = (
    *(".nii.gz", ".nii", ".mha", ".mhd", ".nrrd", ".nhdr", ".npy", ".npz", ".h5", ".hdf5", ".dcm"),
    *(".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp"),
)
"""What is taken off a file name before it becomes part of another."""


class FileWriter(FieldStep):
    """A step that writes its fields to files; the data point itself stays as it is.

    The file of field `f` is called ``<filename_prefix>_<f><suffix>``, or ``<filename_prefix>_<f>_<name><suffix>`` when
    a field with a name is given. A child implements `write`.

    Args:
        fields: Names of the fields to write.
        name_fields: One field per entry of `fields` whose value ends the file name, e.g. a patient number. Of a
            value that is a path, the last part counts, without its suffix. None: no such ending.
        filename_prefix: What all file names begin with, folders included.
        suffix: What all file names end with.
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"fields": "reads", "name_fields": "reads"}

    def __init__(
        self, fields: Sequence[str], name_fields: Sequence[str] | None, filename_prefix: str, suffix: str
    ) -> None:
        super().__init__(fields)
        owner = type(self).__name__
        self.name_fields = None if name_fields is None else checked_fields(name_fields, owner)
        self.filename_prefix = filename_prefix
        self._suffix = suffix
        if self.name_fields is not None and len(self.name_fields) != len(self.fields):
            raise ArgumentError(
                f"{owner}: {len(self.fields)} fields and {len(self.name_fields)} name_fields",
                expected="one name field for each field, or none at all",
            )

    @abstractmethod
    def write(self, path: Path, value: Any, field: str, data: DataPoint) -> None:
        """Write the value of one field to a file that appears only when it is complete."""

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Write one field."""
        self.write(
            Path(f"{self.filename_prefix}_{field}{self._ending(field, data)}{self._suffix}"), data[field], field, data
        )
        return {}

    def _ending(self, field: str, data: DataPoint) -> str:
        if self.name_fields is None:
            return ""
        name_field = self.name_fields[self.fields.index(field)]
        if name_field not in data:
            raise missing_field(name_field, data, type(self).__name__)
        name = Path(str(data[name_field])).name
        suffix = next((known for known in KNOWN_SUFFIXES if name.lower().endswith(known)), "")
        return f"_{name[: len(name) - len(suffix)]}"


def checked_suffix(name: str, known: Sequence[str], owner: str) -> str:
    """Return which of the suffixes a file name ends with, or say which there are.

    Raises:
        ArgumentError: If it ends with none of them.

    Example:
        >>> checked_suffix("brain.NII.gz", [".nii.gz", ".nii"], "write_nifti")
        '.nii.gz'
    """
    for suffix in known:
        if name.lower().endswith(suffix):
            return suffix
    raise ArgumentError(f"{owner} cannot write {name}", expected=f"a name ending in {', '.join(known)}")
