"""How well cells that membranes divide were found: which pixels belong together, rather than which are membrane."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from eisen._core.errors import ArgumentError, ShapeError
from eisen._core.types import Array
from eisen.ops.layers.activation import Activation, output_activation
from eisen.ops.metrics.averaging import CaseMean
from eisen.ops.metrics.counting import checked_n_classes
from eisen.ops.targets import label_map

__all__ = ["ForegroundRand", "rand_score", "segments"]

_NEIGHBOURS: dict[int, Literal[4, 6]] = {2: 4, 3: 6}
_THRESHOLDS = tuple(step / 10 for step in range(1, 10))


class ForegroundRand(CaseMean):
    """Whether the pixels of a cell were kept together, and those of two cells apart: V-Rand; 1 is perfect.

    For pictures and volumes where a border (membrane) divides objects (cells). A single gap in a membrane merges two
    cells, which the Dice coefficient hardly sees and this measure does. Objects are the connected parts where the
    probability of the border is below a threshold, 4 neighbours in pictures and 6 in volumes. "Foreground-restricted":
    pixels that are border in the reference do not count. "After thinning": every pixel of the predicted border joins
    the nearest object, so that the thickness of the border does not count either. The score is the mean over the cases
    at the best of the thresholds, the same one for all cases, as in the challenge of the source.

    Args:
        border: Number of the class that divides objects.
        n_classes: Number of classes; all that are not border are inside of objects.
        activation: What turns predictions into probabilities: ``softmax``, ``sigmoid``, or ``none`` if they are.
        thresholds: Probabilities to cut at.

    Raises:
        ArgumentError: If an argument is not one of these.

    Source:
        Arganda-Carreras et al. 2015, Crowdsourcing the creation of image segmentation algorithms for connectomics,
        Frontiers in Neuroanatomy 9:142. There the border is thinned to a line of one pixel instead of none.

    Example:
        >>> wall = torch.zeros(1, 5, 5, dtype=torch.long)
        >>> wall[:, :, 2] = 1
        >>> closed = torch.nn.functional.one_hot(wall, 2).movedim(-1, 1).float()
        >>> open_ = closed.clone()
        >>> open_[:, :, 4, 2] = torch.tensor([1.0, 0.0])  # a gap at one end of the wall
        >>> ForegroundRand()(closed, wall), round(ForegroundRand()(open_, wall).item(), 4)
        (tensor(1.), 0.6667)
    """

    def __init__(
        self,
        border: int = 1,
        n_classes: int = 2,
        activation: Activation = "none",
        thresholds: Sequence[float] = _THRESHOLDS,
    ) -> None:
        self.thresholds = _checked_thresholds(thresholds)
        super().__init__(len(self.thresholds))
        self.n_classes = checked_n_classes(n_classes, "ForegroundRand")
        if border not in range(n_classes):
            raise ArgumentError(f"ForegroundRand: border is {border!r}", expected=f"a class from 0 to {n_classes - 1}")
        self.border = border
        self.activation = output_activation(activation)

    def score(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Return the score of each case at each threshold, (N, thresholds)."""
        wanted = (label_map(labels, predictions, self.n_classes) == self.border).cpu().numpy()
        found = self._probability(predictions).cpu().numpy()
        rows = [self._case(*pair) for pair in zip(found, wanted, strict=True)]
        return torch.tensor(rows, dtype=torch.float64, device=predictions.device)

    def value(self, means: Tensor) -> Tensor:
        """Return the score at the best threshold; NaN where no case has an object."""
        return means.max()

    def _case(self, found: Array, wanted: Array) -> list[float]:
        inside = ~wanted
        objects = segments(inside)
        return [rand_score(segments(found < cut, grown=True)[inside], objects[inside]) for cut in self.thresholds]

    def _probability(self, predictions: Tensor) -> Tensor:
        """Return the probability of the border, (N, ...)."""
        n_channels = predictions.shape[1]
        if predictions.ndim not in (4, 5) or n_channels not in (1, self.n_classes):
            raise ShapeError(
                f"ForegroundRand for {self.n_classes} classes got predictions of shape {tuple(predictions.shape)}",
                expected=f"(N, {self.n_classes}, H, W) or (N, {self.n_classes}, D, H, W)",
                to_do="set n_classes to the number of classes of the model",
            )
        scores: Tensor = self.activation(predictions.float())
        if n_channels == 1:
            return scores[:, 0] if self.border == 1 else 1 - scores[:, 0]
        return scores[:, self.border]


def segments(inside: Array, grown: bool = False) -> Array:
    """Return the number of the connected part that each voxel belongs to, from 1; 0 outside.

    Args:
        inside: True where objects are, two or three axes.
        grown: Whether voxels outside join the nearest part. Where there is no part at all, they stay 0.

    Example:
        >>> row = np.array([[True, False, False, False, True]])
        >>> segments(row), segments(row, grown=True)
        (array([[1, 0, 0, 0, 2]]), array([[1, 1, 1, 2, 2]]))
    """
    import cc3d
    from scipy import ndimage

    parts: Array = cc3d.connected_components(inside, connectivity=_NEIGHBOURS[inside.ndim]).astype(np.int64)
    if not grown or not inside.any():
        return parts
    nearest = ndimage.distance_transform_edt(~inside, return_distances=False, return_indices=True)
    joined: Array = parts[tuple(nearest)]
    return joined


def rand_score(found: Array, wanted: Array) -> float:
    """Return the Rand F-score of two partitions of the same voxels; NaN where there are no voxels.

    The number of ordered pairs of voxels (a voxel with itself included) that both keep together, over the mean of the
    numbers that each keeps together. Voxels numbered 0 in `found` belong to nothing: each is a part of its own.

    Args:
        found: Number of the part that each voxel belongs to in the proposal.
        wanted: The same in the reference.

    Example:
        >>> rand_score(np.array([1, 1, 1, 1]), np.array([1, 1, 2, 2]))
        0.6666666666666666
    """
    if not found.size:
        return float("nan")
    own = -1 - np.arange(found.size)
    found = np.where(found == 0, own, found).ravel()
    _, first = np.unique(found, return_inverse=True)
    _, second = np.unique(wanted.ravel(), return_inverse=True)
    _, both = np.unique(first * (int(second.max()) + 1) + second, return_counts=True)
    together = [float(np.square(sizes, dtype=np.float64).sum()) for sizes in (np.bincount(first), np.bincount(second))]
    return 2 * float(np.square(both, dtype=np.float64).sum()) / sum(together)


def _checked_thresholds(thresholds: Sequence[float]) -> tuple[float, ...]:
    numbers = tuple(thresholds) if isinstance(thresholds, list | tuple) else ()
    if not numbers or any(not isinstance(cut, int | float) or not 0 < cut < 1 for cut in numbers):
        raise ArgumentError(f"ForegroundRand: thresholds is {thresholds!r}", expected="numbers between 0 and 1")
    return numbers
