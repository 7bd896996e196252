"""A case whose image holds, in three channels, the position of each voxel in the body."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from eisen._core.types import Geometry

TILT = np.array([[-1.0, 0, 0], [0, np.cos(0.1), -np.sin(0.1)], [0, np.sin(0.1), np.cos(0.1)]])
AFFINE = np.block([[TILT * [2.0, 1.5, 3.0], np.array([[5.0], [6.0], [7.0]])], [np.array([[0.0, 0, 0, 1]])]])
"""Thick slices, tilted, the first axis from left to right."""


def positions(affine: Any, shape: Any) -> Any:
    """Return the RAS+ position of every voxel, (3, *shape)."""
    index = np.indices(shape).reshape(3, -1)
    return (affine[:3, :3] @ index + affine[:3, 3:]).reshape(3, *shape)


@pytest.fixture
def located() -> dict[str, Any]:
    """Image and label of one grid, with geometry. The label is 1 where the body is left of the middle, and thick."""
    shape = (14, 12, 10)
    image = positions(AFFINE, shape).astype("float32")
    label = (image[:1] < image[0].mean()).astype("uint8") * 2
    geometry = Geometry.of(AFFINE, shape, "case.nii.gz")
    return {"image": image, "image_meta": geometry, "label": label, "label_meta": geometry, "id": "a"}


@pytest.fixture
def drift() -> Callable[[dict[str, Any]], float]:
    """How far, in mm, the middle voxels of an image are from where its geometry says they are."""

    def measure(data: dict[str, Any]) -> float:
        image, geometry = np.asarray(data["image"]), data["image_meta"]
        middle = tuple(slice(n // 2 - 1, n // 2 + 1) for n in geometry.shape)
        found, told = image[(slice(None), *middle)], positions(geometry.affine, geometry.shape)[(slice(None), *middle)]
        return float(np.abs(found - told).max())

    return measure
