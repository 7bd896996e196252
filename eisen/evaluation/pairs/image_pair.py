"""Two images: a prediction and its reference, with the sums that several metrics need."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import cached_property
from typing import Any, Literal, TypeVar

import numpy as np
import numpy.typing as npt

from eisen._core.errors import ArgumentError, ShapeError, VoxelValueError
from eisen._core.types import Array
from eisen.evaluation.pairs.image_sums import ErrorSums, Moments

__all__ = ["ImagePair"]

_T = TypeVar("_T")
_AT_A_TIME = 2**16  # float64 voxels that stay in the cache of one core


class ImagePair:
    """A predicted image and its reference on one grid.

    Whatever the type of the voxels, all sums are made in float64, a few voxels at a time: integers never wrap, and no
    copy of an image is made.

    Args:
        prediction: Integers, booleans or floats, any number of axes.
        reference: Of the same shape.
        mask: Where to look, not 0 inside, of the same shape; None: everywhere.
        data_range: Largest minus smallest value an image can have; None: metrics take it from the reference.
        spacing: Distance of voxels in mm along each axis; kept for metrics of your own, those of eisen ignore it.

    Raises:
        ShapeError: If the shapes differ, or there are no axes.
        VoxelValueError: If the voxels are no real numbers.
        ArgumentError: If the data range is not positive, or the spacing does not fit.

    Example:
        >>> pair = ImagePair(np.uint8([0, 200]), np.uint8([20, 180]), mask=np.array([True, True]))
        >>> pair.n, pair.errors.absolute, pair.moments.mean
        (2, 40.0, 100.0)
    """

    def __init__(
        self,
        prediction: Array,
        reference: Array,
        mask: Array | None = None,
        data_range: float | None = None,
        spacing: Sequence[float] | None = None,
    ) -> None:
        self.prediction, self.reference = _numbers(prediction, "prediction"), _numbers(reference, "reference")
        self.mask = None if mask is None else _inside(mask)
        _check_shapes(self.prediction, self.reference, self.mask)
        self.data_range = None if data_range is None else _positive(data_range)
        self.spacing = _spacing(spacing, self.reference.ndim)
        self._kept: dict[Hashable, Any] = {}

    @property
    def shape(self) -> tuple[int, ...]:
        """Of both images."""
        return self.reference.shape

    @cached_property
    def n(self) -> int:
        """How many voxels are looked at: those of the mask, or all."""
        return self.reference.size if self.mask is None else int(np.count_nonzero(self.mask))

    @cached_property
    def errors(self) -> ErrorSums:
        """Sums of the differences."""
        return ErrorSums.of(self.chunks())

    @cached_property
    def moments(self) -> Moments:
        """Means, spreads and extremes of both images, and how they vary together."""
        return Moments.of(self.chunks())

    @cached_property
    def problem(self) -> str:
        """Why no metric has a value: nothing to look at, or voxels that are not finite; "" where all is well."""
        if not self.n:
            return "the mask is empty" if self.reference.size else "the images have no voxels"
        if np.isfinite(self.errors.squared):
            return ""
        counts = [_n_not_finite(side, self.mask) for side in (self.prediction, self.reference)]
        bad = [f"{n} of the {name}" for n, name in zip(counts, ("prediction", "reference"), strict=True) if n]
        return f"voxels are NaN or infinite: {' and '.join(bad)}" if bad else ""

    @property
    def overflows(self) -> bool:
        """Whether one of the sums that were asked for is too large for 64-bit floats."""
        known = vars(self)
        has_errors = "errors" in known and not np.isfinite(self.errors.squared)
        return has_errors or ("moments" in known and not self.moments.is_finite)

    def range_by(self, convention: Literal["range", "pymia"], data_range: float | None = None) -> float:
        """Return the data range: as given to the metric, as given to the pair, or of the reference in the mask.

        Args:
            convention: "range": largest minus smallest value; "pymia": largest value, as pymia and fastMRI have it.
            data_range: What the metric was given.
        """
        given = data_range if data_range is not None else self.data_range
        if given is not None:
            return float(given)
        return self.moments.high - self.moments.low if convention == "range" else self.moments.high

    def chunks(self) -> Iterator[tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
        """Yield the voxels that are looked at, prediction and reference, as short float64 arrays.

        The arrays are used again for the next voxels: copy what is to be kept.
        """
        sides: list[Array] = [self.prediction, self.reference]
        types: list[type] = [np.float64, np.float64]
        if self.mask is not None:
            sides, types = [*sides, self.mask], [*types, np.bool_]
        parts: Any = np.nditer(
            sides,
            flags=["external_loop", "buffered", "zerosize_ok"],
            op_dtypes=types,
            order="K",
            buffersize=_AT_A_TIME,
            casting="unsafe",
        )
        for prediction, reference, *inside in parts:
            yield (prediction[inside[0]], reference[inside[0]]) if inside else (prediction, reference)

    def remember(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """Return what was made for a key before, or make it.

        Args:
            key: Of what several metrics share.
            make: Makes it.
        """
        if key not in self._kept:
            self._kept[key] = make()
        kept: _T = self._kept[key]
        return kept


def _numbers(values: Array, name: str) -> Array:
    values = np.asarray(values)
    if values.dtype.kind not in "buif":
        raise VoxelValueError(
            f"the {name} is {values.dtype}", expected="integers, booleans or floats", to_do="complex: take np.abs first"
        )
    return values


def _inside(mask: Array) -> Array:
    mask = np.asarray(mask)
    return mask if mask.dtype == bool else mask != 0


def _check_shapes(prediction: Array, reference: Array, mask: Array | None) -> None:
    shapes = {"prediction": prediction.shape, "reference": reference.shape}
    if mask is not None:
        shapes["mask"] = mask.shape
    if len(set(shapes.values())) > 1 or not reference.ndim:
        raise ShapeError(
            f"the shapes are {', '.join(f'{name} {shape}' for name, shape in shapes.items())}",
            expected="arrays of one shape, with at least one axis",
        )


def _positive(data_range: float) -> float:
    if not 0 < data_range < float("inf"):
        raise ArgumentError(f"data_range is {data_range}", expected="a positive number, e.g. 255")
    return float(data_range)


def _spacing(spacing: Sequence[float] | None, n_axes: int) -> tuple[float, ...]:
    values = (1.0,) * n_axes if spacing is None else tuple(float(s) for s in spacing)
    if len(values) != n_axes or not all(0 < s < float("inf") for s in values):
        raise ArgumentError(f"the spacing is {spacing}", expected=f"{n_axes} positive numbers in mm, one per axis")
    return values


def _n_not_finite(values: Array, mask: Array | None) -> int:
    if values.dtype.kind != "f":
        return 0
    bad = ~np.isfinite(values)
    return int(np.count_nonzero(bad if mask is None else bad & mask))
