"""What losses over voxels share: logits become probabilities, labels of any form become channels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from eisen._core.errors import ArgumentError, ShapeError
from eisen.ops.layers.activation import Activation, output_activation
from eisen.ops.targets import full_precision, label_map, one_hot, spread

__all__ = ["Compared", "RegionLoss", "VoxelLoss", "check_range"]

_TINY = 1e-7


class Compared(NamedTuple):
    """Predictions and labels of a batch, in the forms that losses need; float32 or float64.

    Args:
        scores: (N, C, ...), log-probabilities of exclusive classes, or logits of independent channels.
        probabilities: (N, C, ...).
        reference: (N, C, ...), true or 1 where a channel is wanted.
        classes: (N, ...), the class of each voxel; None for independent channels.
    """

    scores: Tensor
    probabilities: Tensor
    reference: Tensor
    classes: Tensor | None


class VoxelLoss(nn.Module, ABC):
    """The frame of a loss that compares a value per voxel and class with a label in any common form.

    A child implements `forward` with `compared`, which gives it probabilities and reference.

    Args:
        include_background: Whether class 0 counts. A single channel is foreground and always counts.
        activation: How predictions become probabilities: ``softmax`` (exclusive classes), ``sigmoid`` (overlapping
            classes, or one channel) or ``none`` (they are probabilities already).
        class_weights: One weight per channel; None: all alike.
    """

    class_weights: Tensor | None

    def __init__(
        self,
        include_background: bool = True,
        activation: Activation = "softmax",
        class_weights: Sequence[float] | None = None,
    ) -> None:
        super().__init__()
        output_activation(activation)  # says what is wrong with an unknown name
        self.include_background = include_background
        self.activation = activation
        weights = None if class_weights is None else torch.tensor(class_weights, dtype=torch.float32)
        self.register_buffer("class_weights", weights, persistent=False)

    @abstractmethod
    def forward(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Return the loss, a tensor without axes."""

    def compared(self, predictions: Tensor, labels: Tensor) -> Compared:
        """Return predictions and labels in the forms that losses need.

        Args:
            predictions: Logits (N, C, ...), or probabilities with ``activation="none"``.
            labels: Label map (N, 1, ...) or (N, ...), or one-hot (N, C, ...), integers or floats. The form is
                told from the shape. With exclusive classes the largest channel of a one-hot label counts.

        Raises:
            ShapeError: If the labels are not on the grid of the predictions, or the channels do not fit the settings.
            VoxelValueError: If a label is not a class (checked on the CPU).
        """
        self._check_channels(predictions)
        predictions = full_precision(predictions)
        if predictions.shape[1] > 1 and self.activation != "sigmoid":
            return self._exclusive(predictions, labels)
        logits = predictions.logit(_TINY) if self.activation == "none" else predictions
        return Compared(logits, logits.sigmoid(), one_hot(labels, predictions), None)

    def _exclusive(self, predictions: Tensor, labels: Tensor) -> Compared:
        """Compare classes of which every voxel has one."""
        logits = predictions.clamp_min(_TINY).log() if self.activation == "none" else predictions
        classes = label_map(labels, predictions, predictions.shape[1])
        scores = logits.log_softmax(1)
        return Compared(scores, scores.exp(), spread(classes, predictions.shape[1]), classes)

    def foreground(self, channels: Tensor) -> Tensor:
        """Return the channels that count, with one axis for all voxels: (N, C', voxels)."""
        skipped = 0 if self.include_background or channels.shape[1] == 1 else 1
        return channels[:, skipped:].flatten(2)

    def cross_entropy(self, compared: Compared, label_smoothing: float = 0.0) -> Tensor:
        """Return the mean cross entropy, weighted by class."""
        weights = self._weights(compared.scores)
        if compared.classes is not None:
            if label_smoothing:
                smoothing = label_smoothing
                return functional.cross_entropy(compared.scores, compared.classes, weights, label_smoothing=smoothing)
            return functional.nll_loss(compared.scores, compared.classes, weights)
        target = compared.reference * (1 - label_smoothing) + label_smoothing / 2
        if weights is not None:
            weights = _along_channels(weights / weights.mean(), compared.scores)
        return functional.binary_cross_entropy_with_logits(compared.scores, target, weights)

    def cross_entropy_map(self, compared: Compared) -> tuple[Tensor, Tensor | None]:
        """Return the cross entropy of every voxel, and its weight.

        Returns:
            Exclusive classes: (N, ...) each. Independent channels: (N, C, ...). The weight is None without weights.
        """
        weights = self._weights(compared.scores)
        if compared.classes is not None:
            entropy = functional.nll_loss(compared.scores, compared.classes, reduction="none")
            return entropy, None if weights is None else weights[compared.classes]
        entropy = functional.binary_cross_entropy_with_logits(compared.scores, compared.reference, reduction="none")
        return entropy, None if weights is None else _along_channels(weights, entropy).expand_as(entropy)

    def _check_channels(self, predictions: Tensor) -> None:
        name = type(self).__name__
        if predictions.ndim < 3:
            raise ShapeError(
                f"{name} got predictions of shape {tuple(predictions.shape)}",
                expected="(N, C, ...): a value per case, class and voxel",
                to_do="use torch.nn.CrossEntropyLoss where there are no voxels",
            )
        if predictions.shape[1] == 1 and self.activation == "softmax":
            raise ShapeError(
                f"{name} with softmax got predictions of shape {tuple(predictions.shape)}",
                expected="(N, C, ...) with two channels or more: the softmax of one channel is always 1",
                to_do="set activation='sigmoid' in the loss, or output_channels=2 in the model",
            )

    def _weights(self, predictions: Tensor) -> Tensor | None:
        weights = self.class_weights
        if weights is None:
            return None
        if len(weights) != predictions.shape[1]:
            raise ShapeError(
                f"{type(self).__name__} has {len(weights)} class_weights for {predictions.shape[1]} channels",
                expected="one weight per channel of the predictions",
                to_do="change class_weights",
            )
        if weights.device != predictions.device:
            self.class_weights = weights = weights.to(predictions.device)  # once, not in every step
        return weights.to(torch.float64) if predictions.dtype == torch.float64 else weights


