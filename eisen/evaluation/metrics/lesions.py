"""How many lesions were found: connected components instead of voxels."""

from __future__ import annotations

from typing import ClassVar, Literal

from eisen._core.errors import ArgumentError
from eisen.evaluation.image_metric import check_choice
from eisen.evaluation.measured import Measured, undefined
from eisen.evaluation.metric import Better, SegmentationMetric
from eisen.evaluation.pairs.components import CONNECTIVITIES, instances_of
from eisen.evaluation.pairs.label_pair import LabelPair
from eisen.evaluation.pairs.matches import Matches, by_distance, by_iou, by_overlap

__all__ = [
    "LesionCountDifference",
    "LesionF1",
    "LesionFalsePositives",
    "LesionPrecision",
    "LesionSensitivity",
]

_DEFAULTS = {"overlap": 0.0, "iou": 0.5, "distance": 5.0}


class _LesionMetric(SegmentationMetric):
    """What the metrics of matched lesions have in common."""

    better: ClassVar[Better] = "higher"
    groups = ("lesions",)

    def __init__(
        self,
        matching: Literal["overlap", "iou", "distance"] = "overlap",
        threshold: float | None = None,
        one_to_one: bool = False,
        connectivity: int = 26,
    ) -> None:
        self.matching, self.threshold, self.one_to_one, self.connectivity = (
            matching,
            threshold,
            one_to_one,
            connectivity,
        )
        check_choice(self, "matching", ("overlap", "iou", "distance"))
        check_choice(self, "connectivity", CONNECTIVITIES)
        if not isinstance(one_to_one, bool):
            raise ArgumentError(f"{self.abbreviation}: one_to_one is {one_to_one!r}", expected="True or False")
        self._check_threshold()

    def matches(self, pair: LabelPair) -> Matches:
        """Return which lesions belong together, made once for all metrics that match in the same way.

        Args:
            pair: The label.
        """
        key = ("lesions", self.matching, self.threshold, self.one_to_one, self.connectivity)
        return pair.remember(key, lambda: self._matched(pair))

    def _matched(self, pair: LabelPair) -> Matches:
        instances = instances_of(pair, self.connectivity)
        threshold = _DEFAULTS[self.matching] if self.threshold is None else float(self.threshold)
        if self.matching == "overlap":
            found = by_overlap(instances)
        else:
            found = (by_iou if self.matching == "iou" else by_distance)(instances, threshold)
        return found.one_to_one() if self.one_to_one else found

    def _check_threshold(self) -> None:
        if self.threshold is None:
            return
        is_number = isinstance(self.threshold, (int, float)) and not isinstance(self.threshold, bool)
        high = {"overlap": -1.0, "iou": 1.0, "distance": 1e9}[self.matching]
        if not is_number or not 0 <= self.threshold <= high:
            raise ArgumentError(
                f"{self.abbreviation}: threshold is {self.threshold!r} for matching by {self.matching}",
                expected="None for overlap, 0 to 1 for iou, mm for distance",
            )


class LesionF1(_LesionMetric):
    """The F1 score of lesions: ``2 TP / (2 TP + FP + FN)``.

    Lesions are connected components. TP are lesions of the reference that have a partner, FN those that have none, FP
    predicted lesions without one. From 0 to 1 (all found, none too many). Spacing matters for matching by distance
    only. No lesion on one side: 0; on neither: undefined, by the default policy 1.

    Args:
        matching: When lesions are partners: "overlap", if they share a voxel; "iou", if their intersection over union
            is above the threshold; "distance", if their centres are at most so far apart.
        threshold: None: 0.5 for iou, 5 mm for distance.
        one_to_one: Whether a lesion may have one partner only; then as many as possible have one. False: a large
            prediction may find several lesions, as in ISLES 2022.
        connectivity: Which voxels belong together: 26 (corners), 18 (edges) or 6 (faces); in 2-D 8 (also 26, 18) or 4
            (also 6).

    Raises:
        ArgumentError: If one is something else.

    Source: Hernandez Petzsche et al., ISLES 2022, Scientific Data 9, 2022; Maier-Hein et al., Metrics reloaded, Nature
        Methods 21, 2024.

    Example:
        >>> import numpy as np
        >>> LesionF1()(np.array([[1, 1, 0, 0, 1]]), np.array([[1, 0, 1, 0, 0]]), label=1)
        0.5
    """

    abbreviation = "LESF1"

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        found = self.matches(pair)
        below = 2 * found.found + found.false + found.missed
        return Measured(2 * found.found / below) if below else undefined("there are no lesions")


