"""Losses at several resolutions of a network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from eisen._core.errors import ArgumentError, ShapeError

__all__ = ["DeepSupervisionLoss"]


class DeepSupervisionLoss(nn.Module):
    """Sum a loss over the outputs that a network gives at several resolutions, finest first.

    The label is brought to the grid of each output by taking the nearest voxel. In validation, where the network gives
    its finest output alone, this is the inner loss.

    Args:
        loss: The loss of one resolution, called with predictions and labels, e.g. a `DiceCELoss`.
        weights: One per output, finest first, made to sum to 1. None: halved from one to the next, and 0 for the
            coarsest, as in nnU-Net.

    Raises:
        ArgumentError: If weights are negative or all 0.

    Source:
        Lee et al. 2015, arXiv:1409.5185; Isensee et al. 2021, nnU-Net, doi:10.1038/s41592-020-01008-z (weights).

    Example:
        >>> from eisen.ops.losses import DiceCELoss
        >>> loss = DeepSupervisionLoss(DiceCELoss())
        >>> fine, coarse = torch.zeros(1, 2, 8, 8), torch.zeros(1, 2, 4, 4)
        >>> labels = torch.zeros(1, 1, 8, 8, dtype=torch.uint8)
        >>> loss(predictions=[fine, coarse], labels=labels) == DiceCELoss()(fine, labels)
        tensor(True)
    """

    def __init__(self, loss: nn.Module, weights: Sequence[float] | None = None) -> None:
        super().__init__()
        if not callable(loss):
            raise ArgumentError(
                f"DeepSupervisionLoss: loss is {loss!r}", expected="a loss, e.g. eisen.ops.losses.DiceCELoss()"
            )
        if weights is not None and (min(weights, default=0) < 0 or sum(weights) <= 0):
            raise ArgumentError(f"DeepSupervisionLoss: weights is {weights!r}", expected="numbers from 0, not all 0")
        self.loss = loss
        self.weights = None if weights is None else [float(weight) for weight in weights]

    def forward(self, predictions: Tensor | Sequence[Tensor], labels: Tensor) -> Tensor:
        """Return the loss, a tensor without axes.

        Args:
            predictions: Outputs (N, C, ...) of falling size, finest first; or one output.
            labels: On the grid of the finest: (N, 1, ...), (N, ...) or (N, C, ...).

        Raises:
            ShapeError: If there is not one output per weight.
        """
        if isinstance(predictions, Tensor):
            return self._single(predictions, labels)
        total: Tensor | None = None
        for weight, output in zip(self._weights_for(len(predictions)), predictions, strict=True):
            if weight:
                part = weight * self._single(output, _on_grid(labels, output))
                total = part if total is None else total + part
        assert total is not None
        return total

    def _single(self, output: Tensor, labels: Tensor) -> Tensor:
        value: Tensor = self.loss(output, labels)
        return value

    def _weights_for(self, n_outputs: int) -> list[float]:
        weights = self.weights
        if weights is None:
            weights = [0.5**level for level in range(n_outputs)]
            weights = weights if n_outputs == 1 else [*weights[:-1], 0.0]
        if len(weights) != n_outputs or not n_outputs:
            raise ShapeError(
                f"DeepSupervisionLoss has {len(weights)} weights, and the network gave {n_outputs} outputs",
                expected="one weight per output, finest first",
            )
        return [weight / sum(weights) for weight in weights]


def _on_grid(labels: Tensor, output: Tensor) -> Tensor:
    """Return the labels on the grid of an output: of each of its voxels the label at its centre."""
    n_axes = output.ndim - 2
    for axis, size in zip(range(-n_axes, 0), output.shape[2:], strict=True):
        old = labels.shape[axis]
        if old != size:
            centres = (torch.arange(size, device=labels.device) + 0.5) * (old / size)
            labels = labels.index_select(axis, centres.long().clamp_(max=old - 1))
    return labels
