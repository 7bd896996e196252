"""Losses that know how far away a mistake is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from eisen._core.errors import ArgumentError, ShapeError
from eisen._core.types import Array
from eisen.ops.layers.activation import Activation
from eisen.ops.losses.base import VoxelLoss, check_range

__all__ = ["BoundaryLoss", "HausdorffLoss"]


class _DistanceLoss(VoxelLoss):
    """What the two losses share: distances, measured on the CPU, in mm or voxels."""

    def __init__(self, include_background: bool, activation: Activation, spacing_mm: Sequence[float] | None) -> None:
        super().__init__(include_background, activation)
        self.spacing_mm = None if spacing_mm is None else tuple(float(length) for length in spacing_mm)
        if self.spacing_mm is not None and not all(0 < length < float("inf") for length in self.spacing_mm):
            raise ArgumentError(f"{type(self).__name__}: spacing_mm is {spacing_mm!r}", expected="lengths above 0")

    def spacing(self, n_axes: int) -> tuple[float, ...]:
        """Return the edge lengths of a voxel; 1 without `spacing_mm`."""
        if self.spacing_mm is None:
            return (1.0,) * n_axes
        if len(self.spacing_mm) != n_axes:
            raise ShapeError(
                f"{type(self).__name__} has {len(self.spacing_mm)} numbers in spacing_mm for {n_axes} spatial axes",
                expected="one per axis",
            )
        return self.spacing_mm


class BoundaryLoss(_DistanceLoss):
    """Mean over voxels of the probability times the signed distance to the border of the reference.

    Probability far outside costs, probability inside pays; the minimum is negative. It says nothing where a class is
    absent, and is used together with a Dice or cross entropy loss whose weight falls while this one's grows.

    Args:
        include_background: Whether class 0 counts.
        activation: How predictions become probabilities: ``softmax``, ``sigmoid`` or ``none``.
        weight: Factor of the result.
        spacing_mm: Edge lengths of a voxel, one per spatial axis; None: distances are voxels.

    Source:
        Kervadec et al. 2019, arXiv:1812.07032, equation 5.

    Example:
        >>> labels = torch.tensor([[[0, 0, 1, 1, 0, 0]]])
        >>> right, far = torch.zeros(2, 1, 2, 6)
        >>> right[0, 1, 2], far[0, 1, 0] = 1, 1
        >>> loss = BoundaryLoss(activation="none")
        >>> loss(predictions=right, labels=labels) < loss(predictions=far, labels=labels)
        tensor(True)
    """

    def __init__(
        self,
        include_background: bool = False,
        activation: Activation = "softmax",
        weight: float = 1.0,
        spacing_mm: Sequence[float] | None = None,
    ) -> None:
        super().__init__(include_background, activation, spacing_mm)
        self.weight = weight

    def forward(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Return the loss, a tensor without axes.

        Args:
            predictions: (N, C, ...).
            labels: Label map (N, 1, ...) or (N, ...), or one-hot (N, C, ...).
        """
        _, probabilities, reference, _ = self.compared(predictions, labels)
        inside, outside = _border_distances(reference, self.spacing(reference.ndim - 2))
        signed = self.foreground((outside - inside).to(probabilities))
        return self.weight * (self.foreground(probabilities) * signed).mean()


class HausdorffLoss(_DistanceLoss):
    """Mean over voxels of the squared error times the distances to both borders: far mistakes cost most.

    ``(p - l)^2 (d_p^alpha + d_l^alpha)``, where ``d`` is the distance to the border of the prediction (cut at 0.5)
    and of the reference. Zero for a perfect prediction.

    Args:
        alpha: Power of the distances, above 0; 2 in the paper.
        include_background: Whether class 0 counts.
        activation: How predictions become probabilities: ``softmax``, ``sigmoid`` or ``none``.
        weight: Factor of the result.
        spacing_mm: Edge lengths of a voxel, one per spatial axis; None: distances are voxels.

    Source:
        Karimi and Salcudean 2019, arXiv:1904.10030, equation 8.

    Example:
        >>> labels = torch.tensor([[[0, 0, 1, 1, 0, 0]]])
        >>> perfect = torch.tensor([[[1.0, 1, 0, 0, 1, 1], [0, 0, 1, 1, 0, 0]]])
        >>> round(HausdorffLoss(activation="none")(predictions=perfect, labels=labels).item(), 6)
        0.0
    """

    def __init__(
        self,
        alpha: float = 2.0,
        include_background: bool = False,
        activation: Activation = "softmax",
        weight: float = 1.0,
        spacing_mm: Sequence[float] | None = None,
    ) -> None:
        super().__init__(include_background, activation, spacing_mm)
        check_range("HausdorffLoss", "alpha", alpha, 1e-9, float("inf"))
        self.alpha = alpha
        self.weight = weight

    def forward(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Return the loss, a tensor without axes.

        Args:
            predictions: (N, C, ...).
            labels: Label map (N, 1, ...) or (N, ...), or one-hot (N, C, ...).
        """
        _, probabilities, reference, _ = self.compared(predictions, labels)
        spacing = self.spacing(reference.ndim - 2)
        cost: Tensor | float = 0.0
        for mask in (probabilities.detach() >= 0.5, reference):
            inside, outside = _border_distances(mask, spacing)
            cost = cost + (inside + outside).pow(self.alpha).to(probabilities)
        error = (probabilities - reference.to(probabilities)).square()
        return self.weight * self.foreground(error * cost).mean()


def _border_distances(masks: Tensor, spacing: Sequence[float]) -> tuple[Tensor, Tensor]:
    """Return the distance of every voxel inside to the nearest outside, and of those outside to the nearest inside.

    Both are 0 on the other side, and everywhere where a mask is empty or full: there is no border.
    """
    host = masks.detach().cpu().numpy().astype(bool)
    inside, outside = np.zeros((2, *host.shape), np.float32)
    for number in np.ndindex(host.shape[:2]):
        voxels = host[number]
        if voxels.any() and not voxels.all():
            inside[number], outside[number] = _distance(voxels, spacing), _distance(~voxels, spacing)
    return torch.from_numpy(inside), torch.from_numpy(outside)


def _distance(mask: Array, spacing: Sequence[float]) -> Array:
    from edt import edt

    if mask.ndim > 3:
        raise ShapeError(f"distances are measured in up to 3 dimensions, not {mask.ndim}")
    anisotropy = spacing[0] if mask.ndim == 1 else tuple(spacing)
    return np.asarray(edt(np.ascontiguousarray(mask), anisotropy=anisotropy))
