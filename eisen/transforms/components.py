"""Cleaning label maps: connected parts, small islands, holes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eisen._core.errors import ArgumentError
from eisen._core.fields import FieldStep
from eisen._core.types import DataPoint
from eisen.transforms.arguments import checked_choice
from eisen.transforms.augment.blur import checked_spatial_dims
from eisen.transforms.augment.channels import spatial_axes
from eisen.transforms.base import array_shape, geometry_of, needed_geometry
from eisen.transforms.functional import components
from eisen.transforms.labels import checked_labels

__all__ = ["ConnectedComponents", "FillHoles", "KeepLargestComponent", "RemoveSmallComponents"]


class _ComponentStep(FieldStep):
    """A step that looks at the connected parts of label maps.

    Args:
        fields: Names of the fields.
        connectivity: Neighbours of a voxel: 6, 18 or 26 in volumes, 4 or 8 in pictures; None: the most.
        spatial_dims: 2 for channel-first pictures, 3 for volumes; None: 3, or 2 for arrays of two axes.
    """

    def __init__(self, fields: Sequence[str], connectivity: int | None, spatial_dims: int | None) -> None:
        super().__init__(fields)
        owner = type(self).__name__
        self.connectivity = connectivity
        self.spatial_dims = checked_spatial_dims(spatial_dims, owner)
        known = [n for d, choices in components.CONNECTIVITIES.items() if spatial_dims in (None, d) for n in choices]
        if connectivity is not None and connectivity not in known:
            raise ArgumentError(f"{owner}: connectivity is {connectivity!r}", expected=f"one of {known}, or None")

    def dims_of(self, field: str, data: DataPoint) -> int:
        """Return how many of the last axes are space."""
        has_geometry = geometry_of(field, data) is not None
        d = max(spatial_axes(array_shape(data[field]), self.spatial_dims, has_geometry, type(self).__name__), 2)
        if self.connectivity is not None and self.connectivity not in components.CONNECTIVITIES[d]:
            raise ArgumentError(
                f"{type(self).__name__}: connectivity is {self.connectivity} and '{field}' has {d} spatial axes",
                expected=f"one of {components.CONNECTIVITIES[d]}",
            )
        return d


class ConnectedComponents(_ComponentStep):
    """Give each connected part of each class a number of its own: 1 is the largest, e.g. to count lesions.

    Args:
        fields: Names of the label fields.
        connectivity: Neighbours of a voxel: 6, 18 or 26 in volumes, 4 or 8 in pictures; null: the most.
        spatial_dims: 2 for channel-first pictures, 3 for volumes; None: 3, or 2 for arrays of two axes.

    Example:
        >>> ConnectedComponents(["label"])({"label": np.array([[1, 0, 1, 1], [0, 0, 0, 1]])})["label"]
        array([[2, 0, 1, 1],
               [0, 0, 0, 1]], dtype=int32)
    """

    def __init__(self, fields: Sequence[str], connectivity: int | None = None, spatial_dims: int | None = None) -> None:
        super().__init__(fields, connectivity, spatial_dims)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Number the parts of one label map."""
        return {field: components.number_components(data[field], self.dims_of(field, data), self.connectivity)}


