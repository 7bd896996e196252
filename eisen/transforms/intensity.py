"""Transforms of intensities: map to a range, normalise, threshold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from eisen._core.errors import ArgumentError
from eisen._core.field_roles import Role
from eisen._core.fields import FieldStep
from eisen._core.types import DataPoint
from eisen.transforms.arguments import checked_choice, checked_percentiles
from eisen.transforms.functional import intensity
from eisen.transforms.masks import mask_for

__all__ = [
    "FixedMeanStdNormalization",
    "MapValues",
    "PercentileNormalization",
    "ThresholdValues",
    "ZScoreNormalization",
]


class MapValues(FieldStep):
    """Map intensities linearly to a range.

    ``(x - min) / (max - min + 1e-5) * (max_value - min_value) + min_value``, so the largest comes out just below
    `max_value`, and a constant image becomes `min_value`.

    Args:
        fields: Names of the fields.
        min_value: What the smallest intensity becomes.
        max_value: What the largest intensity comes close to.
        channelwise: Map each channel (slice along the first axis) by itself.

    Example:
        >>> import numpy as np
        >>> MapValues(["image"], max_value=255)({"image": np.array([0.0, 500.0])})["image"].round(3)
        array([  0., 255.])
    """

    def __init__(
        self, fields: Sequence[str], min_value: float = 0, max_value: float = 1, channelwise: bool = False
    ) -> None:
        super().__init__(fields)
        self.min_value = min_value
        self.max_value = max_value
        self.channelwise = channelwise

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Map one image."""
        return {field: intensity.map_range(data[field], self.min_value, self.max_value, self.channelwise)}


class FixedMeanStdNormalization(FieldStep):
    """Subtract a known mean and divide by a known standard deviation, e.g. those of the whole training set.

    Args:
        fields: Names of the fields.
        mean: Mean intensity.
        std: Standard deviation, not 0.

    Raises:
        ArgumentError: If `std` is 0.

    Example:
        >>> import numpy as np
        >>> FixedMeanStdNormalization(["ct"], mean=40, std=400)({"ct": np.array([-360, 440])})["ct"]
        array([-1.,  1.], dtype=float32)
    """

    def __init__(self, fields: Sequence[str], mean: float, std: float) -> None:
        super().__init__(fields)
        if std == 0:
            raise ArgumentError("FixedMeanStdNormalization: std is 0", expected="a number that is not 0")
        self.mean = mean
        self.std = std

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Normalise one image."""
        return {field: intensity.fixed_mean_std(data[field], self.mean, self.std)}


class ZScoreNormalization(FieldStep):
    """Bring every image to mean 0 and standard deviation 1, whatever the intensity scale of its scanner.

    Args:
        fields: Names of the fields.
        channelwise: Normalise each channel (slice along the first axis) by itself.
        nonzero: Measure mean and deviation where the image is not 0, and leave 0 as it is (skull-stripped brains).
        percentiles: Clip to these two percentiles first, e.g. ``[0.5, 99.5]`` against a few very bright voxels.
        mask: Name of a field; mean and deviation are measured where it is not 0, e.g. ``"label"``.

    A constant image becomes 0.

    Example:
        >>> import numpy as np
        >>> ZScoreNormalization(["mr"])({"mr": np.array([1e5, 3e5])})["mr"]
        array([-1.,  1.])
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"mask": "reads"}

    def __init__(
        self,
        fields: Sequence[str],
        channelwise: bool = False,
        nonzero: bool = False,
        percentiles: Sequence[float] | None = None,
        *,
        mask: str | None = None,
    ) -> None:
        super().__init__(fields)
        self.channelwise = channelwise
        self.nonzero = nonzero
        self.percentiles = None if percentiles is None else checked_percentiles(percentiles, type(self).__name__)
        self.mask = mask

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Normalise one image."""
        mask = mask_for(field, data, self.mask, type(self).__name__)
        return {field: intensity.zscore(data[field], self.channelwise, self.nonzero, self.percentiles, mask=mask)}


class PercentileNormalization(FieldStep):
    """Map two percentiles of every image to two values, so that a few extreme voxels do not matter.

    Args:
        fields: Names of the fields.
        percentiles: The two percentiles, 0 to 100.
        min_value: What the lower percentile becomes.
        max_value: What the upper percentile becomes.
        clip: Whether what lies outside of the percentiles is cut off.
        channelwise: Normalise each channel (slice along the first axis) by itself.
        nonzero: Measure the percentiles where the image is not 0.
        mask: Name of a field; the percentiles are measured where it is not 0.

    A constant image becomes `min_value`.

    Example:
        >>> import numpy as np
        >>> PercentileNormalization(["mr"], [0, 50])({"mr": np.array([0.0, 5.0, 10.0])})["mr"]
        array([0., 1., 1.])
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"mask": "reads"}

    def __init__(
        self,
        fields: Sequence[str],
        percentiles: Sequence[float] = (0.5, 99.5),
        min_value: float = 0.0,
        max_value: float = 1.0,
        clip: bool = True,
        channelwise: bool = False,
        nonzero: bool = False,
        mask: str | None = None,
    ) -> None:
        super().__init__(fields)
        self.percentiles = checked_percentiles(percentiles, type(self).__name__)
        self.min_value = min_value
        self.max_value = max_value
        self.clip = clip
        self.channelwise = channelwise
        self.nonzero = nonzero
        self.mask = mask

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Normalise one image."""
        normalised = intensity.normalize_percentiles(
            data[field],
            self.percentiles,
            self.min_value,
            self.max_value,
            clip=self.clip,
            channelwise=self.channelwise,
            nonzero=self.nonzero,
            mask=mask_for(field, data, self.mask, type(self).__name__),
        )
        return {field: normalised}


class ThresholdValues(FieldStep):
    """Replace intensities by 1 where they pass a threshold and by 0 elsewhere; the data type stays.

    Args:
        fields: Names of the fields.
        threshold: The threshold.
        direction: "greater", "smaller", "greater/equal" or "smaller/equal": how an intensity passes.

    Raises:
        ArgumentError: If there is no such direction.

    Example:
        >>> import numpy as np
        >>> ThresholdValues(["ct"], 200)({"ct": np.array([-50, 200, 900])})["ct"]
        array([0, 0, 1])
    """

    def __init__(self, fields: Sequence[str], threshold: float, direction: str = "greater") -> None:
        super().__init__(fields)
        self.threshold: Any = threshold
        self.direction = checked_choice(direction, tuple(intensity.DIRECTIONS), "direction", type(self).__name__)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Threshold one image."""
        return {field: intensity.threshold(data[field], self.threshold, self.direction)}
