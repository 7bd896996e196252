"""Random variations of intensities. They belong after normalisation, and on image fields only."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eisen._core.errors import ArgumentError
from eisen._core.types import DataPoint
from eisen.transforms.arguments import checked_range
from eisen.transforms.base import RandomFieldStep
from eisen.transforms.functional import intensity
from eisen.transforms.functional.noise import gaussian_noise

__all__ = ["RandomGamma", "RandomIntensityScaleShift", "RandomNoise"]


class RandomIntensityScaleShift(RandomFieldStep):
    """Multiply intensities by a random factor and add a random number, the same for all fields of a case.

    Args:
        fields: Names of the image fields.
        scale: Factor, 1 minus to 1 plus this, or between two numbers.
        shift: Added number, from minus to plus this, or between two numbers, in the unit of the image.
        p: Probability that a case is changed.

    Example:
        >>> step = RandomIntensityScaleShift(["image"], scale=(2, 2), shift=(1, 1))
        >>> step({"image": np.array([0.0, 3.0])})["image"]
        array([1., 7.])
    """

    def __init__(
        self,
        fields: Sequence[str],
        scale: float | Sequence[float] = 0.1,
        shift: float | Sequence[float] = 0.1,
        p: float = 1.0,
    ) -> None:
        super().__init__(fields, p)
        self.scale = checked_range(scale, "scale", type(self).__name__, around=1)
        self.shift = checked_range(shift, "shift", type(self).__name__, around=0)

    def draw(self, rng: np.random.Generator, data: DataPoint) -> tuple[float, float]:  # noqa: ARG002
        """Draw factor and summand."""
        return float(rng.uniform(*self.scale)), float(rng.uniform(*self.shift))

    def apply_drawn(self, field: str, data: DataPoint, params: tuple[float, float]) -> DataPoint:
        """Change one image."""
        return {field: intensity.scale_shift(data[field], *params)}


class RandomNoise(RandomFieldStep):
    """Add Gaussian noise of a random strength; every field of a case gets noise of its own.

    Args:
        fields: Names of the image fields.
        std: Standard deviation of the noise, between two numbers, in the unit of the image.
        p: Probability that a case is changed.

    Example:
        >>> noisy = RandomNoise(["image"], std=(0.1, 0.1))({"image": np.zeros((64, 64), "float32")})["image"]
        >>> round(float(noisy.std()), 1), noisy.dtype
        (0.1, dtype('float32'))
    """

    def __init__(self, fields: Sequence[str], std: Sequence[float] = (0, 0.1), p: float = 1.0) -> None:
        super().__init__(fields, p)
        self.std = checked_range(std, "std", type(self).__name__)
        if self.std[0] < 0:
            raise ArgumentError(f"RandomNoise: std is {std!r}", expected="two numbers from 0")

    def draw(self, rng: np.random.Generator, data: DataPoint) -> tuple[float, int]:  # noqa: ARG002
        """Draw the strength, and the seed of the noise."""
        return float(rng.uniform(*self.std)), int(rng.integers(2**63))

    def apply_drawn(self, field: str, data: DataPoint, params: tuple[float, int]) -> DataPoint:
        """Change one image."""
        std, seed = params
        return {field: gaussian_noise(data[field], std, (seed, self.fields.index(field)))}


class RandomGamma(RandomFieldStep):
    """Bend intensities by a random power law; the smallest and the largest of an image stay what they are.

    Images of any range can be bent: they are brought to 0...1 by their smallest and largest value, and back.

    Args:
        fields: Names of the image fields.
        gamma: Exponent, between two positive numbers; above 1 darkens the middle. Exponents below and above 1 are
            equally likely if the range is as wide on both sides (it is drawn on a logarithmic scale).
        p: Probability that a case is changed.

    Example:
        >>> RandomGamma(["image"], gamma=(2, 2))({"image": np.array([-1.0, 0.0, 1.0])})["image"]
        array([-1. , -0.5,  1. ])
    """

    def __init__(self, fields: Sequence[str], gamma: Sequence[float] = (0.7, 1.5), p: float = 1.0) -> None:
        super().__init__(fields, p)
        self.gamma = checked_range(gamma, "gamma", type(self).__name__)
        if self.gamma[0] <= 0:
            raise ArgumentError(f"RandomGamma: gamma is {gamma!r}", expected="two positive numbers")

    def draw(self, rng: np.random.Generator, data: DataPoint) -> float:  # noqa: ARG002
        """Draw the exponent."""
        return float(np.exp(rng.uniform(*np.log(self.gamma))))

    def apply_drawn(self, field: str, data: DataPoint, params: float) -> DataPoint:
        """Change one image."""
        return {field: intensity.gamma(data[field], params)}
