"""Which blocks of a contiguous array to read for a part of it, and where they begin in the file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import product
from math import prod

from eisen.storage.reading.bounds import Bounds

__all__ = ["BUFFER", "best_block", "starts_of"]

BUFFER = 512 << 10
"""Bytes that are read before the part is taken out of them: half of the second-level cache of most processors."""
_CALL = 48 << 10
"""How many bytes can be copied in the time that one more read costs."""


def best_block(shape: Sequence[int], steps: Sequence[int]) -> tuple[int, int]:
    """Return along which axis to read blocks, and how many rows of it a block has.

    A block is complete along the axes after its own. Few large blocks hold much that nobody asked for, many small ones
    cost a call each: what moves the fewest bytes, a call counting as many bytes as could be copied meanwhile, is taken.

    Args:
        shape: Shape of the part.
        steps: Bytes from one row to the next along each axis of the array.

    Example:
        >>> best_block((2, 84, 84, 84), (28436548, 157108, 724, 4))  # a patch: along y, complete along x
        (2, 84)
    """
    best = (0.0, 0, 1)
    for axis, step in enumerate(steps):
        n_rows = max(1, min(shape[axis], BUFFER // step))
        n_calls = prod(shape[:axis]) * -(-shape[axis] // n_rows)
        cost = prod(shape[: axis + 1]) * step + n_calls * _CALL
        if axis == 0 or cost < best[0] or best[2] * steps[best[1]] > BUFFER:
            best = (cost, axis, n_rows)
    return best[1], best[2]


def starts_of(bounds: Bounds, steps: Sequence[int], base: int, axis: int, inner: int) -> Iterable[int]:
    """Return where in the file the parts along one axis begin, in the order of the array.

    Args:
        bounds: The part.
        steps: Bytes from one row to the next along each axis of the array.
        base: Where the array begins.
        axis: The axis; those before it are gone through.
        inner: Axes after this one are read completely.

    Example:
        >>> list(starts_of([(1, 3), (2, 4)], (100, 10), 1000, 1, 1))
        [1120, 1220]
    """
    for k in range(inner + 1):
        base += bounds[k][0] * steps[k]
    if axis == 0:
        return (base,)
    if axis == 1:
        return range(base, base + (bounds[0][1] - bounds[0][0]) * steps[0], steps[0])
    offsets = [range(0, (stop - start) * steps[k], steps[k]) for k, (start, stop) in enumerate(bounds[:axis])]
    return [base + sum(parts) for parts in product(*offsets)]
