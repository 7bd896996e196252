"""A case: label maps of a prediction and of a reference."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from math import sqrt
from typing import Any, Literal, TypeVar

import numpy as np
from scipy import ndimage

from eisen._core.errors import ArgumentError, ShapeError, VoxelValueError
from eisen._core.types import Array
from eisen.evaluation.pairs.counts import JointHistogram
from eisen.evaluation.pairs.label_pair import LabelPair

__all__ = ["CasePair"]

_T = TypeVar("_T")
_Side = Literal["prediction", "reference"]
_Box = tuple[slice, ...]


class CasePair:
    """Label maps of a prediction and of a reference on one grid, with what all labels share computed once.

    Values are renumbered to small codes, so any integers will do: negative ones, 64-bit ones, floats that are whole.

    Args:
        prediction: Integers, booleans or whole numbers; two or three axes.
        reference: Of the same shape.
        spacing: Distance of voxels in mm along each axis of the arrays; None: 1.

    Raises:
        ShapeError: If the shapes differ, or there are not two or three axes.
        VoxelValueError: If values are not whole numbers.
        ArgumentError: If the spacing does not fit.

    Example:
        >>> pair = CasePair(np.array([[0, 7]]), np.array([[7, 7]]), spacing=(2, 1))
        >>> pair.values, pair.label(7).counts.tp, round(pair.diagonal_mm, 2)
        ((0, 7), 1, 2.83)
    """

    def __init__(self, prediction: Array, reference: Array, spacing: Sequence[float] | None = None) -> None:
        prediction, reference = np.asarray(prediction), np.asarray(reference)
        if prediction.shape != reference.shape or prediction.ndim not in (2, 3):
            raise ShapeError(
                f"the prediction has the shape {prediction.shape}, the reference {reference.shape}",
                expected="two label maps of one shape, with two or three axes",
            )
        self.shape = reference.shape
        self.spacing = _checked_spacing(spacing, reference.ndim)
        self.values, (self._prediction, self._reference) = _compact(prediction, reference)
        self._kept: dict[Hashable, Any] = {}

    @property
    def n_axes(self) -> int:
        """Two or three."""
        return len(self.shape)

    @property
    def diagonal_mm(self) -> float:
        """From one corner of the image to the opposite one, in mm."""
        return sqrt(sum((n * s) ** 2 for n, s in zip(self.shape, self.spacing, strict=True)))

    @property
    def volume_of_voxel(self) -> float:
        """In mm³; in 2-D the area in mm²."""
        return float(np.prod(self.spacing))

    def label(self, values: int | Sequence[int]) -> LabelPair:
        """Return a label; the same object for the same values.

        Args:
            values: The value that is the label, or several that are merged.
        """
        merged = tuple(sorted({int(v) for v in np.atleast_1d(np.asarray(values))}))
        return self.remember(("label", merged), lambda: LabelPair(self, merged))

    def codes(self, values: Sequence[int]) -> list[int]:
        """Return the small numbers that stand for values; values that do not occur have none."""
        return [self.values.index(v) for v in values if v in self.values]

    @cached_property
    def histogram(self) -> JointHistogram:
        """How often each pair of codes occurs."""
        return JointHistogram(self._prediction, self._reference)

    def box_of(self, values: Sequence[int]) -> _Box:
        """Return the smallest box around some values in both maps."""
        of_values = [boxes[code] for boxes in self._boxes for code in self.codes(values)]
        boxes = [box for box in of_values if box is not None]
        if not boxes:
            return (slice(0, 0),) * self.n_axes
        return tuple(
            slice(min(b[axis].start for b in boxes), max(b[axis].stop for b in boxes)) for axis in range(self.n_axes)
        )

    def mask_of(self, side: _Side, values: Sequence[int], box: _Box) -> Array:
        """Return where some values are, in a box."""
        codes = self.codes(values)
        part = (self._prediction if side == "prediction" else self._reference)[box]
        return part == codes[0] if len(codes) == 1 else np.isin(part, codes)

    def remember(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """Return what was made for a key before, or make it."""
        if key not in self._kept:
            self._kept[key] = make()
        kept: _T = self._kept[key]
        return kept

    @cached_property
    def _boxes(self) -> list[list[_Box | None]]:
        """Boxes of all codes in the prediction and in the reference; code 0 is found like the others."""
        n = len(self.values)
        return [ndimage.find_objects(side.astype(np.int32) + 1, n) for side in (self._prediction, self._reference)]


def _checked_spacing(spacing: Sequence[float] | None, n_axes: int) -> tuple[float, ...]:
    values = (1.0,) * n_axes if spacing is None else tuple(float(s) for s in spacing)
    if len(values) != n_axes or not all(0 < s < float("inf") for s in values):
        raise ArgumentError(f"the spacing is {spacing}", expected=f"{n_axes} positive numbers in mm, one per axis")
    return values


def _compact(prediction: Array, reference: Array) -> tuple[tuple[int, ...], list[Array]]:
    """Return all values that occur, ascending, and the two maps with the number of the value in their place."""
    import fastremap

    sides = [_whole(values, name) for values, name in ((prediction, "prediction"), (reference, "reference"))]
    found: Any = sorted({int(v) for side in sides for v in fastremap.unique(side)})
    values = tuple(found)
    small = np.uint8 if len(values) <= 2**8 else np.uint16 if len(values) <= 2**16 else np.uint32
    if values and values == tuple(range(len(values))):
        return values, [side.astype(small, copy=False) for side in sides]
    code = {value: number for number, value in enumerate(values)}
    return values, [fastremap.remap(side, code, preserve_missing_labels=False).astype(small) for side in sides]


def _whole(values: Array, name: str) -> Array:
    if values.dtype == bool:
        return values.view(np.uint8)
    if values.dtype.kind in "ui":
        return values
    if values.dtype.kind != "f":
        raise VoxelValueError(f"the {name} is {values.dtype}", expected="integers, booleans or whole numbers")
    whole = values.astype(np.int64)
    if not np.array_equal(whole, values):
        raise VoxelValueError(
            f"the {name} has values that are not whole numbers",
            expected="a label map",
            to_do="probabilities: take the arg-max, or compare with a threshold, first",
        )
    return whole
