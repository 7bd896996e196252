"""Cases for stores: files of NIfTI, images with two channels, numbers and text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np

from eisen.datasets import ListDataset
from eisen.io import LoadNiftiFromFilename, write_nifti
from eisen.transforms import Compose

AFFINE = np.array([[-1.0, 0, 0, 30], [0, 1.5, 0, -20], [0, 0, 2.5, 7], [0, 0, 0, 1]])


def write_cases(folder: Path, n_cases: int = 3, prefix: str = "smith") -> list[dict[str, Any]]:
    """Write pairs of image and label of different sizes, and return what is known about each case."""
    random = np.random.default_rng(0)
    cases = []
    for i in range(n_cases):
        shape = (9 + i, 12, 15)
        image, label = f"{prefix}_{i:03d}.nii.gz", f"{prefix}_{i:03d}_seg.nii.gz"
        write_nifti(folder / image, random.integers(-1000, 3000, shape).astype("int16"), AFFINE)
        write_nifti(folder / label, random.integers(0, 4, shape).astype("uint8"), AFFINE)
        cases.append({"image": image, "label": label, "age": 50 + i, "report": f"finding {i}"})
    return cases


def dataset_of(folder: Path, cases: list[dict[str, Any]], *steps: Any) -> ListDataset:
    """Return the cases with a reader, and steps behind it."""
    return ListDataset(cases, transform=Compose([LoadNiftiFromFilename(["image", "label"], folder), *steps]))


def text_at(file: h5py.File, path: str) -> Any:
    """Return a text, or a list of texts."""
    found = file[path].asstr()[()]
    return found if isinstance(found, str) else list(found)
