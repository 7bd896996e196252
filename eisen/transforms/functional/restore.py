"""Bringing a result back to the grid of the file it was computed from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from eisen._core.errors import ShapeError
from eisen._core.types import Array, Geometry
from eisen.transforms.functional.regridding import regrid, regridded_slabs
from eisen.transforms.functional.tensors import accepts_tensors

__all__ = ["native_slabs", "restore_label_map", "restore_to_native"]

_THRESHOLD = 0.5


def restore_to_native(values: Array, geometry: Geometry, *, order: int = 1, fill: float = 0) -> Array:
    r"""Bring values back to the grid of the input file.

    After crops, pads, flips and permutations every voxel is copied; after resampling, a rotation or an elastic
    deformation it is interpolated once. The outermost voxels reach half a voxel beyond their centres.

    Args:
        values: Array (..., I, J, K) on the grid of `geometry`; leading axes are channels.
        geometry: Where the values are now, and the grid of the file.
        order: 1 interpolates linearly, 0 takes the nearest voxel.
        fill: Value outside the field of view of `values`.

    Returns:
        Array (..., \*native_shape) of the type of `values`.

    Raises:
        ShapeError: If `values` is not on the grid of `geometry`.
        GeometryError: If a step cannot be undone (tissue has folded).

    Example:
        >>> grid = Geometry.of(np.eye(4), (4, 4, 4))
        >>> shifted = np.eye(4)
        >>> shifted[0, 3] = 1
        >>> cropped = grid.moved(shifted, (2, 4, 4), "Crop")
        >>> restore_to_native(np.ones((2, 4, 4)), cropped)[:, 0, 0]
        array([0., 1., 1., 0.])
    """
    restored: Array = regrid(values, geometry, geometry.native, "linear" if order else "nearest", fill)
    return restored


def native_slabs(values: Array, geometry: Geometry, *, order: int = 1, fill: float = 0) -> Iterator[Array]:
    """Yield what `restore_to_native` returns in pieces along the first spatial axis."""
    return regridded_slabs(values, geometry, geometry.native, "linear" if order else "nearest", fill)


@accepts_tensors
def restore_label_map(output: Array, geometry: Geometry, values: Sequence[int] | None = None) -> Array:
    """Return the label map of one case on the grid of its file.

    Probabilities are brought to the file's grid first and compared there, so the contours are as smooth as the file
    allows. Voxels that the model has not seen are background.

    Args:
        output: Probabilities (channels, I, J, K) on the grid of `geometry`.
        geometry: Where the voxels are, and the grid of the file.
        values: Label value of each channel; None: 0, 1, 2 ... for several channels, 1 for a single one. When 0 is
            not among them, voxels where no channel reaches 0.5 are 0.

    Returns:
        Array of the file's shape; uint8 when all values fit, else int16 or int32.

    Raises:
        ShapeError: If the output does not have one channel per value, or not the shape of `geometry`.

    Example:
        >>> grid = Geometry.of(np.eye(4), (1, 1, 3))
        >>> restore_label_map(np.array([[[[0.2, 0.7, 0.5]]]]), grid).tolist()
        [[[0, 1, 1]]]
    """
    if output.ndim != 4:
        raise ShapeError(f"the model's output has shape {output.shape}", expected="(channels, I, J, K) for a case")
    n_channels = output.shape[0]
    values = list(values) if values is not None else [1] if n_channels == 1 else list(range(n_channels))
    if len(values) != n_channels or not values:
        raise ShapeError(f"the model's output has {n_channels} channels for the labels {values}")
    table = np.asarray(values, dtype=np.min_scalar_type(max(values)) if max(values) < 256 else np.int32)
    slabs = native_slabs(output.astype(np.float32, copy=False), geometry, fill=np.nan)
    return np.concatenate([_decide(slab, table) for slab in slabs], axis=0)


def _decide(slab: Array, table: Array) -> Array:
    """Return the label of every voxel; voxels out of sight are NaN in all channels."""
    unseen = np.isnan(slab[0])
    known = np.where(np.isnan(slab), -np.inf, slab)
    labels = table[known.argmax(axis=0)]
    if 0 not in table:
        labels = np.where(known.max(axis=0) >= _THRESHOLD, labels, 0).astype(table.dtype)
    labels[unseen] = 0
    return np.asarray(labels)
