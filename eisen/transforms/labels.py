"""Transforms of label maps: other values, one channel per class and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import index
from typing import Any

from eisen._core.errors import ArgumentError
from eisen._core.fields import FieldStep
from eisen._core.types import DataPoint
from eisen.transforms.arguments import checked_choice
from eisen.transforms.base import SpatialStep
from eisen.transforms.casting import cast, checked_dtype
from eisen.transforms.functional.labels import label_map, one_hot
from eisen.transforms.functional.relabel import remap

__all__ = ["LabelMapToOneHot", "OneHotToLabelMap", "RemapLabels"]


class LabelMapToOneHot(SpatialStep):
    """Turn label maps into one channel of zeros and ones per class.

    Args:
        fields: Names of the fields; axes of length 1 are removed first.
        classes: Label values in the order of the channels. A value that is not listed is 0 in every channel.

    Example:
        >>> import numpy as np
        >>> LabelMapToOneHot(["label"], [1, 2])({"label": np.array([0, 1, 2, 2])})["label"]
        array([[0., 1., 0., 0.],
               [0., 0., 1., 1.]], dtype=float32)
    """

    def __init__(self, fields: Sequence[str], classes: Sequence[int]) -> None:
        super().__init__(fields)
        if isinstance(classes, str | int | float) or not all(isinstance(value, int | float) for value in classes):
            raise ArgumentError(f"LabelMapToOneHot: classes is {classes!r}", expected="a list of label values")
        self.classes = list(classes)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Convert one label map."""
        return {field: one_hot(data[field], self.classes)}


class OneHotToLabelMap(FieldStep):
    """Turn one channel per class (zeros and ones, probabilities or logits) into a label map: the largest channel wins.

    Args:
        fields: Names of the fields; the first axis holds the channels.
        classes: Label value of each channel, as for LabelMapToOneHot; null: 0, 1, 2, ...
        threshold: Where no channel is above this, a voxel is background; null: never (for logits).
        background: Label value of background.

    Example:
        >>> import numpy as np
        >>> channels = LabelMapToOneHot(["label"], [2, 5])({"label": np.array([0, 2, 5, 5])})
        >>> OneHotToLabelMap(["label"], [2, 5])(channels)["label"]
        array([0, 2, 5, 5], dtype=uint8)
    """

    def __init__(
        self,
        fields: Sequence[str],
        classes: Sequence[int] | None = None,
        threshold: float | None = 0.0,
        background: int = 0,
    ) -> None:
        super().__init__(fields)
        self.classes = None if classes is None else checked_labels(classes, "classes", type(self).__name__)
        self.threshold = threshold
        self.background = background

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Convert the channels of one field."""
        return {field: label_map(data[field], self.classes, self.threshold, self.background)}


class RemapLabels(FieldStep):
    """Give label maps other values: merge classes, keep some, close gaps.

    Args:
        fields: Names of the fields.
        mapping: Old value to new value, e.g. ``{"41": 2, "2": 2}``; or a list of the values to keep, which become 1, 2,
            3, ... in this order. 0 stays 0 unless it is named.
        unknown: What to do with values that are not named: "error", "background" (they become 0) or "keep". Null:
            "error" for a mapping, "background" for a list.
        close_gaps: False leaves the values of a list as they are.
        dtype: Data type of the result, e.g. ``"uint8"``; null: as it was.

    Raises:
        VoxelValueError: With the unknown values and how many voxels each has (at call time).

    Example:
        >>> import numpy as np
        >>> RemapLabels(["label"], {2: 1, 41: 1, 17: 2})({"label": np.array([0, 41, 17, 2])})["label"]
        array([0, 1, 2, 1])
        >>> RemapLabels(["label"], [2, 41])({"label": np.array([0, 41, 17, 2])})["label"]
        array([0, 2, 0, 1])
    """

    def __init__(
        self,
        fields: Sequence[str],
        mapping: Mapping[int, int] | Sequence[int],
        unknown: str | None = None,
        close_gaps: bool = True,
        dtype: str | None = None,
    ) -> None:
        super().__init__(fields)
        owner = type(self).__name__
        self.mapping = _checked_mapping(mapping, close_gaps)
        default = "error" if isinstance(mapping, Mapping) else "background"
        self.unknown = checked_choice(unknown or default, ("error", "background", "keep"), "unknown", owner)
        self.dtype = None if dtype is None else checked_dtype(dtype, owner)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Replace the values of one label map."""
        label = data[field] if self.dtype is None else self._widened(data[field])
        remapped = remap(label, self.mapping, self.unknown)
        return {field: remapped if self.dtype is None else cast(remapped, self.dtype)}

    def _widened(self, label: Any) -> Any:
        """Return the label in a type that any new value fits, so that only the final type limits."""
        return cast(label, "int64") if str(getattr(label, "dtype", "")).find("int") >= 0 else label


def _checked_mapping(mapping: Any, close_gaps: bool) -> dict[int, int]:
    if isinstance(mapping, Mapping):
        try:
            return {int(old) if isinstance(old, str) else index(old): index(new) for old, new in mapping.items()}
        except (TypeError, ValueError):
            raise ArgumentError(
                f"RemapLabels: mapping is {mapping!r}", expected="whole numbers to whole numbers"
            ) from None
    kept = checked_labels(mapping, "mapping", "RemapLabels")
    if not close_gaps:
        return {value: value for value in kept}
    return {value: place for place, value in enumerate((value for value in kept if value), start=1)}


def checked_labels(values: Any, name: str, owner: str) -> list[int]:
    """Return a list of different whole numbers."""
    try:
        numbers = [] if isinstance(values, str | Mapping) else [index(value) for value in values]
    except TypeError:
        numbers = []
    if not numbers or len(set(numbers)) != len(numbers):
        raise ArgumentError(f"{owner}: {name} is {values!r}", expected="a list of different label values")
    return numbers
