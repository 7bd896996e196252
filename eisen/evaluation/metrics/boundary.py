"""How far two masks overlap near their boundaries."""

from __future__ import annotations

import numpy as np

from eisen._core.errors import ArgumentError
from eisen._core.types import Array
from eisen.evaluation.measured import Measured, undefined
from eisen.evaluation.metric import SegmentationMetric
from eisen.evaluation.pairs.label_pair import LabelPair

__all__ = ["BoundaryIoU"]

_SHARE_OF_DIAGONAL = 0.02
_SAME = 1e-5
"""Distances are 32-bit floats: two that differ by less than this part are one."""


class BoundaryIoU(SegmentationMetric):
    """The intersection over union of the bands inside the boundaries of two masks.

    ``|B_P ∩ B_R| / |B_P ∪ B_R|``, where the band B of a mask are its voxels that are not farther than ``width`` from
    one outside of it; outside of the image is outside. From 0 to 1, higher is better; it sees errors at the boundary
    of large objects, which Dice and Jaccard hardly do. Spacing is taken into account: distances are in mm, between
    the centres of voxels (the authors erode, which is the same with distances along the largest axis). One empty
    mask: 0; two: undefined, by the default policy 1.

    Source: Cheng et al., Boundary IoU: Improving object-centric image segmentation evaluation, CVPR 2021.

    Args:
        width: Of the band in mm; None: 2 % of the diagonal of the image, as in the article. It is one voxel at least.

    Raises:
        ArgumentError: If it is something else.

    Example:
        >>> import numpy as np
        >>> prediction, reference = np.zeros((9, 9), int), np.zeros((9, 9), int)
        >>> prediction[1:8, 1:8] = reference[1:8, 1:7] = 1
        >>> round(BoundaryIoU(width=1)(prediction, reference), 3)
        0.586
    """

    abbreviation = "BNDIOU"
    better = "higher"
    groups = ("overlap",)

    def __init__(self, width: float | None = None) -> None:
        is_number = isinstance(width, (int, float)) and not isinstance(width, bool)
        if width is not None and not (is_number and 0 < width < float("inf")):
            raise ArgumentError(f"BNDIOU: width is {width!r}", expected="a width in mm above 0, or None")
        self.width = width

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        if pair.presence == "absent":
            return undefined("both masks are empty")
        if pair.presence != "both":
            return Measured(0.0)
        width = _SHARE_OF_DIAGONAL * pair.case.diagonal_mm if self.width is None else self.width
        width = max(width, *pair.spacing)
        one, other = (_band(mask, pair.spacing, width) for mask in (pair.prediction, pair.reference))
        return Measured(int(np.count_nonzero(one & other)) / int(np.count_nonzero(one | other)))


def _band(mask: Array, spacing: tuple[float, ...], width_mm: float) -> Array:
    import edt

    depth = edt.edt(np.ascontiguousarray(mask), anisotropy=spacing, black_border=True, parallel=1)
    band: Array = mask & (depth <= width_mm * (1 + _SAME))
    return band
