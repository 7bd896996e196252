"""The base of random changes of intensities: alike for all channels, or one draw for each."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eisen._core.errors import ShapeError
from eisen._core.optional import is_torch
from eisen._core.types import DataPoint
from eisen.transforms.arguments import checked_probability
from eisen.transforms.base import RandomFieldStep, ambiguous_axes, array_shape, geometry_of
from eisen.transforms.functional.tensors import as_either

__all__ = ["RandomIntensityStep", "Spot", "spatial_axes"]


@dataclass(frozen=True)
class Spot:
    """Which array a change is made to.

    Args:
        field: Name of the field.
        number: Its place in the step's list of fields.
        channel: The channel, if each has a draw of its own, otherwise 0.
        spacing: Edge lengths of a voxel in mm along the last three axes, or None without geometry.
    """

    field: str
    number: int
    channel: int
    spacing: tuple[float, ...] | None


class RandomIntensityStep(RandomFieldStep):
    """A random step that changes intensities and moves nothing.

    A child implements `draw_change` and `change`.

    Args:
        fields: Names of the image fields.
        p: Probability that a case is changed.
        channelwise: Draw for each channel (slice along the first axis) by itself.
        p_channel: Probability that a channel of a changed case is changed; needs `channelwise`.
    """

    def __init__(
        self, fields: Sequence[str], p: float = 1.0, *, channelwise: bool = False, p_channel: float = 1.0
    ) -> None:
        super().__init__(fields, p)
        self.channelwise = channelwise
        self.p_channel = checked_probability(p_channel, type(self).__name__, "p_channel")

    @abstractmethod
    def draw_change(self, rng: np.random.Generator) -> Any:
        """Return the parameters of one change."""

    @abstractmethod
    def change(self, value: Any, drawn: Any, spot: Spot) -> Any:
        """Return a changed copy of an array or tensor."""

    def draw(self, rng: np.random.Generator, data: DataPoint) -> Any:
        """Draw one change, or one for each channel: None for those that stay."""
        if not self.channelwise:
            return self.draw_change(rng)
        n_channels = max((array_shape(data[field]) or (1,))[0] for field in self.fields)
        return [self.draw_change(rng) if rng.random() < self.p_channel else None for _ in range(n_channels)]

    def apply_drawn(self, field: str, data: DataPoint, params: Any) -> DataPoint:
        """Change one image."""
        value = as_either(data[field])
        geometry = geometry_of(field, data)
        spacing = None if geometry is None else geometry.spacing
        number = self.fields.index(field) if field in self.fields else 0
        if not self.channelwise:
            return {field: self.change(value, params, Spot(field, number, 0, spacing))}
        drawn = zip(value, params, strict=False)
        return {
            field: _stacked(
                [
                    part if chosen is None else self.change(part, chosen, Spot(field, number, channel, spacing))
                    for channel, (part, chosen) in enumerate(drawn)
                ],
                value,
            )
        }


def _stacked(parts: list[Any], like: Any) -> Any:
    """Return channels as one array; those that stayed take the type of those that changed."""
    if not parts:
        return like
    if is_torch(like):
        import torch

        kind = max((part.dtype for part in parts), key=lambda dtype: (dtype.is_floating_point, dtype.itemsize))
        return torch.stack([part.to(kind) for part in parts])
    return np.stack(parts)


def spatial_axes(shape: Sequence[int], spatial_dims: int | None, has_geometry: bool, owner: str) -> int:
    """Return how many of the last axes are space: what the user said, else 3, or as many as there are.

    Raises:
        ShapeError: If there are too few axes, or if three axes can be a volume or a picture with channels.

    Example:
        >>> spatial_axes((1, 64, 64, 20), None, False, "RandomBlur"), spatial_axes((64, 64), None, False, "RandomBlur")
        (3, 2)
    """
    n_axes = spatial_dims or min(len(shape), 3)
    if len(shape) < n_axes:
        raise ShapeError(f"an array of shape {tuple(shape)} has no {n_axes} spatial axes")
    if spatial_dims is None and len(shape) == 3 and 1 < shape[0] <= 4 and not has_geometry:
        raise ambiguous_axes(shape, owner)
    return 2 if spatial_dims is None and len(shape) == 3 and shape[0] == 1 and not has_geometry else n_axes
