"""Random holes, and missing channels: the network learns not to rely on one place or one sequence."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError
from eisen._core.optional import is_torch
from eisen._core.types import Array, DataPoint
from eisen.transforms.arguments import checked_counts, checked_probability, checked_range
from eisen.transforms.augment.blur import checked_spatial_dims
from eisen.transforms.augment.channels import RandomIntensityStep, Spot, spatial_axes
from eisen.transforms.base import RandomFieldStep, array_shape
from eisen.transforms.functional.tensors import as_array

__all__ = ["RandomChannelDropout", "RandomCoarseDropout"]


class RandomCoarseDropout(RandomIntensityStep):
    """Blank out boxes of the image at random places (cutout), the same boxes in all fields of a case.

    Args:
        fields: Names of the image fields.
        holes: Number of boxes, between two whole numbers from 1.
        size: Edge of a box as a fraction of the image along each axis, between two numbers above 0 to 1.
        fill: What the boxes are filled with: a number, or null for the mean of the image.
        p: Probability that a case is changed.
        channelwise: Draw for each channel (slice along the first axis) by itself.
        p_channel: Probability that a channel of a changed case is changed; needs `channelwise`.
        spatial_dims: 2 for channel-first pictures, 3 for volumes; None: 3, or 2 for arrays of two axes.

    Source: T. DeVries, G. W. Taylor, Improved regularization of convolutional neural networks with cutout,
    arXiv 1708.04552, 2017.

    Example:
        >>> step = RandomCoarseDropout(["image"], holes=(1, 1), size=(0.5, 0.5), fill=0)
        >>> float(step({"image": np.ones((8, 8), "float32")})["image"].mean())
        0.75
    """

    def __init__(
        self,
        fields: Sequence[str],
        holes: Sequence[int] = (3, 8),
        size: Sequence[float] = (0.15, 0.3),
        fill: float | None = None,
        p: float = 1.0,
        *,
        channelwise: bool = False,
        p_channel: float = 1.0,
        spatial_dims: int | None = None,
    ) -> None:
        super().__init__(fields, p, channelwise=channelwise, p_channel=p_channel)
        owner = type(self).__name__
        self.holes = checked_counts(holes, "holes", owner, at_least=1)
        self.size = checked_range(size, "size", owner)
        self.fill = fill
        self.spatial_dims = checked_spatial_dims(spatial_dims, owner)
        if not 0 < self.size[0] <= self.size[1] <= 1:
            raise ArgumentError(f"{owner}: size is {size!r}", expected="two fractions of the image, above 0 to 1")
        if fill is not None and (isinstance(fill, bool) or not isinstance(fill, int | float)):
            raise ArgumentError(f"{owner}: fill is {fill!r}", expected="a number, or None for the mean")

    def draw_change(self, rng: np.random.Generator) -> Array:
        """Draw place and size of each box along each of three axes, as fractions: (boxes, 2, 3)."""
        count = int(rng.integers(self.holes[0], self.holes[1] + 1))
        return np.stack([rng.random((count, 3)), rng.uniform(*self.size, size=(count, 3))], axis=1)

    def change(self, value: Any, drawn: Array, spot: Spot) -> Any:
        """Blank out boxes of one image."""
        d = spatial_axes(value.shape, self.spatial_dims, spot.spacing is not None, type(self).__name__)
        result = value.clone() if is_torch(value) else np.array(value, order="K")
        if not min(value.shape, default=1):
            return result
        mean = value.double().mean() if is_torch(value) else value.mean(dtype=np.float64)
        fill = float(mean) if self.fill is None else self.fill
        for places, fractions in drawn:
            box: list[Any] = [...]
            for place, fraction, n in zip(places[-d:], fractions[-d:], value.shape[-d:], strict=True):
                edge = max(round(fraction * n), 1)
                start = round(place * (n - edge))
                box.append(slice(start, start + edge))
            result[tuple(box)] = fill
        return result


class RandomChannelDropout(RandomFieldStep):
    """Blank out whole channels, as if a sequence of the examination were missing; at least one channel stays.

    Args:
        fields: Names of the image fields, channels first; the same channels in all fields of a case.
        p_channel: Probability for each channel.
        fill: What a blank channel is filled with.
        p: Probability that a case is changed.

    Example:
        >>> step = RandomChannelDropout(["image"], p_channel=1.0)
        >>> sorted(step({"image": np.ones((3, 2, 2), "float32")})["image"].max(axis=(1, 2)).tolist())
        [0.0, 0.0, 1.0]
    """

    def __init__(self, fields: Sequence[str], p_channel: float = 0.25, fill: float = 0.0, p: float = 1.0) -> None:
        super().__init__(fields, p)
        self.p_channel = checked_probability(p_channel, type(self).__name__, "p_channel")
        self.fill = fill

    def draw(self, rng: np.random.Generator, data: DataPoint) -> list[int]:
        """Draw the channels that go."""
        n_channels = max((array_shape(data[field]) or (1,))[0] for field in self.fields)
        goes = rng.random(n_channels) < self.p_channel
        if n_channels and goes.all():
            goes[rng.integers(n_channels)] = False
        return [int(channel) for channel in np.flatnonzero(goes)]

    def apply_drawn(self, field: str, data: DataPoint, params: list[int]) -> DataPoint:
        """Blank out channels of one image."""
        value = data[field]
        present = [channel for channel in params if channel < array_shape(value)[0]]
        if not present:
            return {}
        result = value.clone() if is_torch(value) else np.array(as_array(value), order="K")
        result[present] = self.fill
        return {field: result}
