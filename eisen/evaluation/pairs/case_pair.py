"""A case: label maps of a prediction and of a reference."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from functools import cached_property
from math import hypot, prod
from typing import Any, Literal, TypeVar

import numpy as np

from eisen._core.errors import ArgumentError, ShapeError
from eisen._core.types import Array
from eisen.evaluation.pairs.boxes import boxes_of_codes, joined_boxes
from eisen.evaluation.pairs.counts import JointHistogram
from eisen.evaluation.pairs.label_pair import LabelPair
from eisen.evaluation.pairs.values import coded

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
        self.maps = coded(prediction, reference)
        self._kept: dict[Hashable, Any] = {}

    @property
    def n_axes(self) -> int:
        """Two or three."""
        return len(self.shape)

    @property
    def diagonal_mm(self) -> float:
        """From one corner of the image to the opposite one, in mm."""
        return hypot(*(n * s for n, s in zip(self.shape, self.spacing, strict=True)))

    @property
    def volume_of_voxel(self) -> float:
        """In mm³; in 2-D the area in mm²."""
        return prod(self.spacing)

    def label(self, values: int | Sequence[int], name: str = "") -> LabelPair:
        """Return a label; the same object for the same values.

        Args:
            values: The value that is the label, or several that are merged.
            name: Of the label; "": the one it had, at first its values.

        Raises:
            ArgumentError: If that is no value, or none at all.
        """
        merged = _checked_label(values)
        label = self.remember(("label", merged), lambda: LabelPair(self, merged))
        label.name = name or label.name
        return label

    @cached_property
    def values(self) -> tuple[int, ...]:
        """All values that occur, ascending."""
        return tuple(sorted(self.maps.value(code) for code in self.histogram.values))

    def codes(self, values: Sequence[int]) -> list[int]:
        """Return the small numbers that stand for values; values that cannot occur have none."""
        return [code for value in values if (code := self.maps.code(value)) is not None]

    @cached_property
    def histogram(self) -> JointHistogram:
        """How often each pair of codes occurs."""
        return JointHistogram(self.maps.prediction, self.maps.reference)

    def box_of(self, values: Sequence[int]) -> _Box:
        """Return the smallest box around some values in both maps."""
        codes = self.codes(values)
        boxes = [side[code] for side in self._boxes for code in codes if code in side]
        return joined_boxes(boxes) if boxes else (slice(0, 0),) * self.n_axes

    def mask_of(self, side: _Side, values: Sequence[int], box: _Box) -> Array:
        """Return where some values are, in a box."""
        codes = self.codes(values)
        part: Array = getattr(self.maps, side)[box]
        return part == codes[0] if len(codes) == 1 else np.isin(part, codes)

    def remember(self, key: Hashable, make: Callable[[], _T]) -> _T:
        """Return what was made for a key before, or make it."""
        if key not in self._kept:
            self._kept[key] = make()
        kept: _T = self._kept[key]
        return kept

    @cached_property
    def _boxes(self) -> tuple[dict[int, _Box], dict[int, _Box]]:
        """Boxes of the codes that occur in the prediction, and of those in the reference."""
        prediction, reference = (boxes_of_codes(side) for side in self.maps.in_memory_order())
        if not self.maps.is_reversed:
            return prediction, reference
        turned = [{code: box[::-1] for code, box in side.items()} for side in (prediction, reference)]
        return turned[0], turned[1]


def _checked_spacing(spacing: Sequence[float] | None, n_axes: int) -> tuple[float, ...]:
    try:
        values = (1.0,) * n_axes if spacing is None else tuple(float(s) for s in spacing)
    except (TypeError, ValueError):
        values = ()
    if len(values) != n_axes or not all(1e-9 <= s <= 1e9 for s in values):
        raise ArgumentError(f"the spacing is {spacing}", expected=f"{n_axes} positive numbers in mm, one per axis")
    return values


def _checked_label(values: int | Sequence[int]) -> tuple[int, ...]:
    listed = list(values) if isinstance(values, (Sequence, np.ndarray, set, frozenset)) else [values]
    if not listed or not all(isinstance(v, (int, np.integer)) for v in listed):
        raise ArgumentError(f"{values!r} is no label", expected="an integer, or several that are merged")
    return tuple(sorted({int(v) for v in listed}))
