"""Random noise."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError
from eisen.transforms.arguments import checked_range
from eisen.transforms.augment.channels import RandomIntensityStep, Spot
from eisen.transforms.functional.batched import noise_batch
from eisen.transforms.functional.noise import gaussian_noise, rician_noise

__all__ = ["RandomNoise", "RandomRicianNoise"]


class RandomNoise(RandomIntensityStep):
    """Add Gaussian noise of a random strength; every field of a case gets noise of its own.

    Args:
        fields: Names of the image fields.
        std: Standard deviation of the noise, between two numbers, in the unit of the image.
        p: Probability that a case is changed.
        channelwise: Draw the strength for each channel (slice along the first axis) by itself.
        p_channel: Probability that a channel of a changed case is changed; needs `channelwise`.

    Example:
        >>> noisy = RandomNoise(["image"], std=(0.1, 0.1))({"image": np.zeros((64, 64), "float32")})["image"]
        >>> round(float(noisy.std()), 1), noisy.dtype
        (0.1, dtype('float32'))
    """

    def __init__(
        self,
        fields: Sequence[str],
        std: Sequence[float] = (0, 0.1),
        p: float = 1.0,
        *,
        channelwise: bool = False,
        p_channel: float = 1.0,
    ) -> None:
        super().__init__(fields, p, channelwise=channelwise, p_channel=p_channel)
        self.std = checked_range(std, "std", type(self).__name__)
        if self.std[0] < 0:
            raise ArgumentError(f"{type(self).__name__}: std is {std!r}", expected="two numbers from 0")

    def draw_change(self, rng: np.random.Generator) -> tuple[float, int]:
        """Draw the strength, and the seed of the noise."""
        return float(rng.uniform(*self.std)), int(rng.integers(2**63))

    def change(self, value: Any, drawn: tuple[float, int], spot: Spot) -> Any:
        """Change one image."""
        std, seed = drawn
        return gaussian_noise(value, std, (seed, spot.number))

    def apply_batch(self, values: Mapping[str, Any], params: Sequence[tuple[float, int]]) -> dict[str, Any] | None:
        """Change all images of a batch at once."""
        if self.channelwise:
            return None
        stds = [std for std, _ in params]
        seeds = {field: [(seed, self.fields.index(field)) for _, seed in params] for field in values}
        return {field: noise_batch(value, stds, seeds[field]) for field, value in values.items()}


class RandomRicianNoise(RandomNoise):
    """Add the noise of an MR magnitude image, where air is never negative; every field gets noise of its own.

    It belongs before normalisation, while intensities are 0 or more: below 0 they would be mirrored.

    Args:
        fields: Names of the image fields.
        std: Standard deviation of the noise in each part of the complex image, between two numbers, as a fraction of
            the largest intensity.
        p: Probability that a case is changed.
        channelwise: Draw the strength for each channel (slice along the first axis) by itself.
        p_channel: Probability that a channel of a changed case is changed; needs `channelwise`.

    Source: H. Gudbjartsson, S. Patz, The Rician distribution of noisy MRI data, MRM 34(6), 1995, eq. 1.

    Example:
        >>> noisy = RandomRicianNoise(["mr"])({"mr": np.linspace(0, 900, 64, dtype="float32")})["mr"]
        >>> bool(noisy.min() >= 0)
        True
    """

    def __init__(
        self,
        fields: Sequence[str],
        std: Sequence[float] = (0, 0.05),
        p: float = 1.0,
        *,
        channelwise: bool = False,
        p_channel: float = 1.0,
    ) -> None:
        super().__init__(fields, std, p, channelwise=channelwise, p_channel=p_channel)

    def change(self, value: Any, drawn: tuple[float, int], spot: Spot) -> Any:
        """Change one image."""
        fraction, seed = drawn
        largest = float(value.max()) if min(value.shape, default=1) else 0.0
        return rician_noise(value, fraction * max(largest, 0.0), (seed, spot.number))
