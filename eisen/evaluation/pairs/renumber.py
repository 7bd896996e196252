"""Label maps with any integers, renumbered to small codes that two maps share."""

from __future__ import annotations

from typing import Any

import numpy as np

from eisen._core.errors import VoxelValueError
from eisen._core.types import Array

__all__ = ["renumbered"]


def renumbered(prediction: Array, reference: Array) -> tuple[tuple[int, ...], tuple[Array, Array]]:
    """Return all values of two label maps, ascending, and both maps with the number of each value in its place.

    Args:
        prediction: Integers, booleans, or floats that are whole; any byte order and memory layout.
        reference: Of the same shape.

    Raises:
        VoxelValueError: If there are other values.

    Example:
        >>> values, (one, other) = renumbered(np.array([-1, 300]), np.array([7.0, 7.0]))
        >>> values, one.tolist(), other.tolist(), one.dtype
        ((-1, 7, 300), [0, 2], [1, 1], dtype('uint8'))
    """
    sides = _whole(prediction, "prediction"), _whole(reference, "reference")
    found = [_values(side) for side in sides]
    values = tuple(sorted({*found[0], *found[1]}))
    if len(values) <= 2**8:
        small: Any = np.uint8
    else:
        small = np.uint16 if len(values) <= 2**16 else np.uint32
    if values == tuple(range(len(values))):
        return values, (sides[0].astype(small, copy=False), sides[1].astype(small, copy=False))
    code = {value: number for number, value in enumerate(values)}
    coded = [_coded(side, {v: code[v] for v in own}, small) for side, own in zip(sides, found, strict=True)]
    return values, (coded[0], coded[1])


def _whole(values: Array, name: str) -> Array:
    """Return integers in the byte order of this machine."""
    if values.dtype.kind == "b":
        return values.view(np.uint8)
    if values.dtype.kind in "ui":
        return values.astype(values.dtype.newbyteorder("="), copy=False)
    if values.dtype.kind != "f":
        raise VoxelValueError(f"the {name} is {values.dtype}", expected="integers, booleans or whole numbers")
    with np.errstate(invalid="ignore"):  # NaN and infinity become some integer, which is not equal to them
        whole = values.astype(np.int64)
    wrong = whole != values
    if wrong.any():
        raise VoxelValueError(
            f"the {name} has values that are not whole numbers, e.g. {values[wrong][0]}",
            expected="a label map",
            to_do="probabilities: take the arg-max, or compare with a threshold, first",
        )
    return whole


def _unsigned(values: Array) -> Array:
    """Return the same bytes as unsigned integers.

    fastremap 1.21 writes past its tables for signed values that span most of their type.
    """
    return values.view(np.dtype(f"u{values.dtype.itemsize}"))


def _values(side: Array) -> list[int]:
    import fastremap

    if not side.size:
        return []
    unsigned: Any = fastremap.unique(_unsigned(side))
    return [int(v) for v in unsigned.view(side.dtype)]


def _coded(side: Array, code: dict[int, int], small: Any) -> Array:
    """Return a map with the code of each of its values, through a table where the type has few values."""
    if side.dtype.itemsize <= 2:
        table = np.zeros(2 ** (8 * side.dtype.itemsize), small)
        keys = np.array(list(code), side.dtype)
        table[_unsigned(keys)] = list(code.values())
        return table.take(_unsigned(side), mode="clip")
    import fastremap

    if not side.size:
        return side.astype(small)
    keyed = dict(zip(_unsigned(np.array(list(code), side.dtype)).tolist(), code.values(), strict=True))
    coded: Array = fastremap.remap(_unsigned(side), keyed, preserve_missing_labels=False).astype(small)
    return coded
