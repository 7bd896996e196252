"""Reading back a DICOM segmentation that was just written."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from eisen._core.errors import ArtifactError, DataError
from eisen._core.types import Array, Geometry
from eisen.io.dicom.segmentation import read_dicom_seg

__all__ = ["check_written"]


def check_written(path: Path, masks: Array, grid: Geometry, target: Path) -> None:
    """Raise if a file does not give back what was to be written, voxel by voxel and position by position.

    The reader is not the writer's library, and it takes the place of each frame from what the file says.

    Args:
        path: The file on the disk.
        masks: Segment numbers (x, y, z), or one mask per segment on a fourth axis.
        grid: Where they are.
        target: What the file will be called, for the message.

    Raises:
        ArtifactError: If they differ.
    """
    try:
        found = np.asanyarray(read_dicom_seg(path, grid=grid, channels=masks.ndim == 4).image.dataobj)
    except DataError as error:
        raise _mismatch(target, f"it cannot be read back: {error.card.what}") from error
    n_wrong = int(np.count_nonzero(found != masks)) if found.shape == masks.shape else masks.size
    if n_wrong:
        raise _mismatch(target, f"{n_wrong} of {masks.size} voxels read back with another value")


def _mismatch(target: Path, why: str) -> ArtifactError:
    return ArtifactError(
        f"{target.name} was not written: {why}",
        expected="a file that gives back every voxel at its position",
        to_do="write NIfTI instead, and report the series with which this happens",
        file=str(target),
    )
