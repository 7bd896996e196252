"""Tiny NIfTI cases, written with nibabel alone so that they are independent of what is tested."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

OBLIQUE = np.array([[1.9, 0.3, -0.2, -11.0], [-0.3, 1.4, 0.5, 7.5], [0.1, -0.4, 2.9, 3.25], [0, 0, 0, 1]])
"""An affine without any symmetry: spacings about 1.9, 1.5 and 2.9 mm, sheared."""


def ramp(shape: Sequence[int], dtype: Any = "int16") -> np.ndarray:
    """An array in which every voxel differs from its neighbours."""
    n = int(np.prod(shape))
    return ((np.arange(n) * 7) % 251).astype(dtype).reshape(shape)


def write_case(
    path: Path,
    shape: Sequence[int] = (6, 7, 8),
    dtype: Any = "int16",
    affine: Any = OBLIQUE,
    array: np.ndarray | None = None,
) -> Path:
    """Write one volume and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    voxels = ramp(shape, dtype) if array is None else array
    nibabel.Nifti1Image(voxels, affine, dtype=voxels.dtype).to_filename(path)
    return path


def write_pair(folder: Path, name: str, shape: Sequence[int] = (6, 7, 8), n_classes: int = 3) -> dict[str, str]:
    """Write an image and its label as a decathlon case and return its entry."""
    write_case(folder / "imagesTr" / name, shape)
    label = (ramp(shape) % n_classes).astype("uint8")
    write_case(folder / "labelsTr" / name, array=label)
    return {"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"}
