"""What voxels say: one pass over the slices of an array, in the memory of one slice more."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from eisen._core.types import Affine, Array
from eisen.datasets.doctor.facts import VoxelFacts
from eisen.datasets.doctor.headers import format_of
from eisen.io.itk import LoadITKFromFilename
from eisen.io.nifti import read_nifti
from eisen.io.pil import LoadPILImageFromFilename

if TYPE_CHECKING:
    from eisen.datasets.doctor.study import Study

__all__ = ["facts_of", "in_ras_order", "read_voxels"]

_SAMPLE = 200_000
_MOST_VALUES = 256
_CONTENT = 8  # different values that a slice must have to be recognised elsewhere
_BLOCKS = {2: 64, 3: 16}


def read_voxels(path: Path, study: Study) -> Array:
    """Return the voxels of a file, axes (x, y, z, channels); colours and time points come last.

    Args:
        path: The file, or the folder of a DICOM series.
        study: The data set it belongs to.

    Raises:
        EisenError: If the file cannot be read.
    """
    kind, name = format_of(path, study), str(path.absolute())
    if kind == "nifti":
        return np.asanyarray(read_nifti(path).dataobj)
    if kind == "picture":
        return np.asarray(LoadPILImageFromFilename(["f"], "/")({"f": name})["f"])
    if kind == "dicom":
        from eisen.datasets.doctor.series import voxels_of_series

        return voxels_of_series(path, study)
    import SimpleITK

    image = LoadITKFromFilename(["f"], "/")({"f": name})["f"]
    array = np.asarray(SimpleITK.GetArrayViewFromImage(image)).copy()
    return array.transpose(*reversed(range(image.GetDimension())), *range(image.GetDimension(), array.ndim))


def facts_of(array: Array, affine: Affine | None, *, n_axes: int = 3, signature: bool = True) -> VoxelFacts:
    """Return what an array of voxels says.

    Args:
        array: Voxels (x, y, z, channels), or a picture (rows, columns, colours).
        affine: 4 x 4, voxel index to RAS+ mm; None of a picture.
        n_axes: How many of the axes are space.
        signature: Whether to look for the fine structure; label maps of one region are all alike.

    Example:
        >>> facts = facts_of(np.arange(1000.0).reshape(10, 10, 10), np.eye(4))
        >>> facts.minimum, facts.maximum, facts.n_nan, len(facts.slices)
        (0.0, 999.0, 0, 10)
    """
    total, slices = blake2b(repr(array.shape).encode(), digest_size=16), []
    lowest, highest, n_nan, n_infinite, n_padding = np.inf, -np.inf, 0, 0, 0
    for plane in _planes(array, n_axes):
        low, high, bad = _range(plane)
        n_nan += int(np.isnan(plane).sum()) if bad else 0
        n_infinite += int(np.isinf(plane).sum()) if bad else 0
        n_padding = 0 if low < lowest else n_padding
        lowest, highest = min(lowest, low), max(highest, high)
        n_padding += int(np.count_nonzero(plane == lowest)) if low == lowest else 0
        digest = blake2b(plane.data, digest_size=12).digest()
        total.update(digest)
        slices.append(
            digest if high > low and np.unique(plane.ravel()[:: max(plane.size // 4096, 1)]).size > _CONTENT else b""
        )
    sample = _sample(array)
    low, median, high = np.percentile(sample, [0.5, 50, 99.5]) if sample.size else (np.nan, np.nan, np.nan)
    return VoxelFacts(
        n=array.size,
        n_nan=n_nan,
        n_infinite=n_infinite,
        low=float(low),
        median=float(median),
        high=float(high),
        minimum=float(lowest),
        maximum=float(highest),
        n_values=min(np.unique(sample).size, _MOST_VALUES),
        padding=n_padding / max(array.size, 1),
        digest=total.digest(),
        slices=tuple(slices),
        signature=_signature(array, affine, n_axes) if signature else None,
    )


def _planes(array: Array, n_axes: int) -> Iterator[npt.NDArray[np.float32]]:
    """Yield the slices along the last spatial axis as 32-bit floats, the same bytes whatever the type in the file."""
    if n_axes == 2:
        yield np.ascontiguousarray(array, np.float32)
        return
    volume = array.reshape(*array.shape[:2], -1, order="F")
    for k in range(volume.shape[2]):
        with np.errstate(over="ignore"):
            # adding 0 turns -0.0 into 0.0: equal voxels, equal bytes
            yield np.ascontiguousarray(volume[:, :, k].T, np.float32) + np.float32(0)


def _range(plane: npt.NDArray[np.float32]) -> tuple[float, float, bool]:
    """Return the smallest and largest finite value of a slice, and whether there are others."""
    low, high = float(plane.min()), float(plane.max())
    if np.isfinite(low) and np.isfinite(high):
        return low, high, False
    finite = plane[np.isfinite(plane)]
    return (float(finite.min()), float(finite.max()), True) if finite.size else (np.inf, -np.inf, True)


def _sample(array: Array) -> npt.NDArray[np.float64]:
    """Return the finite voxels among some that lie regularly in the array."""
    step = max(int(np.ceil((array.size / _SAMPLE) ** (1 / max(array.ndim, 1)))), 1)
    sample = array[(slice(None, None, step),) * array.ndim].astype(np.float64).ravel()
    return np.asarray(sample[np.isfinite(sample)])


def in_ras_order(array: Array, affine: Affine | None) -> Array:
    """Return a view on a volume whose axes run right, anterior, superior as nearly as possible.

    Args:
        array: (x, y, z, ...).
        affine: 4 x 4, voxel index to RAS+ mm; None leaves the array as it is.
    """
    if affine is None or array.ndim < 3:
        return array
    import nibabel

    turn = nibabel.orientations.io_orientation(affine)
    return np.asarray(nibabel.orientations.apply_orientation(array, turn)) if not np.isnan(turn).any() else array


def _signature(array: Array, affine: Affine | None, n_axes: int) -> npt.NDArray[np.float16] | None:
    """Return the fine structure of an image at a fixed number of places, which survives scaling and saving anew.

    What is smooth (the shape of the body, which all cases have in common) is taken away first.
    """
    from scipy.ndimage import uniform_filter

    n = _BLOCKS[n_axes]
    volume = array[(slice(None),) * n_axes + (0,) * (array.ndim - n_axes)]
    if min(volume.shape) < 2:
        return None
    small = _block_means(in_ras_order(volume, affine) if n_axes == 3 else volume, n)
    fine = small - uniform_filter(small, 3, mode="nearest")
    fine -= fine.mean()
    norm = float(np.linalg.norm(fine))
    if not np.isfinite(norm) or norm < 1e-6 * max(float(np.abs(small).max()), 1e-12):
        return None
    return np.asarray(fine.ravel() / norm, np.float16)


def _block_means(volume: Array, n: int) -> npt.NDArray[np.float64]:
    """Return the means of n blocks along every axis; blocks of axes with fewer voxels overlap."""
    means = volume
    for axis in range(volume.ndim):
        edges = np.linspace(0, means.shape[axis], n + 1)
        starts = np.minimum(np.floor(edges[:-1]).astype(int), means.shape[axis] - 1)
        ends = np.maximum(np.ceil(edges[1:]).astype(int), starts + 1)
        moved = np.moveaxis(means, axis, 0)
        means = np.moveaxis(
            np.stack([moved[a:b].mean(axis=0, dtype=np.float64) for a, b in zip(starts, ends, strict=True)]), 0, axis
        )
    return np.nan_to_num(np.asarray(means, np.float64), nan=0.0, posinf=0.0, neginf=0.0)
