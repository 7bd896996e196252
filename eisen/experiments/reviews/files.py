"""Writing the volumes of a reviewed case: a folder that is there whole or not at all."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from eisen._core.atomic import artifact_error
from eisen._core.types import Array
from eisen.experiments.artifacts import make_folder
from eisen.experiments.reviews.natively import Scan
from eisen.experiments.reviews.views import CaseView
from eisen.io.encode import encode
from eisen.io.write import nifti_of, write_nifti

__all__ = ["PARTIAL", "case_folder", "write_view"]

PARTIAL = ".partial-"
"""What the name of a folder begins with while it is written."""
_COLOURS = np.dtype([("R", "u1"), ("G", "u1"), ("B", "u1")])


@contextmanager
def case_folder(root: Path, name: str) -> Iterator[Path]:
    """Yield a new folder that takes the place of ``root/name`` when all went well, and goes away otherwise.

    Raises:
        ArtifactError: If it cannot be made.
    """
    made, target = root / f"{PARTIAL}{name}", root / name
    shutil.rmtree(made, ignore_errors=True)
    make_folder(made)
    try:
        yield made
        shutil.rmtree(target, ignore_errors=True)
        made.rename(target)
    except OSError as error:
        raise artifact_error(error, target) from error
    finally:
        shutil.rmtree(made, ignore_errors=True)


def write_view(folder: Path, view: CaseView) -> tuple[dict[str, str], str, str]:
    """Write images, reference and prediction of a case.

    Args:
        folder: Where to.
        view: What is shown of the case.

    Returns:
        Names of the files: of the images by field, of the reference, of the prediction.
    """
    images = {}
    for number, (field, scan) in enumerate(view.images.items()):
        images[field] = "image.nii.gz" if number == 0 else f"image_{number}_{_safe(field)}.nii.gz"
        _write(folder / images[field], scan)
    _write(folder / "reference.nii.gz", view.reference)
    _write(folder / "prediction.nii.gz", view.prediction)
    return images, "reference.nii.gz", "prediction.nii.gz"


def _write(path: Path, scan: Scan) -> None:
    if _has_colours(scan.voxels):
        coloured = np.ascontiguousarray(scan.voxels.astype(np.uint8)).view(_COLOURS)[..., 0]
        encode(nifti_of_colours(coloured, scan), path)
        return
    write_nifti(path, scan.voxels, scan.geometry.affine)


def nifti_of_colours(coloured: Array, scan: Scan) -> object:
    """Return a NIfTI image whose voxels are colours."""
    import nibabel

    plain = nifti_of(np.zeros(coloured.shape, np.uint8), scan.geometry.affine)
    header = plain.header.copy()
    header.set_data_dtype(_COLOURS)
    return nibabel.Nifti1Image(coloured, plain.affine, header)


def _has_colours(voxels: Array) -> bool:
    """Tell whether voxels of three channels are the colours of a picture, from 0 to 255."""
    if voxels.ndim != 4 or voxels.shape[2] != 1 or voxels.shape[3] != 3:
        return False
    return bool(voxels.min() >= 0 and voxels.max() <= 255 and voxels.max() > 1 and (voxels == np.rint(voxels)).all())


def _safe(field: str) -> str:
    return re.sub(r"[^\w\-]+", "_", field)
