"""Transforms that cut and fill arrays: every voxel of the result is a voxel of the source, or what fills up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import index
from typing import Any

from eisen._core.errors import ArgumentError, ShapeError
from eisen._core.types import DataPoint
from eisen.transforms.arguments import checked_choice, checked_fill, checked_size, fill_for
from eisen.transforms.base import SpatialStep, array_shape, followed
from eisen.transforms.functional import crop

__all__ = ["Crop", "CropCenteredSubVolumes", "CropOrPad", "Pad", "PadToMultiple", "cut_out"]

Fill = float | str | Mapping[str, float | str]


class CropOrPad(SpatialStep):
    """Bring arrays to a size around their centre: cut off what is too much, fill up what is missing.

    Args:
        fields: Names of the fields; the last axes are space, those before stay whole.
        size: New size in voxels; an int for the last three axes (both axes of a 2-D array), or two or three numbers.
        value: What fills up: a number, or "min" for the smallest value of each array; labels get 0. Or one per field,
            e.g. ``{"ct": -1000, "label": 255}``; fields left out get 0.
        mode: "constant" fills with `value`, "edge" repeats the rim, "reflect" mirrors the array at its rim.

    Example:
        >>> import numpy as np
        >>> data = CropOrPad(["ct"], [4, 2], value="min")({"ct": np.array([[5, 7, 9], [-1, 3, 1]])})
        >>> data["ct"]
        array([[-1, -1],
               [ 5,  7],
               [-1,  3],
               [-1, -1]])
    """

    def __init__(
        self, fields: Sequence[str], size: int | Sequence[int], value: Fill = 0, mode: str = "constant"
    ) -> None:
        super().__init__(fields)
        name = type(self).__name__
        self.size = checked_size(size, "size", name)
        self.value = checked_fill(value, "value", name)
        self.mode = checked_choice(mode, crop.PAD_MODES, "mode", name)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Crop or pad one array."""
        shape = array_shape(data[field])
        size = crop.target_size(shape, self.size)
        offset = crop.centre_offset(shape[-len(size) :], size)
        return cut_out(self, field, data, size, offset, self.value, self.mode)


