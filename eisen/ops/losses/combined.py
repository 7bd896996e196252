"""Dice and cross entropy together: what most segmentation networks of today are trained with."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from eisen._core.errors import ArgumentError, ShapeError
from eisen.ops.layers.activation import Activation, output_activation
from eisen.ops.targets import full_precision, label_map, one_hot, spread

__all__ = ["DiceCELoss"]

_TINY = 1e-7


class DiceCELoss(nn.Module):
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
        >>> label = torch.tensor([[[0, 1, 2, 2]]])
        >>> logits = 20.0 * torch.nn.functional.one_hot(label[:, 0], 3).movedim(-1, 1)
        >>> round(DiceCELoss()(predictions=logits, labels=label).item(), 4)
        0.0
    """

    class_weights: Tensor | None

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
        super().__init__()
        output_activation(activation)  # says what is wrong with an unknown name
        _check_range("dice_weight", dice_weight, 0.0, float("inf"))
        _check_range("ce_weight", ce_weight, 0.0, float("inf"))
        _check_range("label_smoothing", label_smoothing, 0.0, 1.0)
        _check_range("smooth", smooth, 1e-12, float("inf"))
        self.include_background = include_background
        self.dice_weight = dice_weight
        self.ce_weight = ce_weight
        self.batch_dice = batch_dice
        self.activation = activation
        self.label_smoothing = label_smoothing
        self.smooth = smooth
        weights = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float32)
        self.register_buffer("class_weights", weights, persistent=False)

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
        self._check_channels(predictions)
        weights = self._weights(predictions)
        exclusive = predictions.shape[1] > 1 and self.activation != "sigmoid"
        part = self._exclusive if exclusive else self._independent
        probabilities, reference, cross_entropy = part(full_precision(predictions), labels, weights)
        dice = self._dice(probabilities, reference)
        return self.dice_weight * (1 - dice) + self.ce_weight * cross_entropy

    def _exclusive(self, predictions: Tensor, labels: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Return probabilities, reference and cross entropy of classes of which every voxel has one."""
        logits = predictions.clamp_min(_TINY).log() if self.activation == "none" else predictions
        classes = label_map(labels, predictions, predictions.shape[1])
        log_probabilities = logits.log_softmax(1)
        if self.label_smoothing:
            entropy = functional.cross_entropy(
                log_probabilities, classes, weights, label_smoothing=self.label_smoothing
            )
        else:
            entropy = functional.nll_loss(log_probabilities, classes, weights)
        return log_probabilities.exp(), spread(classes, predictions.shape[1]), entropy

    def _independent(
        self, predictions: Tensor, labels: Tensor, weights: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return probabilities, reference and cross entropy of channels that are yes-or-no questions each."""
        logits = predictions.logit(_TINY) if self.activation == "none" else predictions
        reference = one_hot(labels, predictions)
        target = reference * (1 - self.label_smoothing) + self.label_smoothing / 2
        if weights is not None:
            weights = (weights / weights.mean()).view(1, -1, *[1] * (logits.ndim - 2))
        return logits.sigmoid(), reference, functional.binary_cross_entropy_with_logits(logits, target, weights)

    def _dice(self, probabilities: Tensor, reference: Tensor) -> Tensor:
        skipped = 0 if self.include_background or probabilities.shape[1] == 1 else 1
        found, wanted = (channels[:, skipped:].flatten(2) for channels in (probabilities, reference))
        axes = (0, 2) if self.batch_dice else (2,)
        both = (found * wanted).sum(axes)
        return ((2 * both + self.smooth) / (found.sum(axes) + wanted.sum(axes) + self.smooth)).mean()

    def _check_channels(self, predictions: Tensor) -> None:
        if predictions.ndim < 3:
            raise ShapeError(
                f"DiceCELoss got predictions of shape {tuple(predictions.shape)}",
                expected="(N, C, ...): a value per case, class and voxel",
                to_do="use torch.nn.CrossEntropyLoss where there are no voxels",
            )
        if predictions.shape[1] == 1 and self.activation == "softmax":
            raise ShapeError(
                f"DiceCELoss with softmax got predictions of shape {tuple(predictions.shape)}",
                expected="(N, C, ...) with two channels or more: the softmax of one channel is always 1",
                to_do="set activation='sigmoid' in the loss, or output_channels=2 in the model",
            )

    def _weights(self, predictions: Tensor) -> Tensor | None:
        weights = self.class_weights
        if weights is None:
            return None
        if len(weights) != predictions.shape[1]:
            raise ShapeError(
                f"DiceCELoss has {len(weights)} class_weights for {predictions.shape[1]} channels",
                expected="one weight per channel of the predictions",
                to_do="change class_weights",
            )
        if weights.device != predictions.device:
            self.class_weights = weights = weights.to(predictions.device)  # once, not in every step
        return weights.to(torch.float64) if predictions.dtype == torch.float64 else weights


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value < high:
        expected = f"at least {low:g}" + (f" and less than {high:g}" if high < float("inf") else "")
        raise ArgumentError(f"DiceCELoss: {name} is {value!r}", expected=expected, to_do=f"change {name}")
