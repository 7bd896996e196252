"""How well instances were found, and how well those that were found are outlined."""

from __future__ import annotations

from typing import Literal

from eisen._core.errors import ArgumentError
from eisen.evaluation.image_metric import check_choice
from eisen.evaluation.measured import Measured, undefined
from eisen.evaluation.metric import SegmentationMetric
from eisen.evaluation.pairs.components import CONNECTIVITIES, instances_of
from eisen.evaluation.pairs.label_pair import LabelPair
from eisen.evaluation.pairs.matches import Matches, by_iou

__all__ = ["PanopticQuality", "RecognitionQuality", "SegmentationQuality"]


class _Panoptic(SegmentationMetric):
    """What the three have in common."""

    better = "higher"
    groups = ("lesions",)

    def __init__(
        self,
        instances: Literal["components", "values"] = "components",
        threshold: float = 0.5,
        connectivity: int = 26,
    ) -> None:
        self.instances, self.threshold, self.connectivity = instances, threshold, connectivity
        check_choice(self, "instances", ("components", "values"))
        check_choice(self, "connectivity", CONNECTIVITIES)
        is_number = isinstance(threshold, (int, float)) and not isinstance(threshold, bool)
        if not is_number or not 0 <= threshold < 1:
            raise ArgumentError(f"{self.abbreviation}: threshold is {threshold!r}", expected="from 0 to less than 1")

    def matches(self, pair: LabelPair) -> Matches:
        """Return which instances belong together, one to one.

        Args:
            pair: The label.
        """
        connectivity = self.connectivity if self.instances == "components" else None
        key = ("panoptic", connectivity, self.threshold)
        return pair.remember(key, lambda: by_iou(instances_of(pair, connectivity), self.threshold).one_to_one())


class PanopticQuality(_Panoptic):
    """The panoptic quality: ``Σ IoU of the matched / (TP + FP / 2 + FN / 2)``.

    Instances match if their intersection over union is above the threshold; from 0.5 on, none can match two, below,
    as many as possible do. From 0 to 1; the product of `SegmentationQuality` and `RecognitionQuality`. Spacing does
    not matter. No instance on one side: 0; on neither: undefined, by the default policy 1.

    Args:
        instances: "components": connected components of the label; "values": each value that the label merges is an
            instance, for instance maps (``labels={(1, 2, 3): "cells"}``).
        threshold: From 0 to less than 1.
        connectivity: Which voxels belong together: 26 (corners), 18 (edges) or 6 (faces); in 2-D 8 or 4.

    Raises:
        ArgumentError: If one is something else.

    Source: Kirillov et al., Panoptic segmentation, CVPR 2019, equation 1.

    Example:
        >>> import numpy as np
        >>> PanopticQuality()(np.array([[1, 1, 1, 0, 1]]), np.array([[1, 1, 0, 0, 0]])) == (2 / 3) / 1.5
        True
    """

    abbreviation = "PQ"

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        found = self.matches(pair)
        n = found.n_predicted + found.n_actual
        return Measured(min(1.0, 2 * float(found.quality.sum()) / n)) if n else undefined("there are no instances")


class SegmentationQuality(_Panoptic):
    """The mean intersection over union of the matched instances, the first factor of `PanopticQuality`.

    From the threshold to 1. Spacing does not matter. No matched instance: undefined; two empty masks, by the default
    policy 1.

    Args:
        instances: As for `PanopticQuality`.
        threshold: As for `PanopticQuality`.
        connectivity: As for `PanopticQuality`.

    Raises:
        ArgumentError: If one is something else.

    Source: Kirillov et al., Panoptic segmentation, CVPR 2019, equation 2.

    Example:
        >>> import numpy as np
        >>> SegmentationQuality()(np.array([[1, 1, 1, 0, 1]]), np.array([[1, 1, 0, 0, 0]])) == 2 / 3
        True
    """

    abbreviation = "SQ"

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        quality = self.matches(pair).quality
        return Measured(float(quality.mean())) if len(quality) else undefined("no instance was matched")


class RecognitionQuality(_Panoptic):
    """The F1 score of the matched instances, ``TP / (TP + FP / 2 + FN / 2)``, second factor of `PanopticQuality`.

    From 0 to 1. Spacing does not matter. No instance on one side: 0; on neither: undefined, by the default policy 1.

    Args:
        instances: As for `PanopticQuality`.
        threshold: As for `PanopticQuality`.
        connectivity: As for `PanopticQuality`.

    Raises:
        ArgumentError: If one is something else.

    Source: Kirillov et al., Panoptic segmentation, CVPR 2019, equation 2.

    Example:
        >>> import numpy as np
        >>> RecognitionQuality()(np.array([[1, 1, 1, 0, 1]]), np.array([[1, 1, 0, 0, 0]])) == 2 / 3
        True
    """

    abbreviation = "RQ"

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        found = self.matches(pair)
        n = found.n_predicted + found.n_actual
        return Measured(2 * len(found.quality) / n) if n else undefined("there are no instances")