class CropCenteredSubVolumes(SpatialStep):
    """Cut out the centre of arrays, and fill up where they are smaller.

    Args:
        fields: Names of the fields; the last axes are space, those before stay whole.
        size: New size in voxels; an int for the last three axes (both axes of a 2-D array), or two or three numbers.
        value: What fills up: a number, or "min" for the smallest value of each array; labels get 0. Or one per field.

    Adds ``<field>_src`` (what was cut off) and ``<field>_dst`` (what was filled up): one number per axis.

    Example:
        >>> import numpy as np
        >>> crop = CropCenteredSubVolumes(["image"], [32, 32])
        >>> crop({"image": np.zeros((3, 40, 20))})["image"].shape
        (3, 32, 32)
    """

    def __init__(self, fields: Sequence[str], size: int | Sequence[int], *, value: Fill = 0) -> None:
        super().__init__(fields)
        self.size = checked_size(size, "size", type(self).__name__)
        self.value = checked_fill(value, "value", type(self).__name__)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Crop or pad one array."""
        shape = array_shape(data[field])
        size = crop.target_size(shape, self.size)
        offset = crop.centre_offset(shape[-len(size) :], size)
        change = [0] * (len(shape) - len(size)) + [s - n for n, s in zip(shape[-len(size) :], size, strict=True)]
        return {
            **cut_out(self, field, data, size, offset, self.value),
            f"{field}_src": [min(0, step) for step in change],
            f"{field}_dst": [max(0, step) for step in change],
        }


class PadToMultiple(SpatialStep):
    """Fill arrays up until every spatial axis is a multiple of a number, as networks with strides need it.

    The filling is spread over both sides; an odd voxel goes to the end. Nothing is ever cut off.

    Args:
        fields: Names of the fields; the last three axes (both axes of a 2-D array) are space.
        multiple: In voxels; an int, or two or three numbers for as many last axes.
        value: What fills up: a number, or "min" for the smallest value of each array; labels get 0. Or one per field.

    Example:
        >>> import numpy as np
        >>> PadToMultiple(["image"], 16)({"image": np.zeros((1, 40, 56, 33))})["image"].shape
        (1, 48, 64, 48)
    """

    def __init__(self, fields: Sequence[str], multiple: int | Sequence[int], *, value: Fill = 0) -> None:
        super().__init__(fields)
        self.multiple = checked_size(multiple, "multiple", type(self).__name__)
        self.value = checked_fill(value, "value", type(self).__name__)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Pad one array."""
        shape = array_shape(data[field])
        multiple = crop.target_size(shape, self.multiple)
        size = tuple(-(-n // m) * m for n, m in zip(shape[-len(multiple) :], multiple, strict=True))
        return cut_out(self, field, data, size, crop.centre_offset(shape[-len(size) :], size), self.value)


class Pad(SpatialStep):
    """Add voxels on both sides of arrays.

    Args:
        fields: Names of the fields; the last axes are space.
        width: Voxels to add on each side; an int for the last three axes (both axes of a 2-D array), or one number or
            pair (before, after) for each of two or three axes.
        value: What fills up: a number, or "min" for the smallest value of each array; labels get 0. Or one per field.
        mode: "constant" fills with `value`, "edge" repeats the rim, "reflect" mirrors the array at its rim.

    Example:
        >>> import numpy as np
        >>> Pad(["image"], [1, (0, 2)])({"image": np.zeros((3, 8, 8))})["image"].shape
        (3, 10, 10)
    """

    def __init__(
        self,
        fields: Sequence[str],
        width: int | Sequence[int | Sequence[int]],
        value: Fill = 0,
        mode: str = "constant",
    ) -> None:
        super().__init__(fields)
        name = type(self).__name__
        self.width = _checked_width(width, name)
        self.value = checked_fill(value, "value", name)
        self.mode = checked_choice(mode, crop.PAD_MODES, "mode", name)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Pad one array."""
        shape = array_shape(data[field])
        d = len(crop.target_size(shape, [1] * len(self.width) if isinstance(self.width, tuple) else 1))
        pairs = self.width if isinstance(self.width, tuple) else ((self.width, self.width),) * d
        size = tuple(n + before + after for n, (before, after) in zip(shape[-d:], pairs, strict=True))
        return cut_out(self, field, data, size, [-before for before, _ in pairs], self.value, self.mode)


class Crop(SpatialStep):
    """Cut a box out of arrays.

    Args:
        fields: Names of the fields; the last axes are space.
        start: Index of the first voxel of the box, two or three numbers from 0.
        size: Size of the box in voxels, an int, or as many numbers as `start` has.

    Raises:
        ShapeError: If the box does not lie within an array (at call time).

    Example:
        >>> import numpy as np
        >>> Crop(["image"], start=[0, 1], size=[2, 1])({"image": np.array([[1, 2], [3, 4]])})["image"].ravel()
        array([2, 4])
    """

    def __init__(self, fields: Sequence[str], start: Sequence[int], size: int | Sequence[int]) -> None:
        super().__init__(fields)
        name = type(self).__name__
        try:
            self.start = tuple(index(n) for n in start)
        except TypeError:
            self.start = ()
        if len(self.start) not in (2, 3) or min(self.start) < 0:
            raise ArgumentError(f"{name}: start is {start!r}", expected="two or three whole numbers from 0")
        box = checked_size(size, "size", name, lengths=[len(self.start)])
        self.size = box if isinstance(box, tuple) else (box,) * len(self.start)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Cut out one box."""
        shape = array_shape(data[field])[-len(self.start) :]
        ends = [first + s for first, s in zip(self.start, self.size, strict=True)]
        if len(shape) < len(ends) or any(end > n for end, n in zip(ends, shape, strict=True)):
            raise ShapeError(
                f"the box from {self.start} to {tuple(ends)} does not lie within the shape {shape}",
                expected="a box inside the array",
                to_do="use a smaller box, or CropOrPad, which fills up",
            )
        return cut_out(self, field, data, self.size, self.start)


def cut_out(
    step: SpatialStep,
    field: str,
    data: DataPoint,
    size: Sequence[int],
    offset: Sequence[int],
    value: Any = 0,
    mode: str = "constant",
) -> DataPoint:
    """Return the entries of a field after `crop.crop_or_pad`: the array, and its geometry if it has one.

    Args:
        step: The transform.
        field: Name of the field.
        data: The data point.
        size: New size of the last axes.
        offset: Index of the first voxel of the result.
        value: As in `CropOrPad`.
        mode: As in `CropOrPad`.
    """
    d = len(size)
    matrix = [[*(float(a == b) for b in range(d)), float(offset[a])] for a in range(d)]
    return {
        field: crop.crop_or_pad(data[field], tuple(size), tuple(offset), fill_for(field, value), mode),
        **followed(field, data, matrix, size, type(step).__name__),
    }


def _checked_width(width: Any, owner: str) -> int | tuple[tuple[int, int], ...]:
    try:
        if not isinstance(width, Sequence):
            pairs = [(index(width), index(width))]
        else:
            sides = [pair if isinstance(pair, Sequence) else (pair, pair) for pair in width]
            pairs = [(index(before), index(after)) for before, after in sides]
        is_right = min(map(min, pairs)) >= 0 and (not isinstance(width, Sequence) or len(pairs) in (2, 3))
    except (TypeError, ValueError):
        is_right = False
    if not is_right:
        raise ArgumentError(
            f"{owner}: width is {width!r}",
            expected="a whole number from 0, or for each of two or three axes a number or a pair (before, after)",
        )
    return tuple(pairs) if isinstance(width, Sequence) else pairs[0][0]
