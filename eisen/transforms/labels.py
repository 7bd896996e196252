"""Transforms of label maps."""

from __future__ import annotations

from collections.abc import Sequence

from eisen._core.errors import ArgumentError
from eisen._core.types import DataPoint
from eisen.transforms.base import SpatialStep
from eisen.transforms.functional.labels import one_hot

__all__ = ["LabelMapToOneHot"]


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
