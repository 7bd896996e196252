"""Random brightness, contrast and power laws. They belong on image fields only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError
from eisen.transforms.arguments import checked_probability, checked_range
from eisen.transforms.augment.channels import RandomIntensityStep, Spot
from eisen.transforms.functional.batched import gamma_batch, scale_shift_batch
from eisen.transforms.functional.intensity import scale_shift
from eisen.transforms.functional.mapping import contrast, gamma

__all__ = ["RandomContrast", "RandomGamma", "RandomIntensityScaleShift"]


class RandomIntensityScaleShift(RandomIntensityStep):
    """Multiply intensities by a random factor and add a random number, the same for all fields of a case.

    Args:
        fields: Names of the image fields.
        scale: Factor, 1 minus to 1 plus this, or between two numbers.
        shift: Added number, from minus to plus this, or between two numbers, in the unit of the image.
        p: Probability that a case is changed.
        channelwise: Draw for each channel (slice along the first axis) by itself.
        p_channel: Probability that a channel of a changed case is changed; needs `channelwise`.

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
        *,
        channelwise: bool = False,
        p_channel: float = 1.0,
    ) -> None:
        super().__init__(fields, p, channelwise=channelwise, p_channel=p_channel)
        self.scale = checked_range(scale, "scale", type(self).__name__, around=1)
        self.shift = checked_range(shift, "shift", type(self).__name__, around=0)

    def draw_change(self, rng: np.random.Generator) -> tuple[float, float]:
        """Draw factor and summand."""
        return float(rng.uniform(*self.scale)), float(rng.uniform(*self.shift))

    def change(self, value: object, drawn: tuple[float, float], spot: Spot) -> object:  # noqa: ARG002
        """Change one image."""
        return scale_shift(value, *drawn)

    def apply_batch(self, values: Mapping[str, Any], params: Sequence[tuple[float, float]]) -> dict[str, Any] | None:
        """Change all images of a batch at once."""
        if self.channelwise:
            return None
        scales, shifts = zip(*params, strict=True)
        return {field: scale_shift_batch(value, scales, shifts) for field, value in values.items()}


class RandomContrast(RandomIntensityStep):
    """Strengthen or weaken the contrast: intensities move away from their mean, or towards it.

    Args:
        fields: Names of the image fields.
        factor: Factor on the distance from the mean, 1 minus to 1 plus this, or between two numbers. Factors below and
            above 1 are equally likely, however wide each side is.
        preserve_range: Cut off what gets below the smallest or above the largest intensity of before.
        p: Probability that a case is changed.
        channelwise: Draw for each channel (slice along the first axis) by itself.
        p_channel: Probability that a channel of a changed case is changed; needs `channelwise`.

    Source: F. Isensee et al., nnU-Net, Nature Methods 18, 2021, supplementary note 2.

    Example:
        >>> RandomContrast(["image"], factor=(0.5, 0.5))({"image": np.array([0.0, 2.0, 4.0])})["image"]
        array([1., 2., 3.])
    """

    def __init__(
        self,
        fields: Sequence[str],
        factor: float | Sequence[float] = (0.75, 1.25),
        preserve_range: bool = True,
        p: float = 1.0,
        *,
        channelwise: bool = False,
        p_channel: float = 1.0,
    ) -> None:
        super().__init__(fields, p, channelwise=channelwise, p_channel=p_channel)
        self.factor = checked_range(factor, "factor", type(self).__name__, around=1)
        self.preserve_range = preserve_range
        if self.factor[0] <= 0:
            raise ArgumentError(f"RandomContrast: factor is {factor!r}", expected="numbers above 0")

    def draw_change(self, rng: np.random.Generator) -> float:
        """Draw the side of 1, then the factor."""
        low, high = self.factor
        if low < 1 < high:
            low, high = (low, 1.0) if rng.random() < 0.5 else (1.0, high)
        return float(rng.uniform(low, high))

    def change(self, value: object, drawn: float, spot: Spot) -> object:  # noqa: ARG002
        """Change one image."""
        return contrast(value, drawn, self.preserve_range)


class RandomGamma(RandomIntensityStep):
    """Bend intensities by a random power law; the smallest and the largest of an image stay what they are.

    Images of any range can be bent: they are brought to 0...1 by their smallest and largest value, and back.

    Args:
        fields: Names of the image fields.
        gamma: Exponent, between two positive numbers; above 1 darkens the middle. Exponents below and above 1 are
            equally likely if the range is as wide on both sides (it is drawn on a logarithmic scale).
        p: Probability that a case is changed.
        invert_p: Probability that the negative of the image is bent, which spares the bright end instead of the dark.
        retain_stats: Give the bent image the mean and the standard deviation of before.
        channelwise: Draw for each channel (slice along the first axis) by itself.
        p_channel: Probability that a channel of a changed case is changed; needs `channelwise`.

    Source: F. Isensee et al., nnU-Net, Nature Methods 18, 2021, supplementary note 2, for the last four.

    Example:
        >>> RandomGamma(["image"], gamma=(2, 2))({"image": np.array([-1.0, 0.0, 1.0])})["image"]
        array([-1. , -0.5,  1. ])
    """

    def __init__(
        self,
        fields: Sequence[str],
        gamma: Sequence[float] = (0.7, 1.5),
        p: float = 1.0,
        *,
        invert_p: float = 0.0,
        retain_stats: bool = False,
        channelwise: bool = False,
        p_channel: float = 1.0,
    ) -> None:
        super().__init__(fields, p, channelwise=channelwise, p_channel=p_channel)
        self.gamma = checked_range(gamma, "gamma", type(self).__name__)
        self.invert_p = checked_probability(invert_p, type(self).__name__, "invert_p")
        self.retain_stats = retain_stats
        if self.gamma[0] <= 0:
            raise ArgumentError(f"RandomGamma: gamma is {gamma!r}", expected="two positive numbers")

    def draw_change(self, rng: np.random.Generator) -> tuple[float, bool]:
        """Draw the exponent, and whether the negative is bent."""
        exponent = float(np.exp(rng.uniform(*np.log(self.gamma))))
        return exponent, bool(rng.random() < self.invert_p)

    def change(self, value: object, drawn: tuple[float, bool], spot: Spot) -> object:  # noqa: ARG002
        """Change one image."""
        return gamma(value, *drawn, self.retain_stats)

    def apply_batch(self, values: Mapping[str, Any], params: Sequence[tuple[float, bool]]) -> dict[str, Any] | None:
        """Bend all images of a batch at once."""
        if self.channelwise or self.retain_stats:
            return None
        exponents, inverted = zip(*params, strict=True)
        return {field: gamma_batch(value, exponents, inverted) for field, value in values.items()}