class RegionLoss(VoxelLoss):
    """The frame of a loss that compares sums over whole regions, such as Dice.

    A child implements `forward` with `regions`.

    Args:
        include_background: Whether class 0 counts. A single channel is foreground and always counts.
        batch_dice: Whether to sum over the cases of a batch first; steadier where a class is often absent.
        activation: How predictions become probabilities: ``softmax`` (exclusive classes), ``sigmoid`` (overlapping
            classes, or one channel) or ``none`` (they are probabilities already).
        smooth: Added to both sides of the fraction, so that a class absent from both has the loss 0.
    """

    def __init__(
        self,
        include_background: bool = False,
        batch_dice: bool = False,
        activation: Activation = "softmax",
        smooth: float = 1e-5,
    ) -> None:
        super().__init__(include_background, activation)
        check_range(type(self).__name__, "smooth", smooth, 1e-12, float("inf"))
        self.batch_dice = batch_dice
        self.smooth = smooth

    def regions(self, predictions: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, tuple[int, ...]]:
        """Return probabilities and reference of the classes that count, (N, C, voxels), and the axes to sum over."""
        _, probabilities, reference, _ = self.compared(predictions, labels)
        axes = (0, 2) if self.batch_dice else (2,)
        return self.foreground(probabilities), self.foreground(reference), axes


def check_range(owner: str, name: str, value: float, low: float, high: float) -> None:
    """Make sure that ``low <= value < high``.

    Raises:
        ArgumentError: If it is not, or is no number.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value < high:
        expected = f"at least {low:g}" + (f" and less than {high:g}" if high < float("inf") else "")
        raise ArgumentError(f"{owner}: {name} is {value!r}", expected=expected, to_do=f"change {name}")


def _along_channels(weights: Tensor, values: Tensor) -> Tensor:
    return weights.view(1, -1, *[1] * (values.ndim - 2))
