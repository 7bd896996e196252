"""Random artifacts of MR scanners: uneven brightness, ghosts, stripes.

They act on the image as the scanner made it, so they belong before normalisation.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError
from eisen._core.types import Array
from eisen.transforms.arguments import checked_axes, checked_counts, checked_range
from eisen.transforms.augment.blur import checked_spatial_dims
from eisen.transforms.augment.channels import RandomIntensityStep, Spot, spatial_axes
from eisen.transforms.functional.bias import bias_field, n_bias_coefficients
from eisen.transforms.functional.kspace import ghosting, spike

__all__ = ["RandomBiasField", "RandomGhosting", "RandomSpike"]


class RandomBiasField(RandomIntensityStep):
    """Make one side of an MR image brighter than the other, as the coil of a scanner does.

    The image is multiplied by the exponential of a random polynomial, which is 1 at the centre. It belongs before
    normalisation, while intensities are 0 or more.

    Args:
        fields: Names of the image fields.
        strength: Largest coefficient of the polynomial, 0 or more; 0.3 gives factors of about 0.5 to 2 in the corners.
        order: Order of the polynomial, 1 to 6; a higher one makes finer patches.
        p: Probability that a case is changed.
        channelwise: Draw for each channel (slice along the first axis) by itself.
        p_channel: Probability that a channel of a changed case is changed; needs `channelwise`.
        spatial_dims: 2 for channel-first pictures, 3 for volumes; None: 3, or 2 for arrays of two axes.

    Source: K. Van Leemput et al., Automated model-based bias field correction of MR images of the brain, IEEE TMI
    18(10), 1999; C. Sudre et al., Medical Image Analysis 38, 2017, sec. 2.

    Example:
        >>> shaded = RandomBiasField(["mr"])({"mr": np.ones((9, 9, 9), "float32")})["mr"]
        >>> float(shaded[4, 4, 4]), bool(shaded.std() > 0)
        (1.0, True)
    """

    def __init__(
        self,
        fields: Sequence[str],
        strength: float = 0.3,
        order: int = 3,
        p: float = 1.0,
        *,
        channelwise: bool = False,
        p_channel: float = 1.0,
        spatial_dims: int | None = None,
    ) -> None:
        super().__init__(fields, p, channelwise=channelwise, p_channel=p_channel)
        owner = type(self).__name__
        self.strength = strength
        self.order = order
        self.spatial_dims = checked_spatial_dims(spatial_dims, owner)
        if isinstance(strength, bool) or not isinstance(strength, int | float) or not 0 <= strength < np.inf:
            raise ArgumentError(f"{owner}: strength is {strength!r}", expected="a number from 0")
        if isinstance(order, bool) or not isinstance(order, int) or not 1 <= order <= 6:
            raise ArgumentError(f"{owner}: order is {order!r}", expected="a whole number from 1 to 6")

    def draw_change(self, rng: np.random.Generator) -> Array:
        """Draw the coefficients of a polynomial in three axes; a picture needs fewer."""
        return rng.uniform(-self.strength, self.strength, size=n_bias_coefficients(self.order))

    def change(self, value: Any, drawn: Array, spot: Spot) -> Any:
        """Shade one image."""
        d = spatial_axes(value.shape, self.spatial_dims, spot.spacing is not None, type(self).__name__)
        return bias_field(value, drawn[: n_bias_coefficients(self.order, d)], self.order, d)


class RandomGhosting(RandomIntensityStep):
    """Add faint displaced copies along one axis, as breathing and pulsating vessels do in MR images.

    Args:
        fields: Names of the image fields.
        n_ghosts: Number of copies along the axis, between two whole numbers from 2.
        intensity: Strength of the copies, between two numbers from 0 to 1.
        axes: Spatial axes, counted from 0, one of which is drawn as the phase encoding.
        keep: Fraction of k-space around its centre that stays, and with it the contrast; 0 to 1.
        p: Probability that a case is changed.
        channelwise: Draw for each channel (slice along the first axis) by itself.
        p_channel: Probability that a channel of a changed case is changed; needs `channelwise`.
        spatial_dims: 2 for channel-first pictures, 3 for volumes; None: 3, or 2 for arrays of two axes.

    Example:
        >>> image = np.zeros((16, 16), "float32")
        >>> image[6:10, 6:10] = 1
        >>> ghosts = RandomGhosting(["mr"], n_ghosts=(2, 2), intensity=(1, 1), axes=[0])({"mr": image})["mr"]
        >>> bool(abs(ghosts[14:, 7]).max() > 0.1), bool(abs(ghosts[:, 14:]).max() > 0.1)
        (True, False)
    """

    def __init__(
        self,
        fields: Sequence[str],
        n_ghosts: Sequence[int] = (3, 8),
        intensity: Sequence[float] = (0.3, 0.8),
        axes: Sequence[int] = (0, 1),
        keep: float = 0.02,
        p: float = 1.0,
        *,
        channelwise: bool = False,
        p_channel: float = 1.0,
        spatial_dims: int | None = None,
    ) -> None:
        super().__init__(fields, p, channelwise=channelwise, p_channel=p_channel)
        owner = type(self).__name__
        self.n_ghosts = checked_counts(n_ghosts, "n_ghosts", owner, at_least=2)
        self.intensity = checked_range(intensity, "intensity", owner)
        self.axes = checked_axes(axes, "axes", owner)
        self.keep = keep
        self.spatial_dims = checked_spatial_dims(spatial_dims, owner)
        if not 0 <= self.intensity[0] <= self.intensity[1] <= 1:
            raise ArgumentError(f"{owner}: intensity is {intensity!r}", expected="two numbers from 0 to 1")
        if not self.axes:
            raise ArgumentError(f"{owner}: axes is {axes!r}", expected="at least one spatial axis: 0, 1, 2")
        if isinstance(keep, bool) or not isinstance(keep, int | float) or not 0 <= keep <= 1:
            raise ArgumentError(f"{owner}: keep is {keep!r}", expected="a fraction from 0 to 1")

    def draw_change(self, rng: np.random.Generator) -> tuple[int, float, float]:
        """Draw number, strength, and where among the axes the direction is."""
        low, high = self.n_ghosts
        return int(rng.integers(low, high + 1)), float(rng.uniform(*self.intensity)), float(rng.random())

    def change(self, value: Any, drawn: tuple[int, float, float], spot: Spot) -> Any:
        """Add ghosts to one image."""
        n_ghosts, intensity, place = drawn
        d = spatial_axes(value.shape, self.spatial_dims, spot.spacing is not None, type(self).__name__)
        axis = drawn_axis(self.axes, d, place)
        return ghosting(value, n_ghosts, intensity, axis - d, self.keep)


class RandomSpike(RandomIntensityStep):
    """Put regular stripes over images, as a spark in the room of an MR scanner does.

    Args:
        fields: Names of the image fields.
        intensity: Height of the stripes in standard deviations of the image, between two numbers from 0.
        frequency: Where in k-space the spike is, as a fraction of the highest frequency, between two numbers from 0 to
            1; higher ones make finer stripes.
        p: Probability that a case is changed.
        channelwise: Draw for each channel (slice along the first axis) by itself.
        p_channel: Probability that a channel of a changed case is changed; needs `channelwise`.
        spatial_dims: 2 for channel-first pictures, 3 for volumes; None: 3, or 2 for arrays of two axes.

    Example:
        >>> image = np.random.default_rng(0).normal(size=(32, 32)).astype("float32")
        >>> change = RandomSpike(["mr"], intensity=(1, 1))({"mr": image})["mr"] - image
        >>> bool(0.9 < abs(change).max() <= 1.1)
        True
    """

    def __init__(
        self,
        fields: Sequence[str],
        intensity: Sequence[float] = (0.1, 0.5),
        frequency: Sequence[float] = (0.15, 0.6),
        p: float = 1.0,
        *,
        channelwise: bool = False,
        p_channel: float = 1.0,
        spatial_dims: int | None = None,
    ) -> None:
        super().__init__(fields, p, channelwise=channelwise, p_channel=p_channel)
        owner = type(self).__name__
        self.intensity = checked_range(intensity, "intensity", owner)
        self.frequency = checked_range(frequency, "frequency", owner)
        self.spatial_dims = checked_spatial_dims(spatial_dims, owner)
        if self.intensity[0] < 0:
            raise ArgumentError(f"{owner}: intensity is {intensity!r}", expected="two numbers from 0")
        if not 0 <= self.frequency[0] <= self.frequency[1] <= 1:
            raise ArgumentError(f"{owner}: frequency is {frequency!r}", expected="two numbers from 0 to 1")

    def draw_change(self, rng: np.random.Generator) -> tuple[Array, float, float]:
        """Draw the spike as a fraction of the highest frequency of each axis, its height, and its phase."""
        direction = rng.normal(size=3)
        spike_at = rng.uniform(*self.frequency) * direction / np.abs(direction).max()
        return spike_at, float(rng.uniform(*self.intensity)), float(rng.uniform(0, 2 * np.pi))

    def change(self, value: Any, drawn: tuple[Array, float, float], spot: Spot) -> Any:
        """Put stripes over one image."""
        place, intensity, phase = drawn
        d = spatial_axes(value.shape, self.spatial_dims, spot.spacing is not None, type(self).__name__)
        waves = [round(float(f) * (n // 2)) for f, n in zip(place[-d:], value.shape[-d:], strict=True)]
        return spike(value, waves, intensity, phase)


def drawn_axis(axes: Sequence[int], d: int, place: float) -> int:
    """Return one of the axes that an array with `d` spatial axes has, by a random number from 0 to 1."""
    present = [axis for axis in axes if axis < d] or list(range(d))
    return present[min(int(place * len(present)), len(present) - 1)]