class LesionSensitivity(_LesionMetric):
    """The share of the lesions of the reference that were found: ``TP / (TP + FN)``.

    From 0 to 1 (all). Spacing matters for matching by distance only. No lesion in the reference: undefined.

    Args:
        matching: As for `LesionF1`.
        threshold: As for `LesionF1`.
        one_to_one: As for `LesionF1`.
        connectivity: As for `LesionF1`.

    Raises:
        ArgumentError: If one is something else.

    Source: Carass et al., Longitudinal multiple sclerosis lesion segmentation, NeuroImage 148, 2017 (lesion true
        positive rate).

    Example:
        >>> import numpy as np
        >>> LesionSensitivity()(np.array([[1, 1, 0, 0, 0]]), np.array([[1, 0, 0, 0, 1]]))
        0.5
    """

    abbreviation = "LESSNS"
    perfect_when_absent = False

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        found = self.matches(pair)
        return Measured(found.found / found.n_actual) if found.n_actual else undefined("the reference has no lesion")


class LesionPrecision(_LesionMetric):
    """The share of the predicted lesions that are lesions: one minus the lesion false positive rate.

    From 0 to 1 (all). Spacing matters for matching by distance only. No predicted lesion: undefined.

    Args:
        matching: As for `LesionF1`.
        threshold: As for `LesionF1`.
        one_to_one: As for `LesionF1`.
        connectivity: As for `LesionF1`.

    Raises:
        ArgumentError: If one is something else.

    Source: Carass et al., Longitudinal multiple sclerosis lesion segmentation, NeuroImage 148, 2017.

    Example:
        >>> import numpy as np
        >>> LesionPrecision()(np.array([[1, 0, 1, 0, 1]]), np.array([[1, 0, 1, 0, 0]])) == 2 / 3
        True
    """

    abbreviation = "LESPRC"
    perfect_when_absent = False

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        found = self.matches(pair)
        if not found.n_predicted:
            return undefined("the prediction has no lesion")
        return Measured((found.n_predicted - found.false) / found.n_predicted)


class LesionFalsePositives(_LesionMetric):
    """How many predicted lesions are none, in one case; the mean over cases is the "false positives per case".

    From 0 (none) without upper limit. Spacing matters for matching by distance only. Empty masks: defined.

    Args:
        matching: As for `LesionF1`.
        threshold: As for `LesionF1`.
        one_to_one: As for `LesionF1`.
        connectivity: As for `LesionF1`.

    Raises:
        ArgumentError: If one is something else.

    Source: Chakraborty, Maximum likelihood analysis of free-response ROC data, Med. Phys. 16, 1989.

    Example:
        >>> import numpy as np
        >>> LesionFalsePositives()(np.array([[1, 0, 1, 0, 1]]), np.array([[1, 0, 0, 0, 0]]))
        2.0
    """

    abbreviation = "LESFP"
    better = "lower"
    high = float("inf")

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        return Measured(float(self.matches(pair).false))


class LesionCountDifference(SegmentationMetric):
    """How far the numbers of lesions are apart: ``|n(prediction) - n(reference)|``.

    From 0 (as many) without upper limit; where they are does not matter, nor does spacing. Empty masks: defined.

    Args:
        connectivity: As for `LesionF1`.

    Raises:
        ArgumentError: If it is something else.

    Source: Hernandez Petzsche et al., ISLES 2022, Scientific Data 9, 2022.

    Example:
        >>> import numpy as np
        >>> LesionCountDifference()(np.array([[1, 0, 1, 0, 1]]), np.array([[1, 1, 1, 1, 1]]))
        2.0
    """

    abbreviation = "LESDIFF"
    better = "lower"
    high = float("inf")
    groups = ("lesions",)

    def __init__(self, connectivity: int = 26) -> None:
        self.connectivity = connectivity
        check_choice(self, "connectivity", CONNECTIVITIES)

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        found = instances_of(pair, self.connectivity)
        return Measured(float(abs(len(found.sizes_predicted) - len(found.sizes))))
