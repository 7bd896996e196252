"""Dice and cross entropy together: what most segmentation networks of today are trained with."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from eisen.ops.layers.activation import Activation
from eisen.ops.losses.base import VoxelLoss, check_range
from eisen.ops.losses.per_class import mean_dice

__all__ = ["DiceCELoss"]


class DiceCELoss(VoxelLoss):
    """Dice loss plus cross entropy, for networks that give logits and labels in any common form.

    Cross entropy teaches every voxel its class; Dice keeps small structures from being outvoted. The Dice of a
    class is ``(2 sum(l p) + smooth) / (sum(l) + sum(p) + smooth)``, averaged over cases and classes. All sums are
    made in float32 (or float64), under autocast too.

    Args:
        include_background: Whether class 0 counts in the Dice part; it always counts in the cross entropy. A
            single channel is foreground and always counts. Set it for overlapping regions (``sigmoid``).
        dice_weight: Factor of the Dice part, 0 or more.
        ce_weight: Factor of the cross entropy, 0 or more.
        batch_dice: Whether to sum over the cases of a batch first; steadier where a class is often absent.
        activation: How predictions become probabilities: ``softmax`` (exclusive classes), ``sigmoid`` (overlapping
            classes, or one channel) or ``none`` (they are probabilities already).
        class_weights: Weight of each class in the cross entropy, one per channel.
        label_smoothing: Share of certainty taken from the reference in the cross entropy, 0 up to 1.
        smooth: Added to both sides of the Dice fraction, so that a class absent from both gives 1.

    Raises:
        ArgumentError: If an argument is out of range.

    Source:
        Milletari et al. 2016, arXiv:1606.04797 (Dice loss); Drozdzal et al. 2016, arXiv:1608.04117 (several
        classes); Isensee et al. 2021, nnU-Net, doi:10.1038/s41592-020-01008-z (sum with cross entropy).

    Example:
        >>> import torch
        >>> label = torch.tensor([[[0, 1, 2, 2]]])
        >>> logits = 20.0 * torch.nn.functional.one_hot(label[:, 0], 3).movedim(-1, 1)
        >>> round(DiceCELoss()(predictions=logits, labels=label).item(), 4)
        0.0
    """

    def __init__(
        self,
        include_background: bool = False,
        dice_weight: float = 1.0,
        ce_weight: float = 1.0,
        batch_dice: bool = False,
        activation: Activation = "softmax",
        class_weights: Sequence[float] | None = None,
        label_smoothing: float = 0.0,
        smooth: float = 1e-5,
    ) -> None:
        super().__init__(include_background, activation, class_weights)
        check_range("DiceCELoss", "dice_weight", dice_weight, 0.0, float("inf"))
        check_range("DiceCELoss", "ce_weight", ce_weight, 0.0, float("inf"))
        check_range("DiceCELoss", "label_smoothing", label_smoothing, 0.0, 1.0)
        check_range("DiceCELoss", "smooth", smooth, 1e-12, float("inf"))
        self.dice_weight = dice_weight
        self.ce_weight = ce_weight
        self.batch_dice = batch_dice
        self.label_smoothing = label_smoothing
        self.smooth = smooth

    def forward(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Return the loss, a tensor without axes.

        Args:
            predictions: Logits (N, C, ...), or probabilities with ``activation="none"``.
            labels: Label map (N, 1, ...) or (N, ...), or one-hot (N, C, ...), integers or floats. The form is
                told from the shape. With exclusive classes the largest channel of a one-hot label counts.

        Raises:
            ShapeError: If the labels are not on the grid of the predictions, or the channels do not fit the settings.
            VoxelValueError: If a label is not a class (checked on the CPU).
        """
        compared = self.compared(predictions, labels)
        found, wanted = self.foreground(compared.probabilities), self.foreground(compared.reference)
        dice = mean_dice(found, wanted, self.batch_dice, self.smooth)
        return self.dice_weight * (1 - dice) + self.ce_weight * self.cross_entropy(compared, self.label_smoothing)
