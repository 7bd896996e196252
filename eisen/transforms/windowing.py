"""Cutting off intensities: the windows of CT, and plain limits."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eisen._core.errors import ArgumentError
from eisen._core.fields import FieldStep
from eisen._core.types import DataPoint
from eisen.transforms.arguments import checked_choice, checked_range
from eisen.transforms.functional import mapping

__all__ = ["WINDOWS", "ClipValues", "IntensityWindow"]

WINDOWS: dict[str, tuple[float, float]] = {
    "brain": (40, 80),
    "subdural": (75, 215),
    "stroke": (40, 40),
    "temporal bone": (600, 2800),
    "head soft tissue": (40, 375),
    "lung": (-600, 1500),
    "mediastinum": (50, 350),
    "vessels": (200, 600),
    "abdomen": (50, 400),
    "liver": (30, 150),
    "spine soft tissue": (50, 250),
    "bone": (400, 1800),
}
"""Level and width in Hounsfield units of the usual windows; where a range is usual, its middle.

Source: A. Murphy et al., Windowing (CT), radiopaedia.org, article 52108.
"""


class IntensityWindow(FieldStep):
    """Look at CT through a window of Hounsfield units, as radiologists do: what is outside is cut off.

    The window is given by name, by `level` and `width`, or by `low` and `high`. Names and their (level, width): brain
    (40, 80), subdural (75, 215), stroke (40, 40), temporal bone (600, 2800), head soft tissue (40, 375), lung
    (-600, 1500), mediastinum (50, 350), vessels (200, 600), abdomen (50, 400), liver (30, 150), spine soft tissue
    (50, 250), bone (400, 1800).

    Args:
        fields: Names of the fields.
        window: Name of a window.
        level: Middle of the window in HU.
        width: Width of the window in HU, above 0.
        low: Lower end of the window in HU.
        high: Upper end of the window in HU.
        output: The values that the two ends become; null keeps Hounsfield units.

    Source: A. Murphy et al., Windowing (CT), radiopaedia.org, article 52108, for the numbers.

    Example:
        >>> IntensityWindow(["ct"], "lung")({"ct": np.array([-1350, -600, 900])})["ct"]
        array([0. , 0.5, 1. ], dtype=float32)
        >>> IntensityWindow(["ct"], level=40, width=80, output=None)({"ct": np.array([-1000, 30, 200])})["ct"]
        array([ 0., 30., 80.], dtype=float32)
    """

    def __init__(
        self,
        fields: Sequence[str],
        window: str | None = None,
        level: float | None = None,
        width: float | None = None,
        low: float | None = None,
        high: float | None = None,
        output: Sequence[float] | None = (0, 1),
    ) -> None:
        super().__init__(fields)
        self.low, self.high = _ends(window, level, width, low, high)
        self.output = None if output is None else _checked_output(output)

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Look at one image."""
        bottom, top = self.output or (self.low, self.high)
        return {field: mapping.window(data[field], self.low, self.high, bottom, top)}


class ClipValues(FieldStep):
    """Cut off intensities below a lower and above an upper limit; the data type stays.

    Args:
        fields: Names of the fields.
        low: What is below becomes this; null sets no limit.
        high: What is above becomes this; null sets no limit.

    Example:
        >>> ClipValues(["ct"], low=-1000, high=1000)({"ct": np.array([-3024, 40, 3071], "int16")})["ct"]
        array([-1000,    40,  1000], dtype=int16)
    """

    def __init__(self, fields: Sequence[str], low: float | None = None, high: float | None = None) -> None:
        super().__init__(fields)
        lowest, highest = (-np.inf if low is None else low), (np.inf if high is None else high)
        if (low is None and high is None) or not lowest <= highest:
            raise ArgumentError(
                f"ClipValues: low is {low!r} and high is {high!r}",
                expected="a lower limit, an upper limit above it, or both",
            )
        self.low = low
        self.high = high

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Clip one image."""
        return {field: mapping.clip(data[field], self.low, self.high)}


def _ends(
    window: str | None, level: float | None, width: float | None, low: float | None, high: float | None
) -> tuple[float, float]:
    """Return lower and upper end, given in exactly one of three ways."""
    ways = (window is not None, level is not None and width is not None, low is not None and high is not None)
    halves = (level is None) != (width is None) or (low is None) != (high is None)
    if sum(ways) != 1 or halves:
        raise ArgumentError(
            f"IntensityWindow: window={window!r}, level={level!r}, width={width!r}, low={low!r}, high={high!r}",
            expected=f"one of: a name ({', '.join(WINDOWS)}); level and width; low and high",
        )
    if window is not None:
        level, width = WINDOWS[checked_choice(window, tuple(WINDOWS), "window", "IntensityWindow")]
    if level is not None and width is not None:
        low, high = level - width / 2, level + width / 2
    ends = checked_range((low, high), "(low, high)", "IntensityWindow")
    if ends[0] == ends[1]:
        raise ArgumentError(f"IntensityWindow: the window is empty: {ends}", expected="a width above 0")
    return ends


def _checked_output(output: Sequence[float]) -> tuple[float, float]:
    try:
        bottom, top = (float(value) for value in output)
    except (TypeError, ValueError):
        raise ArgumentError(f"IntensityWindow: output is {output!r}", expected="two numbers, or None") from None
    return bottom, top
