"""Bringing feature maps to the size of others."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

__all__ = ["pad_to_match"]


def pad_to_match(features: Tensor, reference: Tensor) -> Tensor:
    """Return feature maps with zeros around them, so that they are as large as others.

    Needed where odd sides were halved on the way down: 33 becomes 16, and 32 on the way up. The zeros are spread over
    both sides; an odd one goes to the end.

    Args:
        features: (N, C, ...), no side larger than that of the reference.
        reference: (N, C', ...).

    Returns:
        (N, C, ...) with the sides of the reference; the same tensor if nothing is missing.

    Example:
        >>> import torch
        >>> pad_to_match(torch.ones(1, 1, 1, 2), torch.zeros(1, 1, 2, 2))
        tensor([[[[1., 1.],
                  [0., 0.]]]])
    """
    missing = [large - small for large, small in zip(reference.shape[2:], features.shape[2:], strict=True)]
    if all(isinstance(n, int) and n == 0 for n in missing):
        return features
    widths = [width for n in reversed(missing) for width in (n // 2, n - n // 2)]
    return functional.pad(features, widths)