class KeepLargestComponent(_ComponentStep):
    """Keep the largest connected part of each class, and make the others background.

    Args:
        fields: Names of the label fields.
        classes: Label values to clean; the others stay as they are. Null: all.
        n_largest: So many parts of each class stay.
        connectivity: Neighbours of a voxel: 6, 18 or 26 in volumes, 4 or 8 in pictures; null: the most.
        spatial_dims: 2 for channel-first pictures, 3 for volumes; None: 3, or 2 for arrays of two axes.

    Example:
        >>> KeepLargestComponent(["label"])({"label": np.array([[1, 0, 1, 1], [2, 0, 0, 1]])})["label"]
        array([[0, 0, 1, 1],
               [2, 0, 0, 1]])
    """

    def __init__(
        self,
        fields: Sequence[str],
        classes: Sequence[int] | None = None,
        n_largest: int = 1,
        connectivity: int | None = None,
        spatial_dims: int | None = None,
    ) -> None:
        super().__init__(fields, connectivity, spatial_dims)
        self.classes = None if classes is None else checked_labels(classes, "classes", type(self).__name__)
        self.n_largest = n_largest
        if isinstance(n_largest, bool) or not isinstance(n_largest, int) or n_largest < 1:
            raise ArgumentError(f"KeepLargestComponent: n_largest is {n_largest!r}", expected="a whole number from 1")

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Clean one label map."""
        d = self.dims_of(field, data)
        kept = components.keep_components(data[field], self.n_largest, 0, self.classes, d, self.connectivity)
        return {field: kept}


class RemoveSmallComponents(_ComponentStep):
    """Make connected parts that are too small background.

    Args:
        fields: Names of the label fields.
        min_volume: What is smaller goes.
        unit: "voxel", "mm3" or "ml"; volumes need geometry.
        classes: Label values to clean; the others stay as they are. Null: all.
        connectivity: Neighbours of a voxel: 6, 18 or 26 in volumes, 4 or 8 in pictures; null: the most.
        spatial_dims: 2 for channel-first pictures, 3 for volumes; None: 3, or 2 for arrays of two axes.

    Example:
        >>> RemoveSmallComponents(["label"], min_volume=2)({"label": np.array([[1, 0, 1, 1], [2, 0, 0, 1]])})["label"]
        array([[0, 0, 1, 1],
               [0, 0, 0, 1]])
    """

    def __init__(
        self,
        fields: Sequence[str],
        min_volume: float,
        unit: str = "voxel",
        classes: Sequence[int] | None = None,
        connectivity: int | None = None,
        spatial_dims: int | None = None,
    ) -> None:
        super().__init__(fields, connectivity, spatial_dims)
        owner = type(self).__name__
        self.min_volume = min_volume
        self.unit = checked_choice(unit, ("voxel", "mm3", "ml"), "unit", owner)
        self.classes = None if classes is None else checked_labels(classes, "classes", owner)
        if isinstance(min_volume, bool) or not isinstance(min_volume, int | float) or not 0 <= min_volume < np.inf:
            raise ArgumentError(f"{owner}: min_volume is {min_volume!r}", expected="a number from 0")

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Clean one label map."""
        least: float = self.min_volume
        if self.unit != "voxel":
            affine = needed_geometry(field, data, type(self).__name__).affine
            least = least * (1000 if self.unit == "ml" else 1) / abs(float(np.linalg.det(affine[:3, :3])))
            least -= 1e-6  # a part of exactly the volume stays, whatever the rounding of the affine
        d = self.dims_of(field, data)
        kept = components.keep_components(data[field], None, least, self.classes, d, self.connectivity)
        return {field: kept}


class FillHoles(_ComponentStep):
    """Fill background that is enclosed by one class with that class.

    A hole that touches two classes, or the rim of the image, stays.

    Args:
        fields: Names of the label fields.
        classes: Label values whose holes are filled; null: all.
        spatial_dims: 2 for channel-first pictures, 3 for volumes; None: 3, or 2 for arrays of two axes.

    Example:
        >>> FillHoles(["label"])({"label": np.array([[2, 2, 2], [2, 0, 2], [2, 2, 2]])})["label"][1]
        array([2, 2, 2])
    """

    def __init__(
        self, fields: Sequence[str], classes: Sequence[int] | None = None, spatial_dims: int | None = None
    ) -> None:
        super().__init__(fields, None, spatial_dims)
        self.classes = None if classes is None else checked_labels(classes, "classes", type(self).__name__)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Fill one label map."""
        return {field: components.fill_holes(data[field], self.classes, self.dims_of(field, data))}
