"""Random movement of the patient during the scan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from eisen._core.errors import ArgumentError
from eisen.transforms.arguments import checked_axes, checked_counts, checked_range
from eisen.transforms.augment.artifacts import drawn_axis
from eisen.transforms.augment.blur import checked_spatial_dims
from eisen.transforms.augment.channels import RandomIntensityStep, Spot, spatial_axes
from eisen.transforms.functional.kspace import motion

__all__ = ["RandomMotion"]

Float64 = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Poses:
    """What was drawn: angles and shifts of each pose (poses, 3), when each begins, and the direction."""

    degrees: Float64
    shifts: Float64
    times: Float64
    place: float


class RandomMotion(RandomIntensityStep):
    """Blur and ghost MR images as a patient who moves during the scan does.

    Parts of k-space come from turned and shifted copies of the image. Where most of the contrast is taken the patient
    lies still, so labels still fit. Lengths are millimetres for fields with geometry, voxels for others.

    Args:
        fields: Names of the image fields.
        rotation_degrees: Angle about each axis, from minus to plus this, or between two numbers.
        translation_mm: Shift along each axis, from minus to plus this, or between two numbers.
        n_movements: How often the patient moves, between two whole numbers from 1.
        axes: Spatial axes, counted from 0, one of which is drawn as the phase encoding.
        p: Probability that a case is changed.
        channelwise: Draw for each channel (slice along the first axis) by itself.
        p_channel: Probability that a channel of a changed case is changed; needs `channelwise`.
        spatial_dims: 2 for channel-first pictures, 3 for volumes; None: 3, or 2 for arrays of two axes.

    Source: R. Shaw et al., MRI k-space motion artefact augmentation: model robustness and task-specific uncertainty,
    MIDL 2019.

    Example:
        >>> image = np.zeros((16, 16, 16), "float32")
        >>> image[4:12, 4:12, 4:12] = 1
        >>> blurred = RandomMotion(["mr"], translation_mm=(2, 3))({"mr": image})["mr"]
        >>> bool(blurred.std() < image.std())
        True
    """

    def __init__(
        self,
        fields: Sequence[str],
        rotation_degrees: float | Sequence[float] = 5,
        translation_mm: float | Sequence[float] = 4,
        n_movements: Sequence[int] = (2, 4),
        axes: Sequence[int] = (0, 1),
        p: float = 1.0,
        *,
        channelwise: bool = False,
        p_channel: float = 1.0,
        spatial_dims: int | None = None,
    ) -> None:
        super().__init__(fields, p, channelwise=channelwise, p_channel=p_channel)
        owner = type(self).__name__
        self.rotation_degrees = checked_range(rotation_degrees, "rotation_degrees", owner, around=0)
        self.translation_mm = checked_range(translation_mm, "translation_mm", owner, around=0)
        self.n_movements = checked_counts(n_movements, "n_movements", owner, at_least=1)
        self.axes = checked_axes(axes, "axes", owner)
        self.spatial_dims = checked_spatial_dims(spatial_dims, owner)
        if not self.axes:
            raise ArgumentError(f"{owner}: axes is {axes!r}", expected="at least one spatial axis: 0, 1, 2")

    def draw_change(self, rng: np.random.Generator) -> _Poses:
        """Draw how often, when, and where the patient moves."""
        count = int(rng.integers(self.n_movements[0], self.n_movements[1] + 1))
        degrees = rng.uniform(*self.rotation_degrees, size=(count, 3))
        shifts = rng.uniform(*self.translation_mm, size=(count, 3))
        return _Poses(degrees, shifts, np.sort(rng.random(count)), float(rng.random()))

    def change(self, value: Any, drawn: _Poses, spot: Spot) -> Any:
        """Move the patient in one image."""
        d = spatial_axes(value.shape, self.spatial_dims, spot.spacing is not None, type(self).__name__)
        if d < 2:
            return value
        degrees = drawn.degrees if d == 3 else drawn.degrees[:, :1]
        axis = drawn_axis(self.axes, d, drawn.place)
        spacing = (spot.spacing or (1.0, 1.0, 1.0))[-d:]
        return motion(value, degrees, drawn.shifts[:, -d:], drawn.times.tolist(), axis, spacing)
