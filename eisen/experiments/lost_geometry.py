"""Finding the step that lost the geometry of a field."""

from __future__ import annotations

from typing import Any

from eisen._core import random
from eisen._core.errors import GeometryError
from eisen._core.types import DataPoint, Geometry, meta_field
from eisen.transforms import Compose

__all__ = ["lost_geometry"]


def lost_geometry(field: str, dataset: Any, index: int, seed: int) -> GeometryError:
    """Read a case again, step by step, and return the error that names the step that lost its geometry.

    Args:
        field: Field whose geometry is missing.
        dataset: A dataset of eisen with a `Compose` as its transform.
        index: Number of the case.
        seed: Seed of the run.
    """
    step, place = _culprit(field, dataset, index, seed)
    return GeometryError(
        f"it is not known where the voxels of '{field}' are: there is no '{meta_field(field)}'",
        expected=f"a Geometry in '{meta_field(field)}', written by the reader and kept by every step",
        to_do=f"keep it: add '{meta_field(field)}' to the fields of the step"
        if "FilterFields" in step
        else "use a reader of eisen.io and transforms of eisen, or remove the step in this phase",
        field=field,
        step=step,
        config=place,
    )


def _culprit(field: str, dataset: Any, index: int, seed: int) -> tuple[str, str]:
    """Return number and name of the step after which the geometry was gone, and its place; empty when unknown."""
    chain = getattr(dataset, "transform", None)
    if not isinstance(chain, Compose) or not hasattr(dataset, "read"):
        return "", ""
    found = ("", "")
    with random.sample(seed, 0, index):
        data: DataPoint = dataset.read(index)
        for number, step in enumerate(chain.transforms):
            before = _known(data)
            with random.step(number):
                data = step(data)
            lost = before - _known(data)
            if meta_field(field) in lost or (lost and not found[0]):
                name = type(step).__name__
                found = (f"step {number + 1} of {len(chain.transforms)}: {name}", chain.places[number])
    return found


def _known(data: DataPoint) -> set[str]:
    return {name for name, value in data.items() if isinstance(value, Geometry)}
