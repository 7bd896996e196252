"""The smallest boxes around labels."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from eisen._core.types import Array

__all__ = ["boxes_of_codes", "joined_boxes", "occupied_box"]

_Box = tuple[slice, ...]
_FEW_CODES = 16
"""Up to here, codes are looked for one by one."""
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
    if codes.max(initial=0) > _FEW_CODES:
        return _boxes_of_many(codes)
    boxes = {code: _box_where(codes, code) for code in range(int(codes.max(initial=0)) + 1)}
    return {code: box for code, box in boxes.items() if box[0].stop}


def _boxes_of_many(codes: Array) -> dict[int, _Box]:
    from scipy import ndimage

    found: dict[int, list[_Box]] = {}
    for start, slab in _slabs(codes):
        for code, box in enumerate(ndimage.find_objects(slab.astype(np.int32) + 1)):
            if box is not None:
                first = slice(box[0].start + start, box[0].stop + start)
                found.setdefault(code, []).append((first, *box[1:]))
    return {code: joined_boxes(boxes) for code, boxes in found.items()}


def _box_where(codes: Array, code: int) -> _Box:
    return _box_of_masks(codes.shape, ((start, slab == code) for start, slab in _slabs(codes)))


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
    eithers = ((start, slab | reference[start : start + len(slab)]) for start, slab in _slabs(prediction))
    return _box_of_masks(prediction.shape, eithers)


def _box_of_masks(shape: tuple[int, ...], masks: Iterable[tuple[int, Array]]) -> _Box:
    """Return the box around what is not 0 in masks, each of some planes from a first one."""
    planes, across = np.zeros(shape[0], bool), np.zeros(shape[1:], bool)
    for start, mask in masks:
        lines = np.bitwise_or.reduce(mask, axis=0)
        across |= lines != 0
        if lines.any():
            planes[start : start + len(mask)] = mask.reshape(len(mask), -1).any(axis=1)
    seen = [planes, *(np.any(across, axis=tuple(set(range(across.ndim)) - {axis})) for axis in range(across.ndim))]
    places = [np.flatnonzero(axis) for axis in seen]
    if not all(place.size for place in places):
        return (slice(0, 0),) * len(shape)
    return tuple(slice(int(place[0]), int(place[-1]) + 1) for place in places)


def _slabs(codes: Array) -> Iterable[tuple[int, Array]]:
    n_planes = max(1, _SLAB // max(1, codes[:1].size))
    return ((start, codes[start : start + n_planes]) for start in range(0, len(codes), n_planes) if codes.size)
