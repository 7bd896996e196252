"""PatchCamelyon: patches of lymph nodes, with and without metastases."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from eisen._core.errors import ArgumentError
from eisen._core.types import DataPoint, Step
from eisen.datasets.folders import Folder
from eisen.datasets.hdf5 import Hdf5Array
from eisen.datasets.options import PublicOptions
from eisen.datasets.public import PublicDataset

__all__ = ["PatchCamelyon"]


class PatchCamelyon(PublicDataset):
    """327 680 colour patches of lymph nodes under the microscope, labelled by whether their middle holds tumour.

    CC0, from Zenodo (record 2546921), six files of HDF5 to unpack with gzip, two each for training, validation, test::

        data_dir/
          camelyonpatch_level_2_split_train_x.h5          array x, (cases, 96, 96, 3)
          camelyonpatch_level_2_split_train_y.h5          array y, (cases, 1, 1, 1)
          camelyonpatch_level_2_split_train_mask.h5       array mask, (cases, 96, 96, 1)

    A case holds ``image``, float32 of shape (3, height, width) with values from 0 to 255, ``label``, float32 of shape
    (1,), and, with a mask file, ``mask`` as stored. Patches are read when they are asked for, and each process opens
    the files for itself.

    Args:
        data_dir: Folder of the data.
        x_h5_file: The patches, relative to `data_dir` or absolute.
        y_h5_file: The labels.
        mask_h5_file: The masks; None or empty text: none.
        transform: What to do with a case when it is read; None: nothing.
        **options: As for every public data set.

    Raises:
        MissingFileError: If a file is not there.
        CorruptFileError: If a file is not HDF5, or lacks its array.
        ArgumentError: If the files hold different numbers of cases.
        EmptyDatasetError: If they hold none.

    Source: Veeling et al., Rotation equivariant CNNs for digital pathology, Lecture Notes in Computer Science 11071,
        210 (2018).

    Example:
        >>> import h5py, tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name, array in (("x", np.full((2, 5, 5, 3), 255, "uint8")), ("y", np.ones((2, 1, 1, 1), "uint8"))):
        ...     with h5py.File(folder / f"{name}.h5", "w") as file:
        ...         file[name] = array
        >>> case = PatchCamelyon(folder, "x.h5", "y.h5")[1]
        >>> case["image"].shape, float(case["image"].max()), case["label"]
        ((3, 5, 5), 255.0, array([1.], dtype=float32))
    """

    layout = "HDF5 files with the arrays x (cases, H, W, 3), y (cases, 1, 1, 1) and mask"
    where = "Zenodo, record 2546921 (CC0), and unpack each file with gunzip"

    def __init__(
        self,
        data_dir: Folder,
        x_h5_file: Folder,
        y_h5_file: Folder,
        mask_h5_file: Folder | None = None,
        transform: Step | None = None,
        **options: Unpack[PublicOptions],
    ) -> None:
        self.files = {"x": x_h5_file, "y": y_h5_file} | ({"mask": mask_h5_file} if mask_h5_file else {})
        self.arrays: dict[str, Hdf5Array] = {}
        super().__init__(data_dir, transform, **options)

    def list_cases(self, folder: Path) -> Sequence[int]:
        """Return the rows of the arrays."""
        self.arrays = {name: Hdf5Array(folder / file, name) for name, file in self.files.items()}
        sizes = {name: len(array) for name, array in self.arrays.items()}
        if len(set(sizes.values())) > 1:
            raise ArgumentError(
                f"PatchCamelyon: {', '.join(f'{name} holds {size}' for name, size in sizes.items())} cases",
                expected="files with the same number of cases",
                to_do="name files of the same part: train, valid or test",
            )
        return range(sizes["x"])

    def read(self, number: int) -> DataPoint:
        """Return a patch, its label and its mask."""
        row = self.cases[number]
        image = np.ascontiguousarray(np.moveaxis(self.arrays["x"][row], -1, 0), dtype=np.float32)
        case: dict[str, Any] = {"image": image, "label": self.arrays["y"][row].reshape(-1).astype(np.float32)}
        if "mask" in self.arrays:
            case["mask"] = self.arrays["mask"][row]
        return case
