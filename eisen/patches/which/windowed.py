"""One number per place, from the voxels of each: computed slab by slab, every place of a slab at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from eisen._core.types import Array
from eisen.patches.cutting.cases import CaseParts
from eisen.patches.where.places import Lattice

__all__ = ["reduced"]


def reduced(case: CaseParts, field: str, prepare: Callable[[Array], Array], ufunc: np.ufunc) -> Array:
    """Return what a reduction gives for the core of each place, shape (channels, places).

    What reaches beyond the case counts for nothing. Reads each slab of places once.

    Args:
        case: The case.
        field: An array field with the spatial shape of the places.
        prepare: Makes what is reduced of voxels (C, ...); may change the number of channels.
        ufunc: What reduces an axis at a time, e.g. ``np.add`` or ``np.maximum``.
    """
    parts = [_of_lattice(case, field, lattice, prepare, ufunc) for lattice in case.places.lattices]
    return np.concatenate(parts, axis=1)


def _of_lattice(
    case: CaseParts, field: str, lattice: Lattice, prepare: Callable[[Array], Array], ufunc: np.ufunc
) -> Array:
    planes = []
    for start in lattice.starts[0]:
        rows = slice(max(start, 0), min(start + lattice.size[0], case.shape[0]))
        block = prepare(case.read(field, (rows, *(slice(0, n) for n in case.shape[1:]))))
        values = ufunc.reduce(block, axis=1)  # (channels, the other axes)
        for axis in range(1, len(case.shape)):
            values = _windows(values, axis, lattice.starts[axis], lattice.size[axis], ufunc)
        planes.append(values.reshape(len(values), -1))
    return np.concatenate(planes, axis=1)


def _windows(values: Array, axis: int, starts: Sequence[int], size: int, ufunc: np.ufunc) -> Array:
    """Reduce windows along one axis, which gets one entry per window."""
    n = values.shape[axis]
    if size == 1 and len(starts) == n:
        return values
    windows = [slice(max(start, 0), min(start + size, n)) for start in starts]
    lead = (slice(None),) * axis
    return np.stack([ufunc.reduce(values[(*lead, window)], axis=axis) for window in windows], axis=axis)
