"""The words of the trade: data points, batches, and the geometry of an array."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from eisen._core.geometry import Affine, Array, Geometry, Warp, grid_tolerance_mm, shear_degrees

__all__ = [
    "Affine",
    "Array",
    "Batch",
    "DataPoint",
    "Geometry",
    "Step",
    "Warp",
    "grid_tolerance_mm",
    "is_label_field",
    "meta_field",
    "shear_degrees",
]

DataPoint = dict[str, Any]
"""One case: names of fields to values (paths, images, arrays, tensors, numbers, text)."""

Step = Callable[[DataPoint], DataPoint]
"""Anything that turns a data point into a data point: a reader, a transform, a plain function."""

_LABEL_WORDS = ("label", "mask", "seg", "annotation", "contour")


def is_label_field(field: str) -> bool:
    """Tell whether a field holds classes rather than intensities, by its name.

    Names that contain label, mask, seg, annotation or contour are labels: they are never interpolated
    linearly unless a transform is told so explicitly.

    Example:
        >>> is_label_field("lung_mask"), is_label_field("image")
        (True, False)
    """
    return any(word in field.lower() for word in _LABEL_WORDS)


def meta_field(field: str) -> str:
    """Return the name of the field that holds the geometry of `field`."""
    return f"{field}_meta"


class Batch(dict[str, Any]):
    """A batch: a plain dict of stacked fields that also knows which cases are in it.

    Args:
        values: The stacked fields.
        cases: One name per element of the batch.
        samples: The index in the data set of each element; random numbers of the element depend on it.

    Attributes:
        share: With several processes, which part of a batch this is; see `eisen.datasets.sharing.Share`.
    """

    share: Any = None

    def __init__(self, values: Mapping[str, Any], cases: Sequence[str] = (), samples: Sequence[int] = ()) -> None:
        super().__init__(values)
        self.cases = list(cases)
        self.samples = list(samples)

    def __reduce__(self) -> Any:
        return Batch, (dict(self), self.cases, self.samples)
