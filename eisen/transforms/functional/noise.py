"""Noise that is a function of its seed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eisen.transforms.functional.tensors import on_tensors

__all__ = ["gaussian_noise", "rician_noise"]


@on_tensors
def gaussian_noise(array: Any, std: float, seed: int | Sequence[int]) -> Any:
    """Add Gaussian noise.

    The numbers come from a generator of torch on the device of the array, so the host and an accelerator draw different
    noise from one seed; each always draws the same.

    Args:
        array: Any shape.
        std: Standard deviation, in the unit of the array.
        seed: One or several whole numbers from 0; the same seed gives the same noise.

    Example:
        >>> noisy = gaussian_noise(np.zeros(10_000), 2.0, seed=1)
        >>> round(float(noisy.std()), 1)
        2.0
    """
    return _normal(array, std, seed).add_(array).to(_result_type(array))


@on_tensors
def rician_noise(array: Any, std: float, seed: int | Sequence[int]) -> Any:
    """Add the noise of a magnitude image: Gaussian in the real and the imaginary part, then the magnitude.

    Args:
        array: Any shape, intensities from 0.
        std: Standard deviation of each part, in the unit of the array.
        seed: One or several whole numbers from 0; the same seed gives the same noise.

    Source: H. Gudbjartsson, S. Patz, The Rician distribution of noisy MRI data, MRM 34(6), 1995, eq. 1.

    Example:
        >>> noisy = rician_noise(np.zeros(100_000), 1.0, seed=1)
        >>> bool(noisy.min() >= 0), round(float(noisy.mean()), 2)  # a Rayleigh distribution, sqrt(pi / 2)
        (True, 1.25)
    """
    numbers = [*seed] if isinstance(seed, Sequence) else [seed]
    real = _normal(array, std, [*numbers, 0]).add_(array)
    imaginary = _normal(array, std, [*numbers, 1])
    return real.square_().add_(imaginary.square_()).sqrt_().to(_result_type(array))


def _normal(like: Any, std: float, seed: int | Sequence[int]) -> Any:
    """Return float32 noise in the shape and place of a tensor."""
    import torch

    generator = torch.Generator(like.device)
    generator.manual_seed(int(np.random.SeedSequence(seed).generate_state(1, np.uint64)[0] >> 1))
    if like.device.type == "cpu":  # memory of NumPy comes in huge pages, that of torch does not
        noise = torch.from_numpy(np.empty(tuple(like.shape), dtype=np.float32))
    else:
        noise = torch.empty(like.shape, dtype=torch.float32, device=like.device)
    return noise.normal_(0, std, generator=generator)


def _result_type(tensor: Any) -> Any:
    import torch

    return torch.float64 if tensor.dtype == torch.float64 else torch.float32
