"""Arrays that stayed in their files: decoded as a whole when a part is asked for, the last few of them kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.errors import ShapeError
from eisen._core.types import Array, Geometry
from eisen.storage.reading.bounds import bounds_of, checked_out, empty
from eisen.storage.regions import Region

__all__ = ["FileSource", "LastArrays"]


class LastArrays:
    """The arrays that were decoded last.

    Args:
        n_arrays: How many.
    """

    def __init__(self, n_arrays: int = 4) -> None:
        self.n_arrays = n_arrays
        self._lock = threading.Lock()
        self._arrays: OrderedDict[Any, Array] = OrderedDict()

    def get(self, key: Any, make: Callable[[], Array]) -> Array:
        """Return an array, made if it is not there; not to be changed."""
        with self._lock:
            if key in self._arrays:
                self._arrays.move_to_end(key)
                return self._arrays[key]
        array = make()
        with self._lock:
            self._arrays[key] = array
            while len(self._arrays) > self.n_arrays:
                self._arrays.popitem(last=False)
        return array


class FileSource:
    """An array whose channels are in files.

    Args:
        paths: One file per channel, or one with all of them.
        shape: Shape of the array, channels first.
        dtype: Type of its values.
        geometry: Where it is in the body; of the ways to turn the axes of a file, it tells which was taken.
        kept: Where decoded arrays are kept.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        geometry: Geometry | None,
        kept: LastArrays,
    ) -> None:
        self.paths, self.shape, self.dtype, self.geometry = list(paths), shape, dtype, geometry
        self._kept = kept

    def read(self, region: Region | None = None, out: Array | None = None) -> Array:
        """Return a part as an array of its own, see `RegionSource`."""
        bounds = bounds_of(region, self.shape)
        shape = tuple([stop - start for start, stop in bounds])
        target = empty(shape, self.dtype) if out is None else checked_out(out, shape, self.dtype)
        whole = self._kept.get((*self.paths, self.shape, self.dtype), self._decoded)
        np.copyto(target, whole[tuple([slice(*ends) for ends in bounds])], casting="same_kind")
        return target

    def _decoded(self) -> Array:
        channels = [channel for path in self.paths for channel in self._channels(path)]
        if len(channels) == 1 and channels[0].shape == self.shape:
            return channels[0].astype(self.dtype, copy=False)
        stacked = np.stack(channels).astype(self.dtype, copy=False) if channels else np.empty(0, self.dtype)
        if stacked.shape != self.shape:
            raise self._misfit(f"files that give {stacked.shape}")
        return stacked

    def _channels(self, path: Path) -> list[Array]:
        """Return the channels of a file, with the axes that the array has."""
        readings = _readings(path, len(self.shape) - 1)
        for array, affine in readings:
            if array.shape == self.shape and self.shape[0] != 1 and array.ndim != len(self.shape) - 1:
                return list(array)
            if array.shape in (self.shape, self.shape[1:]) and self._is_at(affine):
                return [array]
        found = " or ".join(str(shape) for shape in dict.fromkeys(array.shape for array, _ in readings))
        raise self._misfit(f"{path.name} gives {found}", str(path))

    def _is_at(self, affine: Array | None) -> bool:
        if self.geometry is None or affine is None:
            return True
        return bool(np.allclose(affine, self.geometry.affine, atol=self.geometry.tolerance_mm))

    def _misfit(self, what: str, file: str = "") -> ShapeError:
        return ShapeError(
            f"the store lists an array of shape {self.shape} on its grid, but {what}"
            + (" on another grid" if self.geometry is not None else ""),
            expected="files that are as they were when the store was made, and a data set that does not change shapes",
            to_do="make the store again, with its pixels (pixels=True) if transforms crop or resample",
            file=file or ", ".join(map(str, self.paths))[:200],
        )


def _readings(path: Path, n_space: int) -> list[tuple[Array, Array | None]]:
    """Return the array of a file with its affine, in each order of axes that a reader may give it."""
    from eisen.io.generic import format_of

    kind = format_of(path)
    if kind == "nifti":
        return _nifti(path, n_space)
    if kind == "itk":
        return _itk(path)
    from eisen.io.generic import LoadImageFromFilename

    data = LoadImageFromFilename(["image"], path.parent)({"image": path.name})
    array, meta = np.asarray(data["image"]), data.get("image_meta")
    return _with_channels(array, None if meta is None else meta.affine, n_space)


def _nifti(path: Path, n_space: int) -> list[tuple[Array, Array | None]]:
    import nibabel

    from eisen.io.nifti import read_nifti

    image = read_nifti(path)
    found: list[tuple[Array, Array | None]] = []
    for way in (image, nibabel.as_closest_canonical(image)):
        array, affine = np.asarray(way.dataobj), np.asarray(way.affine)
        found += _with_channels(array, affine, n_space)
    array, affine = np.asarray(image.dataobj), np.asarray(image.affine)
    return [*found, (array.T, affine[:, [2, 1, 0, 3]] if array.ndim == 3 else None)]


def _itk(path: Path) -> list[tuple[Array, Array | None]]:
    import SimpleITK

    from eisen.io.itk import LoadITKFromFilename, itk_geometry

    image = LoadITKFromFilename(["image"], path.parent)({"image": path.name})["image"]
    array = SimpleITK.GetArrayFromImage(image)
    affine = itk_geometry(image).affine if image.GetDimension() == 3 else None
    turned = None if affine is None else affine[:, [2, 1, 0, 3]]
    if image.GetNumberOfComponentsPerPixel() > 1:
        return [(np.moveaxis(array, -1, 0), turned)]
    return [(array, turned), (array.T, affine)]


def _with_channels(array: Array, affine: Array | None, n_space: int) -> list[tuple[Array, Array | None]]:
    """Return an array, and if it has one axis more than space, also with that axis in front."""
    turned = [(np.moveaxis(array, -1, 0), affine)] if array.ndim == n_space + 1 else []
    return [(array, affine), *turned]
