"""A small clean data set, and ways to plant one defect in it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nibabel
import numpy as np

Change = Callable[[np.ndarray], np.ndarray]
AFFINE = np.array([[-1.0, 0, 0, 20], [0, 1.2, 0, -15], [0, 0, 2.0, 5], [0, 0, 0, 1]])
N_TRAINING, N_VALIDATION = 9, 3


def clean_set(folder: Path, *, base: float = 0.0) -> Path:
    """Write 12 cases in the layout of the decathlon: a blob of two classes in textured tissue, int16.

    Args:
        folder: Where to.
        base: Added to the intensities, e.g. -1000 for a CT.
    """
    for sub in ("imagesTr", "labelsTr"):
        (folder / sub).mkdir(parents=True)
    names = [f"scan_{chr(97 + number)}.nii.gz" for number in range(N_TRAINING + N_VALIDATION)]
    for number, name in enumerate(names):
        image, label = _case(np.random.default_rng(number), base)
        save(folder / "imagesTr" / name, image, AFFINE)
        save(folder / "labelsTr" / name, label, AFFINE)
    parts = {"dataset": names, "dataset_train": names[:N_TRAINING], "dataset_val": names[N_TRAINING:]}
    for file, listed in parts.items():
        write_listing(folder / f"{file}.json", listed)
    return folder


def _case(random: np.random.Generator, base: float) -> tuple[np.ndarray, np.ndarray]:
    shape = (20 + int(random.integers(3)), 18, 14 + int(random.integers(3)))
    grid = np.stack(np.meshgrid(*map(np.arange, shape), indexing="ij"), -1)
    centre = np.array([9, 8, 7]) + random.uniform(-0.5, 0.5, 3)
    radii = np.array([6, 5, 4]) * random.uniform(0.9, 1.1, 3)
    distance = np.linalg.norm((grid - centre) / radii, axis=-1)
    label = ((distance < 1).astype("uint8") + (distance < 0.6)).astype("uint8")
    image = base + random.normal(300, 60, shape) + 200 * label + 20 * grid[..., 0]
    return image.astype("int16"), label


def write_listing(path: Path, names: list[str]) -> None:
    """Write a dataset.json."""
    cases = [{"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"} for name in names]
    labels = {"0": "background", "1": "rim", "2": "core"}
    path.write_text(json.dumps({"labels": labels, "training": cases, "test": []}))


def save(path: Path, array: np.ndarray, affine: np.ndarray, **header: Any) -> None:
    """Write a volume with nibabel; further keywords: units, sform, qform (affine and code)."""
    image = nibabel.Nifti1Image(array, affine, dtype=array.dtype)
    image.set_sform(*header.get("sform", (affine, 1)))
    image.set_qform(*header.get("qform", (affine, 1)), strip_shears=True)
    image.header.set_xyzt_units(header.get("units", "mm"))
    path.unlink(missing_ok=True)
    image.to_filename(path)


def changed(path: Path, voxels: Change | None = None, affine: Change | None = None, **header: Any) -> None:
    """Change voxels, affine or header of a volume."""
    image = nibabel.load(path)
    array = np.asanyarray(image.dataobj).copy()
    array = array if voxels is None else voxels(array)
    save(path, array, image.affine if affine is None else affine(image.affine.copy()), **header)


def copied(folder: Path, case: str, onto: str, *fields: str) -> None:
    """Put the files of one case in the place of those of another."""
    for sub in fields or ("imagesTr", "labelsTr"):
        shutil.copyfile(folder / sub / f"{case}.nii.gz", folder / sub / f"{onto}.nii.gz")


def relisted(folder: Path, file: str, change: Callable[[list[dict[str, str]]], Any]) -> None:
    """Change the list of cases of a dataset.json in place."""
    content = json.loads((folder / file).read_text(encoding="utf-8"))
    change(content["training"])
    (folder / file).write_text(json.dumps(content))
