"""Noise that is a function of its seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from eisen._core.types import Array
from eisen.transforms.functional.intensity import floating
from eisen.transforms.functional.tensors import accepts_tensors

__all__ = ["gaussian_noise"]


@accepts_tensors
def gaussian_noise(array: Array, std: float, seed: Any) -> Array:
    """Add Gaussian noise.

    Args:
        array: Any shape.
        std: Standard deviation, in the unit of the array.
        seed: Anything `numpy.random.default_rng` takes; the same seed gives the same noise.

    Example:
        >>> noisy = gaussian_noise(np.zeros(10_000), 2.0, seed=1)
        >>> round(float(noisy.std()), 1)
        2.0
    """
    noise = np.random.default_rng(seed).standard_normal(array.shape, dtype=np.float32)
    noise *= np.float32(std)
    dtype = floating(array)
    return np.add(array, noise, out=noise if dtype == np.float32 else None, dtype=dtype)
