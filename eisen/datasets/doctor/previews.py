"""One slice of a case to look at: where the label is largest, patient right on the left."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from eisen._core.types import Affine, Array
from eisen.datasets.doctor.facts import Preview
from eisen.datasets.doctor.voxels import in_ras_order

__all__ = ["preview_of"]

_LONGEST = 160


def preview_of(image: Array | None, label: Array | None, affine: Affine | None, *, picture: bool = False) -> Preview:
    """Return the slice of a case that shows most of its label, or the middle one.

    Args:
        image: Voxels of the image; None shows the label alone.
        label: Voxels of the label on the same grid, or None.
        affine: 4 x 4, voxel index to RAS+ mm.
        picture: Whether the arrays are pictures: rows, columns, colours.
    """
    shown = image if image is not None else label
    assert shown is not None
    if label is not None and label.shape[:2] != shown.shape[:2]:
        label = None
    if picture or shown.ndim == 2:
        return _drawn(_grey(shown), label, 1.0)
    volume = in_ras_order(shown[(slice(None),) * 3 + (0,) * (shown.ndim - 3)], affine)
    labels = None if label is None or label.shape[:3] != shown.shape[:3] else in_ras_order(_first(label), affine)
    k = _best_slice(volume.shape[2], labels)
    spacing = _ras_spacing(affine)
    return _drawn(_cut(volume, k), None if labels is None else _cut(labels, k), spacing[1] / spacing[0])


def _first(label: Array) -> Array:
    return label[(slice(None),) * 3 + (0,) * (label.ndim - 3)]


def _cut(volume: Array, k: int) -> Array:
    """Return an axial slice with rows from anterior to posterior and columns from patient right to left."""
    return volume[:, :, k].T[::-1, ::-1]


def _best_slice(n: int, labels: Array | None) -> int:
    if labels is None:
        return n // 2
    areas = np.count_nonzero(labels, axis=(0, 1))
    return int(areas.argmax()) if areas.any() else n // 2


def _ras_spacing(affine: Affine | None) -> npt.NDArray[np.float64]:
    """Return the spacing along the axes as they are after turning to RAS+ order."""
    if affine is None:
        return np.ones(3)
    import nibabel

    spacing = np.linalg.norm(affine[:3, :3], axis=0)
    turn = nibabel.orientations.io_orientation(affine)
    if np.isnan(turn).any() or not (spacing > 0).all():
        return np.ones(3)
    ordered = np.empty(3)
    ordered[turn[:, 0].astype(int)] = spacing
    return ordered


def _grey(picture: Array) -> Array:
    return picture[..., :3].mean(axis=-1) if picture.ndim == 3 else picture


def _drawn(image: Array, label: Array | None, aspect: float) -> Preview:
    """Return a slice as grey values between its 1st and 99.5th percentile, thinned to a size that is quick to show."""
    step = max(-(-max(image.shape) // _LONGEST), 1)
    thin = image[::step, ::step].astype(np.float64)
    finite = thin[np.isfinite(thin)]
    low, high = np.percentile(finite, [1, 99.5]) if finite.size else (0.0, 1.0)
    grey = np.clip((np.nan_to_num(thin, nan=low, posinf=high, neginf=low) - low) / max(high - low, 1e-12), 0, 1)
    small = None if label is None else np.nan_to_num(label[::step, ::step]).astype(np.int32)
    return Preview(np.asarray(grey * 255, np.uint8), small, float(aspect))
