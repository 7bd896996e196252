"""Losses of two networks that learn from each other: one makes images, the other tells them from real ones."""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from eisen._core.errors import ArgumentError, ShapeError, nearest
from eisen.ops.losses.base import check_range

__all__ = ["AdversarialLoss", "GradientPenalty", "WassersteinLoss"]

Kind = Literal["cross_entropy", "least_squares"]


class AdversarialLoss(nn.Module):
    """How badly a discriminator tells real from generated images; `generator` is how badly it is deceived.

    ``cross_entropy``: ``-mean(log D(real)) - mean(log(1 - D(generated)))``, and for the generator
    ``-mean(log D(generated))``, whose gradient does not vanish while the discriminator is far ahead. ``least_squares``:
    half the mean squared distance of the scores from 1 (real) and 0 (generated), and for the generator from 1.

    Args:
        kind: ``cross_entropy`` or ``least_squares``.
        smoothing: What the target of real images is lowered by, from 0 to less than 1; the target of generated ones
            stays 0 (one-sided).

    Raises:
        ArgumentError: If an argument is not one of these.

    Source:
        Goodfellow et al. 2014, arXiv:1406.2661, section 3 (the non-saturating form); Mao et al. 2017, Least squares
        generative adversarial networks, arXiv:1611.04076, equation 9; Salimans et al. 2016, arXiv:1606.03498, section
        3.4 (smoothing).

    Example:
        >>> loss = AdversarialLoss()
        >>> undecided = torch.zeros(4, 1)
        >>> round(loss(undecided, undecided).item(), 4), round(loss.generator(undecided).item(), 4)  # 2 ln 2, ln 2
        (1.3863, 0.6931)
    """

    def __init__(self, kind: Kind = "cross_entropy", smoothing: float = 0.0) -> None:
        super().__init__()
        if kind not in get_args(Kind):
            raise ArgumentError(
                f"AdversarialLoss: kind is {kind!r}",
                expected=f"one of: {', '.join(get_args(Kind))}",
                to_do=nearest(str(kind), get_args(Kind)) or "choose one of them",
            )
        check_range("AdversarialLoss", "smoothing", smoothing, 0.0, 1.0)
        self.kind = kind
        self.smoothing = smoothing

    def forward(self, real: Tensor, generated: Tensor) -> Tensor:
        """Return the loss of the discriminator, a tensor without axes.

        Args:
            real: Its scores (logits) of real images, any shape.
            generated: Its scores of generated images, any shape.
        """
        return self._distance(real, 1.0 - self.smoothing) + self._distance(generated, 0.0)

    def generator(self, generated: Tensor) -> Tensor:
        """Return the loss of the generator, a tensor without axes.

        Args:
            generated: Scores (logits) that the discriminator gives to generated images, any shape.
        """
        return self._distance(generated, 1.0)

    def _distance(self, scores: Tensor, target: float) -> Tensor:
        wanted = torch.full_like(scores, target)
        if self.kind == "least_squares":
            return functional.mse_loss(scores, wanted) / 2
        return functional.binary_cross_entropy_with_logits(scores, wanted)


class WassersteinLoss(nn.Module):
    """How far a critic sees real and generated images apart: ``mean(generated) - mean(real)`` of its scores.

    With a critic whose slope is held at 1, by `GradientPenalty`, its negative is an estimate of the distance between
    the two distributions.

    Source:
        Arjovsky et al. 2017, Wasserstein GAN, arXiv:1701.07875, algorithm 1.

    Example:
        >>> loss = WassersteinLoss()
        >>> loss(torch.tensor([3.0, 5.0]), torch.tensor([1.0])), loss.generator(torch.tensor([1.0]))
        (tensor(-3.), tensor(-1.))
    """

    def forward(self, real: Tensor, generated: Tensor) -> Tensor:
        """Return the loss of the critic, a tensor without axes.

        Args:
            real: Its scores of real images, any shape.
            generated: Its scores of generated images, any shape.
        """
        return generated.mean() - real.mean()

    def generator(self, generated: Tensor) -> Tensor:
        """Return the loss of the generator, a tensor without axes.

        Args:
            generated: Scores that the critic gives to generated images, any shape.
        """
        return -generated.mean()


class GradientPenalty(nn.Module):
    """Hold the slope of a critic at 1: ``weight * mean((||grad D(x)|| - 1)^2)``.

    Each x lies at a random place on the line between a real and a generated image, drawn from torch's generator, whose
    state is part of a checkpoint. The norm is that of the gradient of one image, over channels and all axes.

    Args:
        weight: Factor, 0 or more; lambda of the paper.

    Raises:
        ArgumentError: If the weight is negative.

    Source:
        Gulrajani et al. 2017, Improved training of Wasserstein GANs, arXiv:1704.00028, equation 3 and algorithm 1.

    Example:
        >>> images = torch.randn(4, 1, 8, 8)
        >>> penalty = GradientPenalty(weight=10)
        >>> penalty(lambda x: x.flatten(1).sum(1), images, -images).item()  # a slope of 8: 10 * (8 - 1)^2
        490.0
    """

    def __init__(self, weight: float = 10.0) -> None:
        super().__init__()
        check_range("GradientPenalty", "weight", weight, 0.0, float("inf"))
        self.weight = weight

    def forward(self, critic: nn.Module, real: Tensor, generated: Tensor) -> Tensor:
        """Return the penalty, a tensor without axes; its gradient reaches the weights of the critic.

        Args:
            critic: Gives each image a number, without mixing images of a batch (no batch normalization).
            real: Real images (N, C, ...).
            generated: As many generated images.

        Raises:
            ShapeError: If the images are not equally many and large.
        """
        if real.shape != generated.shape:
            raise ShapeError(
                f"GradientPenalty got real images of shape {tuple(real.shape)}, generated of {tuple(generated.shape)}",
                expected="the same shape: they are mixed in pairs",
            )
        share = torch.rand(len(real), *[1] * (real.ndim - 1), dtype=real.dtype).to(real.device)
        between = torch.lerp(generated.detach(), real.detach(), share).requires_grad_()
        with torch.enable_grad():
            score = critic(between).sum()
            (slope,) = torch.autograd.grad(score, between, create_graph=True)
        norm: Tensor = slope.flatten(1).norm(dim=1)
        penalty: Tensor = self.weight * (norm - 1).square().mean()
        return penalty
