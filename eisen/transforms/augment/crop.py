"""Random patches: uniform, or around voxels of drawn classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from eisen._core.errors import ArgumentError, ShapeError
from eisen._core.field_roles import Role
from eisen._core.fields import missing_field
from eisen._core.types import Array, DataPoint
from eisen.transforms.arguments import checked_fill, checked_size
from eisen.transforms.base import RandomSpatialStep, spatial_shape
from eisen.transforms.crop import Fill, cut_out
from eisen.transforms.foreground import warn_once_per_case
from eisen.transforms.functional.crop import centre_offset, nth_voxel, target_size
from eisen.transforms.functional.labels import label_counts
from eisen.transforms.functional.tensors import as_array

__all__ = ["RandomCrop", "RandomCropByLabel"]


class RandomCrop(RandomSpatialStep):
    """Cut a patch out of a case at a random position; every position is equally likely.

    Along axes where the case is smaller than the patch, it is filled up on both sides.

    Args:
        fields: Names of the fields; all are cut at the same place.
        size: Size of the patch in voxels; an int for the last three axes (both axes of a 2-D array), or two or three
            numbers for as many last axes.
        value: What fills up: a number, or "min" for the smallest value of each array; labels get 0. Or one per field.
        spatial_dims: 2 for channel-first pictures, 3 for volumes; None: as many as `size` has numbers, otherwise 3, or
            2 for arrays of two axes.

    Example:
        >>> crop = RandomCrop(["image", "label"], size=[32, 32, 8])
        >>> data = crop({"image": np.zeros((1, 64, 64, 20)), "label": np.zeros((64, 64, 20), "uint8")})
        >>> data["image"].shape, data["label"].shape
        ((1, 32, 32, 8), (32, 32, 8))
    """

    def __init__(
        self,
        fields: Sequence[str],
        size: int | Sequence[int],
        value: Fill = 0,
        *,
        spatial_dims: int | None = None,
    ) -> None:
        name = type(self).__name__
        checked = checked_size(size, "size", name)
        count = len(checked) if isinstance(checked, tuple) else None
        super().__init__(fields, spatial_dims=spatial_dims or count)
        self.size = checked
        if count not in (None, self.spatial_dims):
            raise ArgumentError(f"{name}: size is {size!r} and spatial_dims {spatial_dims}", expected="one per axis")
        self.value = checked_fill(value, "value", name)

    def draw(self, rng: np.random.Generator, data: DataPoint) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Draw where the patch begins, and return this and its size."""
        shape = self.common_shape(data)
        size = target_size(shape, self.size)
        return tuple(_anywhere(rng, shape, size)), size

    def apply_drawn(self, field: str, data: DataPoint, params: tuple[tuple[int, ...], tuple[int, ...]]) -> DataPoint:
        """Cut one field."""
        offset, size = params
        return cut_out(self, field, data, size, offset, self.value)


