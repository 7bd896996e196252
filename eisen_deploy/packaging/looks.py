"""What images of a run look like: size, voxels and intensities, for drawing others that look like them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.errors import EisenError
from eisen._core.types import Array, DataPoint, Geometry, meta_field
from eisen_deploy.packaging.layout import ModelInput

__all__ = ["Look", "looks_of", "opened", "usual_look"]

_SIDE = {2: 64, 3: 32}


@dataclass(frozen=True)
class Look:
    """What an image looks like.

    Args:
        shape: Its spatial axes.
        spacing_mm: Size of a voxel along them.
        low: A dark intensity.
        high: A bright one.
        dtype: NumPy type of the voxels.
        channels: How many; 0: there is no axis for them.
    """

    shape: tuple[int, ...]
    spacing_mm: tuple[float, ...] = (1.0, 1.0, 1.0)
    low: float = 0.0
    high: float = 100.0
    dtype: str = "float32"
    channels: int = 0


def usual_look(wanted: ModelInput, window: Sequence[int] | None = None) -> Look:
    """Return what an image may look like of which nobody has seen one.

    Args:
        wanted: The input of the package.
        window: Size of the sliding window, if there is one.

    Example:
        >>> usual_look(ModelInput("image", "picture", 2, spatial_axes=2))
        Look(shape=(64, 64), spacing_mm=(1.0, 1.0, 1.0), low=0.0, high=255.0, dtype='uint8', channels=0)
    """
    n_axes = wanted.spatial_axes
    fits = window is not None and len(window) == n_axes
    shape = tuple(int(side) for side in window) if window is not None and fits else (_SIDE[n_axes],) * n_axes
    channels = wanted.channels if wanted.channels > 1 else int(wanted.n_axes > n_axes)
    if wanted.given_as == "picture":
        return Look(shape, high=255.0, dtype="uint8", channels=channels)
    return Look(shape, dtype=wanted.dtype or "float32", channels=channels)


def looks_of(inputs: Sequence[ModelInput], cases: Sequence[DataPoint], data_dir: Path) -> dict[str, Look]:
    """Return what the images of some cases look like: the median of their sizes, the range of their intensities.

    Args:
        inputs: The inputs of the package.
        cases: As the data set lists them.
        data_dir: Folder of the data.
    """
    return {each.field: _middle([_look(each, *opened(each, case, data_dir)) for case in cases]) for each in inputs}


def opened(wanted: ModelInput, case: Mapping[str, Any], data_dir: Path) -> tuple[Array, Geometry | None]:
    """Return the voxels of a field of a case, channels last, and where they are if that is known.

    Args:
        wanted: The input of the package.
        case: As the data set lists it: the name of a file, an opened image, or an array.
        data_dir: Folder of the data.

    Raises:
        EisenError: If it cannot be read.
    """
    from eisen.io import LoadImageFromFilename

    data, field = dict(case), wanted.field
    if isinstance(data[field], (str, Path, list, tuple)):
        data = LoadImageFromFilename([field], data_dir)(data)
    value, geometry = data[field], data.get(meta_field(field))
    if hasattr(value, "dataobj"):
        from eisen.io import geometry_of

        return np.asanyarray(value.dataobj), geometry or geometry_of(value)
    if hasattr(value, "GetSpacing"):
        import SimpleITK

        from eisen.io.itk import itk_geometry

        array = SimpleITK.GetArrayFromImage(value)
        n_axes = value.GetDimension()
        in_order = array.transpose(*range(n_axes)[::-1], *range(n_axes, array.ndim))
        return in_order, geometry or (itk_geometry(value, field) if n_axes >= 3 else None)
    array = np.asarray(value)
    has_channels = wanted.given_as in ("array", "numpy") and array.ndim > wanted.spatial_axes
    return np.moveaxis(array, 0, -1) if has_channels else array, geometry


def _look(wanted: ModelInput, voxels: Array, geometry: Geometry | None) -> Look:
    n = wanted.spatial_axes
    low, high = np.percentile(voxels, [0.5, 99.5]) if voxels.size else (0.0, 1.0)
    spacing = tuple(float(side) for side in geometry.spacing) if geometry is not None else (1.0,) * n
    channels = voxels.shape[n] if voxels.ndim > n else 0
    kind = str(np.dtype(voxels.dtype).newbyteorder("="))
    return Look(tuple(map(int, voxels.shape[:n])), spacing, float(low), float(max(high, low + 1e-3)), kind, channels)


def _middle(looks: Sequence[Look]) -> Look:
    """Return the look in the middle of several."""
    if not looks:
        raise EisenError("there is no case to look at")
    shape = tuple(int(np.median([look.shape[axis] for look in looks])) for axis in range(len(looks[0].shape)))
    spacing = tuple(
        round(float(np.median([look.spacing_mm[axis] for look in looks])), 6)
        for axis in range(len(looks[0].spacing_mm))
    )
    low, high = (float(np.median([getattr(look, end) for look in looks])) for end in ("low", "high"))
    return replace(looks[0], shape=shape, spacing_mm=spacing, low=low, high=high)
