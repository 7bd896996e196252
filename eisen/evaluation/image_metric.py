"""What metrics of images have in common."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from eisen._core.errors import ArgumentError
from eisen._core.types import Array
from eisen.evaluation.measured import EmptyPolicy, Measured, undefined
from eisen.evaluation.metric import Better, Metric
from eisen.evaluation.pairs.image_pair import ImagePair

__all__ = ["ImageMetric", "check_choice", "check_data_range"]


class ImageMetric(Metric):
    """A metric of images: of a prediction and a reference with voxels that are amounts, not labels.

    Sub-classes define `formula`. It is asked only where there are voxels to look at and all of them are finite, and
    never raises.
    """

    kind: ClassVar[str] = "image"
    low: ClassVar[float] = 0.0
    high: ClassVar[float] = float("inf")
    better: ClassVar[Better] = "lower"

    def formula(self, pair: ImagePair) -> Measured:
        """Return the value for a pair of images without NaN and infinity.

        Args:
            pair: The two images, and the sums that several metrics need.
        """
        raise NotImplementedError

    def measure(self, pair: ImagePair, policy: EmptyPolicy | None = None) -> Measured:  # noqa: ARG002
        """Return the value for a pair of images; undefined where voxels are NaN or infinite, or there are none.

        Args:
            pair: The two images.
            policy: Not used: it is about empty masks of labels.
        """
        if pair.problem:
            return undefined(pair.problem)
        with np.errstate(over="ignore", invalid="ignore"):
            found = self.formula(pair)
        return undefined("the numbers are too large for 64-bit floats") if pair.overflows else found

    def __call__(
        self,
        prediction: Array,
        reference: Array,
        mask: Array | None = None,
        data_range: float | None = None,
    ) -> float:
        """Return the value for two arrays; NaN where there is none.

        Args:
            prediction: Numbers of any type.
            reference: Of the same shape.
            mask: Where to look; None: everywhere.
            data_range: Largest minus smallest value an image can have; None: of the reference.

        Example:
            >>> import numpy as np
            >>> from eisen.evaluation.metrics import MeanAbsoluteError
            >>> MeanAbsoluteError()(np.uint8([200, 0]), np.uint8([180, 20]))
            20.0
        """
        return self.measure(ImagePair(prediction, reference, mask, data_range)).value


def check_choice(metric: Metric, name: str, choices: tuple[Any, ...]) -> None:
    """Raise if a parameter of a metric is none of some choices.

    Args:
        metric: The metric.
        name: Of the parameter.
        choices: What it may be.

    Raises:
        ArgumentError: If it is something else.
    """
    value = getattr(metric, name)
    if not isinstance(value, (str, int, type(None))) or value not in choices:
        raise ArgumentError(
            f"{metric.abbreviation}: {name} is {value!r}", expected=f"one of {', '.join(map(repr, choices))}"
        )


def check_data_range(metric: Metric, value: float | None, name: str = "data_range") -> None:
    """Raise if a parameter is given that is not a positive number.

    Args:
        metric: Of which it is a parameter.
        value: What was given.
        name: Of the parameter.

    Raises:
        ArgumentError: If it cannot be.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if value is not None and not (is_number and 0 < value < float("inf")):
        raise ArgumentError(
            f"{metric.abbreviation}: {name} is {value!r}", expected="a positive number, e.g. 255, or None"
        )
