"""Arithmetic on whole batches, each element with parameters of its own; tensors stay on their device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from eisen.transforms.functional.noise import gaussian_noise
from eisen.transforms.functional.tensors import fresh

__all__ = ["gamma_batch", "noise_batch", "scale_shift_batch"]


def scale_shift_batch(values: Any, scales: Sequence[float], shifts: Sequence[float]) -> Any:
    """Return x * scale + shift, with one scale and one shift per element.

    Args:
        values: Tensor of shape (n, ...).
        scales: n numbers.
        shifts: n numbers.

    Example:
        >>> import torch
        >>> scale_shift_batch(torch.ones(2, 2), [1, 2], [0, 0.5])
        tensor([[1.0000, 1.0000],
                [2.5000, 2.5000]])
    """
    result = fresh(values)
    return result.mul_(_per_element(scales, result)).add_(_per_element(shifts, result))


def gamma_batch(values: Any, exponents: Sequence[float], inverted: Sequence[bool]) -> Any:
    """Bend the intensities of each element by a power law; its smallest and largest stay where they are.

    Args:
        values: Tensor of shape (n, ...).
        exponents: n positive numbers; above 1 darkens the middle.
        inverted: Whether the negative of each element is bent.

    Example:
        >>> import torch
        >>> gamma_batch(torch.tensor([[-1.0, 0.0, 1.0], [-1.0, 0.0, 1.0]]), [2, 2], [False, True])
        tensor([[-1.0000, -0.5000,  1.0000],
                [-1.0000,  0.5000,  1.0000]])
    """
    import torch

    result = fresh(values)
    if not result.numel():
        return result
    shape = (-1, *[1] * (result.ndim - 1))
    low, high = (bound.view(shape) for bound in result.reshape(len(result), -1).aminmax(dim=1))
    is_inverted = torch.tensor(inverted, device=result.device).view(shape)
    first, spread = torch.where(is_inverted, high, low), torch.where(is_inverted, low - high, high - low)
    safe = torch.where(spread == 0, 1, spread)
    result.sub_(first).div_(safe).clamp_(0, 1).log2_().mul_(_per_element(exponents, result)).exp2_()
    return result.mul_(spread).add_(first)


def noise_batch(values: Any, stds: Sequence[float], seeds: Sequence[Sequence[int]]) -> Any:
    """Add Gaussian noise, each element its own.

    Args:
        values: Tensor of shape (n, ...).
        stds: Standard deviation of each element.
        seeds: Seed of each element, as `gaussian_noise` takes it.

    Example:
        >>> import torch
        >>> noisy = noise_batch(torch.zeros(2, 1000), [0, 1], [[1], [2]])
        >>> noisy.std(dim=1).round()
        tensor([0., 1.])
    """
    import torch

    result = torch.empty_like(values, dtype=torch.float64 if values.dtype == torch.float64 else torch.float32)
    for place, (std, seed) in enumerate(zip(stds, seeds, strict=True)):
        result[place] = gaussian_noise(values[place], std, seed)
    return result


def _per_element(numbers: Sequence[float], like: Any) -> Any:
    """Return one number per element in a shape that spreads over the element."""
    import torch

    # float64 first: a factor of a single element is not rounded before it is used either
    return torch.tensor(numbers, dtype=torch.float64).to(like).view(-1, *[1] * (like.ndim - 1))
