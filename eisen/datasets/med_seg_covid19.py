"""COVID-19 CT segmentation: slices of the chest in one stack, with a stack of masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Unpack

import numpy as np

from eisen._core.errors import ShapeError
from eisen._core.types import Array, Step
from eisen.datasets.folders import Folder
from eisen.datasets.options import PublicOptions
from eisen.datasets.public import PublicDataset
from eisen.io.paths import existing_file

__all__ = ["MedSegCovid19"]


class MedSegCovid19(PublicDataset):
    """CT slices of the chests of patients with COVID-19, with masks of what radiologists saw.

    CC0, from medicalsegmentation.com ("COVID-19 CT segmentation dataset")::

        data_dir/
          tr_im.nii.gz        100 slices, stacked along the last axis
          tr_mask.nii.gz      0 nothing, 1 ground glass, 2 consolidation, 3 pleural effusion

    A case is one slice and holds **arrays**, float32 of shape (height, width): ``image`` and, with a mask file,
    ``label``. Both stacks are read into memory here.

    Args:
        data_dir: Folder of the data.
        image_file: The stack of slices, relative to `data_dir` or absolute.
        mask_file: The stack of masks; None or empty text: none.
        transform: What to do with a case when it is read; None: nothing.
        **options: As for every public data set.

    Raises:
        MissingFileError: If a file is not there.
        CorruptFileError: If a file is not a NIfTI file.
        ShapeError: If image and mask are not stacks of the same shape.
        EmptyDatasetError: If there are no slices.

    Source: Jenssen and Sakinis, COVID-19 CT segmentation dataset, MedSeg (2020).

    Example:
        >>> import tempfile
        >>> from eisen.io import write_nifti
        >>> folder = tempfile.mkdtemp()
        >>> write_nifti(f"{folder}/tr_im.nii.gz", np.zeros((8, 9, 3), "int16"), np.eye(4))
        >>> slices = MedSegCovid19(folder, "tr_im.nii.gz")
        >>> len(slices), slices[0]["image"].shape, slices[0]["image"].dtype
        (3, (8, 9), dtype('float32'))
    """

    layout = "two NIfTI files, image_file and mask_file, with the slices on the last axis"
    where = "medicalsegmentation.com, 'COVID-19 CT segmentation dataset' (tr_im.nii.gz and tr_mask.nii.gz)"

    def __init__(
        self,
        data_dir: Folder,
        image_file: Folder,
        mask_file: Folder | None = None,
        transform: Step | None = None,
        **options: Unpack[PublicOptions],
    ) -> None:
        self.image_file = image_file
        self.mask_file = mask_file
        super().__init__(data_dir, transform, **options)

    def list_cases(self, folder: Path) -> list[dict[str, Any]]:
        """Return one case per slice."""
        stacks = {"image": _stack(folder / self.image_file)}
        if self.mask_file:
            stacks["label"] = _stack(folder / self.mask_file)
        shapes = {stack.shape for stack in stacks.values()}
        if len(shapes) > 1:
            raise ShapeError(
                f"image and mask have the shapes {stacks['image'].shape} and {stacks['label'].shape}",
                expected="two stacks of the same shape",
                to_do="check that mask_file belongs to image_file",
                file=str(folder / str(self.mask_file)),
            )
        return [{field: stack[n] for field, stack in stacks.items()} for n in range(len(stacks["image"]))]


def _stack(path: Path) -> Array:
    """Return the slices of a stack, shape (slices, height, width)."""
    from eisen.io.nifti import read_nifti

    stack = np.asarray(read_nifti(existing_file(path)).dataobj, dtype=np.float32)
    if stack.ndim != 3:
        raise ShapeError(
            f"{path.name} has the shape {stack.shape}",
            expected="a stack of slices, three axes with the slices on the last one",
            file=str(path),
        )
    return np.ascontiguousarray(np.moveaxis(stack, -1, 0))
