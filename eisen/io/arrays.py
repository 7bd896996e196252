"""Reading and writing NumPy files: .npy, one array, and .npz, several of them."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.atomic import atomic_write
from eisen._core.errors import ArgumentError, CorruptFileError, DataError
from eisen._core.types import Array, DataPoint, Geometry, meta_field
from eisen.io.members import MemberReader, chosen_member, geometry_entry
from eisen.io.naming import FileWriter, checked_suffix

__all__ = ["LoadNumpyFromFilename", "WriteNumpyToFile", "write_numpy"]

_AFFINE = "affine"
_SUFFIXES = (".npy", ".npz")


class LoadNumpyFromFilename(MemberReader):
    """Read arrays that NumPy saved (.npy, .npz): replace file names by arrays, type and shape as in the file.

    Nothing in the file is executed: arrays of Python objects are refused. When there is an affine, the `Geometry`
    record ``<field>_meta`` is written; the last three axes are space, in the order of its columns.

    Args:
        fields: Names of the fields that hold file names. ``"cases.npz:images"`` names one array of an archive.
        data_dir: Folder that the file names are relative to. A file name that is absolute ignores it.
        key: Name of the array in ``.npz`` archives. None: the only one there is beside ``affine``.
        affine_field: Name of the field that holds the affine (4 x 4, voxel index to RAS+ mm). None: an array called
            ``affine`` in the same ``.npz`` archive, if there is one.
        memory_map: Leave the voxels of ``.npy`` files on disk until they are used. The array cannot be written to.

    Raises:
        MissingFileError: If a file is not there.
        CorruptFileError: If a file is truncated, fails its checksum, or holds Python objects.
        DataError: If an archive holds several arrays and none was named.
        GeometryError: If the affine does not span space.

    Source: NEP 1, a simple file format for NumPy arrays.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> write_numpy(f"{folder}/case.npz", np.zeros((4, 5, 6), "int16"), affine=np.diag([1.0, 1.0, 2.0, 1.0]))
        >>> data = LoadNumpyFromFilename(["image"], folder)({"image": "case.npz"})
        >>> data["image"].shape, data["image_meta"].spacing
        ((4, 5, 6), (1.0, 1.0, 2.0))
    """

    def __init__(
        self,
        fields: Sequence[str],
        data_dir: str | os.PathLike[str],
        *,
        key: str | None = None,
        affine_field: str | None = None,
        memory_map: bool = False,
    ) -> None:
        super().__init__(fields, data_dir, affine_field)
        self.key = key
        self.memory_map = memory_map

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Return the array of one field, and where it is if that is known."""
        path, member = self.file_and_member(field, data[field])
        try:
            array, affine = self._read(path, member or self.key)
        except DataError:
            raise
        except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise CorruptFileError(
                f"{path.name} cannot be read as a NumPy file: {error}",
                expected="a complete .npy or .npz file of numbers (arrays of Python objects are refused)",
                to_do="save the array again with numpy.save or numpy.savez, as numbers",
                file=str(path),
            ) from error
        return {field: array, **geometry_entry(field, self.affine_for(data, affine), array.shape, str(path))}

    def _read(self, path: Path, key: str | None) -> tuple[Array, Array | None]:
        if self.memory_map and path.suffix.lower() == ".npy":
            return np.load(path, mmap_mode="r", allow_pickle=False), None
        with path.open("rb") as file:  # NumPy leaves a damaged archive open when it opens the file itself
            content = np.load(file, allow_pickle=False)
            if isinstance(content, np.ndarray):
                return content, None
            present = {name: "" for name in content.files if name != _AFFINE or key == _AFFINE}
            name = chosen_member(key, present, path, "key")
            return content[name], content[_AFFINE] if _AFFINE in content.files and name != _AFFINE else None


class WriteNumpyToFile(FileWriter):
    """Write the arrays of a data point to NumPy files; the data point itself stays as it is.

    The file of field `f` is called ``<filename_prefix>_<f>.npy``, or ``<filename_prefix>_<f>_<name>.npy`` when a field
    with a name is given.

    Args:
        fields: Names of the fields that hold arrays or tensors.
        name_fields: One field per entry of `fields` whose value ends the file name. None: no such ending.
        filename_prefix: What all file names begin with, folders included.
        file_format: ``"npy"``, or ``"npz"``, compressed, with the affine of ``<field>_meta`` beside the array.

    Raises:
        ArtifactError: If a file cannot be written.

    Example:
        >>> import tempfile
        >>> folder = tempfile.mkdtemp()
        >>> _ = WriteNumpyToFile(["image"], filename_prefix=f"{folder}/out")({"image": np.zeros((1, 4, 5))})
        >>> [path.name for path in Path(folder).iterdir()]
        ['out_image.npy']
    """

    def __init__(
        self,
        fields: Sequence[str],
        name_fields: Sequence[str] | None = None,
        filename_prefix: str = "./",
        *,
        file_format: str = "npy",
    ) -> None:
        if f".{file_format}" not in _SUFFIXES:
            raise ArgumentError(f"WriteNumpyToFile: file_format is {file_format!r}", expected="'npy' or 'npz'")
        super().__init__(fields, name_fields, filename_prefix, f".{file_format}")
        self.file_format = file_format

    def write(self, path: Path, value: Any, field: str, data: DataPoint) -> None:
        """Write the array of one field."""
        grid = data.get(meta_field(field)) if self.file_format == "npz" else None
        write_numpy(path, value, grid.affine if isinstance(grid, Geometry) else None)


def write_numpy(path: str | os.PathLike[str], array: Any, affine: Any = None) -> None:
    """Write an array, type and shape as they are, to a file that appears only when it is complete.

    Args:
        path: Where to, ending in ``.npy`` or ``.npz`` (compressed; the array is called ``data``).
        array: Numbers; a torch tensor is copied to the CPU.
        affine: 4 x 4, voxel index to RAS+ mm, kept beside the array. Needs ``.npz``.

    Raises:
        ArgumentError: If the name has another ending, the array holds objects, or ``.npy`` shall hold an affine.
        ArtifactError: If the file cannot be written.

    Example:
        >>> import tempfile
        >>> path = f"{tempfile.mkdtemp()}/label.npy"
        >>> write_numpy(path, np.arange(3))
        >>> np.load(path)
        array([0, 1, 2])
    """
    target = Path(path)
    suffix = checked_suffix(target.name, _SUFFIXES, "write_numpy")
    values = np.asarray(array.detach().cpu() if hasattr(array, "detach") else array)
    if values.dtype.hasobject:
        raise ArgumentError(f"write_numpy: the array holds Python objects ({values.dtype})", expected="numbers")
    if affine is not None and suffix == ".npy":
        raise ArgumentError(
            f"write_numpy: {target.name} cannot hold an affine", expected="a name ending in .npz, or no affine"
        )
    with atomic_write(target) as file:
        if suffix == ".npy":
            np.save(file, values, allow_pickle=False)
        else:
            extra = {} if affine is None else {_AFFINE: np.asarray(affine, np.float64)}
            np.savez_compressed(file, data=values, **extra)  # type: ignore[arg-type]  # typeshed: allow_pickle
