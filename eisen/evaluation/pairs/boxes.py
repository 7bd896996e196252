"""The smallest boxes around labels."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from eisen._core.types import Array

__all__ = ["boxes_of_codes", "joined_boxes", "occupied_box"]

_Box = tuple[slice, ...]
_SLAB = 1 << 18
"""Voxels that are worked on at a time."""


def boxes_of_codes(codes: Array) -> dict[int, _Box]:
    """Return the box of every code that occurs.

    Args:
        codes: Small unsigned integers, two or three axes.

    Example:
        >>> boxes_of_codes(np.array([[0, 3], [3, 3]], np.uint8))[3]
        (slice(0, 2, None), slice(0, 2, None))
    """
    from scipy import ndimage

    found: dict[int, list[_Box]] = {}
    for start, slab in _slabs(codes):
        for code, box in enumerate(ndimage.find_objects(slab.astype(np.int32) + 1)):
            if box is not None:
                first = slice(box[0].start + start, box[0].stop + start)
                found.setdefault(code, []).append((first, *box[1:]))
    return {code: joined_boxes(boxes) for code, boxes in found.items()}


def joined_boxes(boxes: Iterable[_Box]) -> _Box:
    """Return the smallest box around some boxes.

    Args:
        boxes: At least one.
    """
    per_axis = zip(*boxes, strict=True)
    return tuple(slice(min(s.start for s in axis), max(s.stop for s in axis)) for axis in per_axis)


def occupied_box(prediction: Array, reference: Array) -> _Box:
    """Return the smallest box around what is not 0 in either; empty slices where all is 0.

    Args:
        prediction: Unsigned integers.
        reference: Of the same shape.
    """
    across = np.zeros(prediction.shape[1:], prediction.dtype)
    planes = np.zeros(len(prediction), bool)
    for start, slab in _slabs(prediction):
        either = slab | reference[start : start + len(slab)]
        planes[start : start + len(slab)] = either.reshape(len(slab), -1).any(axis=1)
        across |= np.bitwise_or.reduce(either, axis=0)
    seen = [planes, *(np.any(across, axis=tuple(set(range(across.ndim)) - {axis})) for axis in range(across.ndim))]
    places = [np.flatnonzero(axis) for axis in seen]
    if not all(place.size for place in places):
        return (slice(0, 0),) * prediction.ndim
    return tuple(slice(int(place[0]), int(place[-1]) + 1) for place in places)


def _slabs(codes: Array) -> Iterable[tuple[int, Array]]:
    n_planes = max(1, _SLAB // max(1, codes[:1].size))
    return ((start, codes[start : start + n_planes]) for start in range(0, len(codes), n_planes) if codes.size)
