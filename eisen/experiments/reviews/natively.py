"""Images and references as they were read, before any transform, with the grid of their file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from eisen._core import random
from eisen._core.errors import EisenError
from eisen._core.types import Array, DataPoint, Geometry, is_label_field, meta_field
from eisen.transforms import Compose

__all__ = ["Scan", "as_read", "images_of", "same_grid", "scan_of"]


@dataclass(frozen=True)
class Scan:
    """Voxels and where they are.

    Args:
        voxels: (I, J, K), or (I, J, K, C) with several channels.
        geometry: The grid of the file.
    """

    voxels: Array
    geometry: Geometry


def as_read(dataset: Any, number: int, n_readers: int, seed: int) -> DataPoint:
    """Return a case after its readers and before its transforms; nothing if the data set cannot tell.

    Args:
        dataset: A data set of eisen whose transform is the chain of a phase.
        number: Which case.
        n_readers: How many steps of the chain are readers.
        seed: Seed of the run.
    """
    chain = getattr(dataset, "transform", None)
    if not isinstance(chain, Compose) or not hasattr(dataset, "read"):
        return {}
    with random.sample(seed, 0, number):
        stored = dataset.read(number)
        if not isinstance(stored, dict):
            return {}
        data: DataPoint = stored
        for place, step in enumerate(chain.transforms[:n_readers]):
            with random.step(place):
                data = step(data)
    return data


def scan_of(data: DataPoint, field: str) -> Scan | None:
    """Return a field as voxels with a place; None if it is something else.

    Args:
        data: A case as it was read.
        field: Name of the field.
    """
    from eisen.evaluation.inputs import opened

    value = data.get(field)
    if value is None or isinstance(value, (str, int, float, bool, dict, list, tuple)):
        return None
    try:
        found = opened(value, "reference")
    except EisenError:
        return None
    found = found.turned() if found.is_reversed else found
    written = data.get(meta_field(field))
    geometry = found.geometry or (written.native if isinstance(written, Geometry) else None)
    if geometry is None:
        return None
    voxels = _channels_last(np.asarray(found.values), geometry.shape)
    return None if voxels is None else Scan(voxels, geometry)


def images_of(data: DataPoint, grid: Geometry, reference: str, first: str) -> dict[str, Scan]:
    """Return the images of a case that lie on a grid, by field; the one the prediction is on comes first.

    Args:
        data: A case as it was read.
        grid: The grid.
        reference: Field with the reference.
        first: Field whose grid it is.
    """
    fields = [field for field in data if field != reference and not is_label_field(field)]
    found = {}
    for field in sorted(fields, key=lambda field: field != first):
        scan = scan_of(data, field)
        if scan is not None and same_grid(scan.geometry, grid):
            found[field] = scan
    return found


def same_grid(one: Geometry, other: Geometry) -> bool:
    """Tell whether two grids have the same voxels at the same places."""
    return one.shape == other.shape and one.displacement_mm(other) <= max(one.tolerance_mm, 1e-3)


def _channels_last(voxels: Array, shape: tuple[int, ...]) -> Array | None:
    """Return voxels with at most one axis behind the three of space."""
    if voxels.shape == shape:
        return voxels
    if voxels.ndim == 4 and voxels.shape[:3] == shape:
        return voxels[..., 0] if voxels.shape[3] == 1 else voxels
    if voxels.ndim == 4 and voxels.shape[1:] == shape:
        return np.asarray(voxels[0] if len(voxels) == 1 else np.moveaxis(voxels, 0, -1))
    if voxels.ndim == 2 and voxels.size == np.prod(shape):
        return voxels.reshape(shape)
    return None
