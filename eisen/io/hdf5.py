"""Reading arrays out of HDF5 files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError, CorruptFileError, DataError
from eisen._core.types import Array, DataPoint
from eisen.io.members import MemberReader, chosen_member, geometry_entry

__all__ = ["LoadHDF5FromFilename"]


class LoadHDF5FromFilename(MemberReader):
    """Read arrays out of HDF5 files (.h5, .hdf5): replace names by arrays, type and shape as in the file.

    The file is opened for this one array and closed again, so any number of worker processes may read it. When there
    is an affine, the `Geometry` record ``<field>_meta`` is written; the last three axes are space, in the order of its
    columns.

    Args:
        fields: Names of the fields that hold names: ``"file.h5:/group/data"``, or ``"file.h5"`` alone.
        data_dir: Folder that the file names are relative to. A file name that is absolute ignores it.
        dataset: Path of the dataset in all files, where the field names only the file. None: the only one there is.
        affine_field: Name of the field that holds the affine (4 x 4, voxel index to RAS+ mm). None: the attribute
            `affine_attribute`, if there is one.
        affine_attribute: Name of the attribute that holds the affine, of the dataset or of a group around it.

    Raises:
        MissingFileError: If a file is not there.
        CorruptFileError: If a file is damaged, or the dataset holds no numbers.
        DataError: If the dataset is not in the file; the card lists those that are.
        GeometryError: If the affine does not span space.

    Source: HDF5, https://www.hdfgroup.org.

    Example:
        >>> import h5py, tempfile
        >>> folder = tempfile.mkdtemp()
        >>> with h5py.File(f"{folder}/cases.h5", "w") as file:
        ...     file["007/ct"] = np.zeros((4, 5, 6), "int16")
        ...     file["007/ct"].attrs["affine"] = np.diag([1.0, 1.0, 2.0, 1.0])
        >>> data = LoadHDF5FromFilename(["image"], folder)({"image": "cases.h5:/007/ct"})
        >>> data["image"].shape, data["image_meta"].spacing
        ((4, 5, 6), (1.0, 1.0, 2.0))
    """

    def __init__(
        self,
        fields: Sequence[str],
        data_dir: str | os.PathLike[str],
        *,
        dataset: str | None = None,
        affine_field: str | None = None,
        affine_attribute: str = "affine",
    ) -> None:
        super().__init__(fields, data_dir, affine_field)
        if dataset is not None and not isinstance(dataset, str):
            raise ArgumentError(
                f"LoadHDF5FromFilename: dataset is {dataset!r}", expected="a path such as '/group/data', or None"
            )
        self.dataset = dataset
        self.affine_attribute = affine_attribute

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Return the array of one field, and where it is if that is known."""
        path, member = self.file_and_member(field, data[field])
        try:
            array, affine = self._read(path, member or self.dataset)
        except DataError:
            raise
        except (OSError, RuntimeError, KeyError, ValueError) as error:
            raise CorruptFileError(
                f"{path.name} cannot be read as HDF5: {error}",
                expected="a complete HDF5 file",
                to_do="copy or download the file again; `h5ls -r` shows what is in it",
                file=str(path),
            ) from error
        return {field: array, **geometry_entry(field, self.affine_for(data, affine), array.shape, str(path))}

    def _read(self, path: Path, asked: str | None) -> tuple[Array, Any]:
        import h5py

        with h5py.File(path, "r") as file:
            found = file.get(asked) if asked is not None else None
            name = asked if isinstance(found, h5py.Dataset) else chosen_member(asked, _listing(file), path, "dataset")
            dataset = file[name]
            if dataset.dtype.kind not in "biufc":
                raise CorruptFileError(
                    f"the dataset {name} of {path.name} holds {dataset.dtype}", expected="numbers", file=str(path)
                )
            return np.asarray(dataset[()]), self._affine_of(dataset)

    def _affine_of(self, dataset: Any) -> Any:
        """Return the attribute of the dataset or of the nearest group around it that has one."""
        place = dataset
        while self.affine_attribute not in place.attrs:
            if place.name == "/":
                return None
            place = place.parent
        return place.attrs[self.affine_attribute]


def _listing(file: Any) -> dict[str, str]:
    """Return every dataset of a file with its shape and type."""
    import h5py

    found: dict[str, str] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[f"/{name}"] = f"{item.shape} {item.dtype}"

    file.visititems(visit)
    return found