class RandomCropByLabel(RandomCrop):
    """Cut a patch around a random voxel of a random class, so that small structures are seen as often as large ones.

    First a class is drawn, then one of its voxels, all equally likely; the patch is centred on it, and shifted where it
    would leave the case. Classes that a case does not have are not drawn. A case that has none of them gives a patch
    anywhere, with a warning that names its file.

    Args:
        fields: Names of the fields; all are cut at the same place.
        size: Size of the patch in voxels; an int, or two or three numbers for as many last axes.
        label: The field with the label map, of the same spatial shape; it has no channels, or one.
        classes: Label values to draw from; 0 stands for patches around background. None: all but 0 that the case has.
        ratios: How often each of the classes is drawn, relative to each other; None: equally often.
        value: What fills up where a case is smaller than the patch, as in `RandomCrop`.
        spatial_dims: 2 for channel-first pictures, 3 for volumes; None: as in `RandomCrop`.

    Example:
        >>> label = np.zeros((64, 64, 20), "uint8")
        >>> label[50:52, 3, 11] = 2
        >>> crop = RandomCropByLabel(["image", "label"], size=[32, 32, 8], classes=[0, 2], ratios=[1, 2])
        >>> crop({"image": np.zeros((1, 64, 64, 20)), "label": label})["image"].shape
        (1, 32, 32, 8)
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"label": "reads"}

    def __init__(
        self,
        fields: Sequence[str],
        size: int | Sequence[int],
        label: str = "label",
        classes: Sequence[int] | None = None,
        ratios: Sequence[float] | None = None,
        value: Fill = 0,
        *,
        spatial_dims: int | None = None,
    ) -> None:
        super().__init__(fields, size, value, spatial_dims=spatial_dims)
        self.label = str(label)
        self.classes = _checked_numbers(classes, "classes", "a list of label values")
        self.ratios = _checked_numbers(ratios, "ratios", "a list of positive numbers")
        if self.ratios is not None and min(self.ratios) <= 0:
            raise ArgumentError(f"RandomCropByLabel: ratios is {ratios!r}", expected="positive numbers")
        if self.ratios is not None and len(self.ratios) != len(self.classes or ()):
            raise ArgumentError(
                f"RandomCropByLabel: ratios is {ratios!r} and classes is {classes!r}", expected="one ratio per class"
            )

    def draw(self, rng: np.random.Generator, data: DataPoint) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Draw a class and a voxel of it, and return where the patch begins, and its size."""
        shape = self.common_shape(data)
        size = target_size(shape, self.size)
        voxel = self._drawn_voxel(rng, data, shape)
        if voxel is None:
            names = "any label" if self.classes is None else "/".join(f"{c:g}" for c in self.classes)
            warn_once_per_case(f"'{self.label}' has no voxel of {names}: patches are cut anywhere", self.label, data)
            return tuple(_anywhere(rng, shape, size)), size
        centred = (v - s // 2 for v, s in zip(voxel, size, strict=True))
        fixed = centre_offset(shape, size)
        offset = (
            f if n <= s else min(max(c, 0), n - s) for c, n, s, f in zip(centred, shape, size, fixed, strict=True)
        )
        return tuple(offset), size

    def _drawn_voxel(self, rng: np.random.Generator, data: DataPoint, shape: tuple[int, ...]) -> tuple[int, ...] | None:
        label = self._label_map(data, shape)
        classes = self.classes if self.classes is not None else tuple(c for c in label_counts(label) if c != 0)
        weights = np.asarray(self.ratios if self.ratios is not None else np.ones(len(classes)), dtype=np.float64)
        # Efraimidis and Spirakis 2006: exponential waiting times draw a weighted order, so a class that is not
        # there is skipped without changing the odds of the others, and without counting all classes first.
        for number in np.argsort(rng.exponential(size=len(classes)) / weights):
            voxel = nth_voxel(label, classes[number], float(rng.random()))
            if voxel is not None:
                return voxel
        return None

    def _label_map(self, data: DataPoint, shape: tuple[int, ...]) -> Array:
        if self.label not in data:
            raise missing_field(self.label, data, type(self).__name__)
        found = spatial_shape(self.label, data, len(shape), type(self).__name__)
        label = as_array(data[self.label])
        if found != shape or label.size != int(np.prod(shape)):
            raise ShapeError(
                f"'{self.label}' has the shape {label.shape} and '{self.fields[0]}' the spatial shape {shape}",
                expected="a label map on the same grid, without channels or with one",
                to_do="put this step before LabelMapToOneHot, and bring both to one grid before",
                field=self.label,
            )
        return label.reshape(shape)


def _anywhere(rng: np.random.Generator, shape: Sequence[int], size: Sequence[int]) -> list[int]:
    """Draw where a patch begins; along axes that are too short it is centred."""
    drawn = [int(rng.integers(0, max(n - s, 0) + 1)) for n, s in zip(shape, size, strict=True)]
    fixed = centre_offset(shape, size)
    return [f if n < s else d for n, s, d, f in zip(shape, size, drawn, fixed, strict=True)]


def _checked_numbers(values: Any, name: str, expected: str) -> tuple[float, ...] | None:
    if values is None:
        return None
    try:
        numbers = () if isinstance(values, str) else tuple(float(n) for n in values)
    except (TypeError, ValueError):
        numbers = ()
    if not numbers or not np.isfinite(numbers).all():
        raise ArgumentError(f"RandomCropByLabel: {name} is {values!r}", expected=expected)
    return numbers
