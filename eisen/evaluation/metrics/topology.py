"""Whether tubes and networks are connected as they should be."""

from __future__ import annotations

import numpy as np

from eisen._core.types import Array
from eisen.evaluation.image_metric import check_choice
from eisen.evaluation.measured import Measured, undefined
from eisen.evaluation.metric import SegmentationMetric
from eisen.evaluation.pairs.components import components_of
from eisen.evaluation.pairs.label_pair import LabelPair
from eisen.evaluation.pairs.skeletons import skeletons_of

__all__ = ["BettiError", "CentrelineDice"]


class CentrelineDice(SegmentationMetric):
    """The centreline Dice clDice: how much of each centre line lies in the other mask.

    The harmonic mean of topology precision ``|S_P ∩ R| / |S_P|`` and topology sensitivity ``|S_R ∩ P| / |S_R|``, with
    the skeletons S of both masks. From 0 to 1; for vessels, airways and neurons, where breaks matter more than width.
    Skeletons are those of voxels: spacing does not matter. One empty mask: 0; two: undefined, by the default policy 1.

    Source: Shit et al., clDice: a novel topology-preserving loss function for tubular structure segmentation, CVPR
        2021; skeletons by scikit-image.

    Example:
        >>> import numpy as np
        >>> line, broken = np.array([[1, 1, 1, 1, 1, 1, 1]]), np.array([[1, 1, 1, 0, 1, 1, 1]])
        >>> CentrelineDice()(line, line), round(CentrelineDice()(broken, line), 3)
        (1.0, 0.923)
    """

    abbreviation = "CLDICE"
    better = "higher"
    groups = ("topology",)

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        presence = pair.presence
        if presence != "both":
            return undefined("both masks are empty") if presence == "absent" else Measured(0.0)
        predicted, actual = skeletons_of(pair)
        precision = _share(predicted, pair.reference)
        sensitivity = _share(actual, pair.prediction)
        both = precision + sensitivity
        return Measured(2 * precision * sensitivity / both if both else 0.0)


class BettiError(SegmentationMetric):
    """The Betti number error: how far the numbers of pieces, tunnels or cavities are apart.

    ``|b(prediction) - b(reference)|``, with the Betti number b of the whole image. Voxels that share a corner are
    connected, those of the background if they share a face. From 0 (as many) without upper limit; where they are does
    not matter, nor does spacing. Empty masks have none of anything: defined. Cavities in 2-D: undefined.

    Args:
        number: 0: pieces; 1: tunnels, in 2-D holes; 2: cavities.

    Raises:
        ArgumentError: If it is something else.

    Source: Hu et al., Topology-preserving deep image segmentation, NeurIPS 2019; tunnels from the Euler characteristic
        ``b0 - b1 + b2``.

    Example:
        >>> import numpy as np
        >>> ring = np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]])
        >>> BettiError(number=1)(ring, np.ones((3, 3), int)), BettiError()(ring, np.ones((3, 3), int))
        (1.0, 0.0)
    """

    abbreviation = "BETTI"
    better = "lower"
    high = float("inf")
    groups = ("topology",)

    def __init__(self, number: int = 0) -> None:
        self.number = number
        check_choice(self, "number", (0, 1, 2))

    def formula(self, pair: LabelPair) -> Measured:
        """Return the value for a label."""
        if self.number == 2 and pair.case.n_axes == 2:
            return undefined("masks in 2-D have no cavities")
        sides = pair.remember(("betti", self.number), lambda: [_betti(m, self.number) for m in pair.padded()])
        return Measured(float(abs(sides[0] - sides[1])))


def _share(lines: Array, mask: Array) -> float:
    return int(np.count_nonzero(lines & mask)) / int(np.count_nonzero(lines))


def _betti(mask: Array, number: int) -> int:
    """Return a Betti number of a mask with an empty rim."""
    if number == 0:
        return components_of(mask, 26)[1]
    enclosed = components_of(~mask, 6)[1] - 1
    if number == mask.ndim - 1:
        return enclosed
    from skimage.measure import euler_number

    return components_of(mask, 26)[1] + enclosed - int(euler_number(mask, connectivity=3))  # type: ignore[no-untyped-call]
