"""A small data set of phantoms in the layout of the decathlon: something to train on where there is no data yet."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.atomic import artifact_error, atomic_write
from eisen._core.errors import ArgumentError
from eisen._core.types import Affine, Array
from eisen.datasets.phantom_anatomy import Anatomy, draw, turned
from eisen.io.write import write_nifti

__all__ = ["make_phantoms", "phantom"]

_LABELS = {"0": "background", "1": "liver", "2": "spleen", "3": "kidneys"}
_FOLDERS = ("imagesTr", "labelsTr", "imagesTs")


def make_phantoms(
    folder: str | os.PathLike[str],
    n_training: int = 24,
    n_validation: int = 8,
    n_test: int = 4,
    seed: int = 0,
    size: int = 48,
) -> Path:
    """Write a data set of abdominal MR phantoms with liver, spleen and kidneys labelled.

    Written are ``imagesTr``, ``labelsTr``, ``imagesTs``, a ``dataset.json`` with all labelled cases, and
    ``dataset_train.json`` and ``dataset_val.json``, which list the training and the validation cases. Every case has
    its own anatomy, matrix size, voxel size (about 1 x 1 x 2 mm), oblique orientation, intensity scale, bias field
    and noise. Images are int16, labels uint8. The same seed gives the same voxels.

    Args:
        folder: Where to; made if it is not there.
        n_training: Number of training cases, at least 1.
        n_validation: Number of validation cases.
        n_test: Number of cases without a label.
        seed: Another number gives other patients; 0 or more.
        size: Typical number of voxels along an axis in the slice, at least 16; the body stays as large in mm.

    Returns:
        The folder.

    Raises:
        ArgumentError: If a number is out of range.
        ArtifactError: If the folder cannot be written.

    Example:
        >>> import tempfile
        >>> folder = make_phantoms(tempfile.mkdtemp(), n_training=2, n_validation=1, n_test=0, size=16)
        >>> sorted(path.name for path in folder.iterdir())
        ['dataset.json', 'dataset_train.json', 'dataset_val.json', 'imagesTr', 'imagesTs', 'labelsTr']
    """
    least = {"n_training": (n_training, 1), "n_validation": (n_validation, 0), "n_test": (n_test, 0)}
    for name, (value, minimum) in {**least, "seed": (seed, 0), "size": (size, 16)}.items():
        if not isinstance(value, int) or value < minimum:
            raise ArgumentError(f"make_phantoms: {name} is {value!r}", expected=f"a whole number, {minimum} or more")
    target = Path(folder)
    try:
        for name in _FOLDERS:
            (target / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise artifact_error(error, target) from error
    labelled = [_write_case(target, number, seed, size, True) for number in range(n_training + n_validation)]
    test = [_write_case(target, len(labelled) + number, seed, size, False)["image"] for number in range(n_test)]
    _write_listing(target / "dataset.json", labelled, test)
    _write_listing(target / "dataset_train.json", labelled[:n_training], [])
    _write_listing(target / "dataset_val.json", labelled[n_training:], [])
    return target


def phantom(random: np.random.Generator, size: int = 48) -> tuple[Array, Array, Affine]:
    """Return one phantom: image, label and affine.

    Args:
        random: Source of everything that differs between cases.
        size: Typical number of voxels along an axis in the slice.

    Returns:
        The image (int16, axes x, y, z), the label (uint8, same shape: 0 background, 1 liver, 2 spleen, 3 kidneys),
        and the affine (4 x 4, voxel index to RAS+ mm).

    Example:
        >>> image, label, affine = phantom(np.random.default_rng(0))
        >>> image.shape == label.shape, int(label.max())
        (True, 3)
    """
    shape, affine = _grid(random, size)
    body = Anatomy(random, affine, shape)
    draw(body)
    return _scanned(body), body.label, affine


def _grid(random: np.random.Generator, size: int) -> tuple[tuple[int, int, int], Affine]:
    """Return a matrix size and an oblique affine whose middle voxel is near the middle of the body."""
    coarse = 48 / size
    in_slice = random.uniform(0.9, 1.12) * coarse
    spacing = np.array([in_slice, in_slice, random.uniform(1.7, 2.2) * coarse])
    extent = np.array([49.0, 43.0, 58.0]) + random.uniform(-2, 4, 3)
    counts = np.maximum(np.round(extent / spacing), 4).astype(int)
    affine = np.eye(4)
    affine[:3, :3] = turned(random.uniform(-8, 8, 3)) * spacing
    affine[:3, 3] = random.uniform(-1, 1, 3) - affine[:3, :3] @ ((counts - 1) / 2)
    return (int(counts[0]), int(counts[1]), int(counts[2])), affine


def _scanned(body: Anatomy) -> Array:
    """Return what a scanner makes of a body: tissue texture, bias field, noise of the magnitude, a scale of its own."""
    random = body.random
    textured = body.image * (1 + 0.03 * body.waves(3, 10))
    biased = textured * np.exp(0.14 * body.waves(70, 3))
    level = random.uniform(0.02, 0.035)
    real = biased + random.normal(0, level, body.shape)
    magnitude = np.hypot(real, random.normal(0, level, body.shape))
    scale = float(np.exp(random.uniform(np.log(200), np.log(4000))))
    return np.clip(np.rint(magnitude * scale), 0, 32767).astype(np.int16)


def _write_case(folder: Path, number: int, seed: int, size: int, labelled: bool) -> dict[str, str]:
    name, images = f"phantom_{number:03d}.nii.gz", "imagesTr" if labelled else "imagesTs"
    image, label, affine = phantom(np.random.default_rng([seed, number]), size)
    write_nifti(folder / images / name, image, affine)
    if labelled:
        write_nifti(folder / "labelsTr" / name, label, affine)
    paths = {"image": f"./{images}/{name}", "label": f"./labelsTr/{name}"}
    return paths if labelled else {"image": paths["image"]}


def _write_listing(path: Path, training: list[dict[str, str]], test: list[str]) -> None:
    content: dict[str, Any] = {
        "name": "Phantoms",
        "description": "Abdominal MR phantoms, drawn by eisen",
        "licence": "CC0",
        "tensorImageSize": "3D",
        "modality": {"0": "MR"},
        "labels": _LABELS,
        "numTraining": len(training),
        "numTest": len(test),
        "training": training,
        "test": test,
    }
    with atomic_write(path, "w") as file:
        file.write(json.dumps(content, indent=1) + "\n")
