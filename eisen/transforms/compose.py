"""Several steps, one after the other."""

from __future__ import annotations

from collections.abc import Sequence

from eisen._core import random
from eisen._core.errors import ArgumentError, EisenError, StepError
from eisen._core.fields import shapes_of
from eisen._core.types import DataPoint, Step

__all__ = ["Compose"]


class Compose:
    """Run steps one after the other, and say which one failed.

    Any callable from dict to dict can be a step: a reader, a transform, another `Compose`, a function of yours.

    Args:
        transforms: The steps, in order.
        places: Where each step stands in the configuration, e.g. ``"Training.Transforms[2]"``; shown in errors.

    Raises:
        ArgumentError: If a step cannot be called, or `places` has another length than `transforms`.

    Example:
        >>> import numpy as np
        >>> from eisen.transforms import AddChannelDimension, Compose, CropCenteredSubVolumes
        >>> steps = Compose([CropCenteredSubVolumes(["image"], [4, 4, 4]), AddChannelDimension(["image"])])
        >>> steps({"image": np.zeros((6, 6, 2), "float32")})["image"].shape
        (1, 4, 4, 4)
    """

    def __init__(self, transforms: Sequence[Step], places: Sequence[str] | None = None) -> None:
        self.transforms = list(transforms)
        self.places = list(places) if places is not None else [""] * len(self.transforms)
        if len(self.places) != len(self.transforms):
            raise ArgumentError(
                f"Compose: {len(self.transforms)} steps and {len(self.places)} places",
                expected="one place in the configuration per step",
            )
        for number, step in enumerate(self.transforms, start=1):
            if not callable(step) or isinstance(step, type):
                raise ArgumentError(
                    f"Compose: step {number} of {len(self.transforms)} is {step!r}",
                    expected="something that can be called with a data point and returns one",
                    to_do="make an object of the class, e.g. MapValues(['image'])" if isinstance(step, type) else "",
                )

    def __call__(self, data: DataPoint) -> DataPoint:
        """Return the data point after the last step; the one that came in is not changed."""
        data = dict(data)
        for index in range(len(self.transforms)):
            data = self._run(index, data)
        return data

    def _run(self, index: int, data: DataPoint) -> DataPoint:
        step = self.transforms[index]
        name = _name(step)
        try:
            with random.step(index):
                result = step(data)
            if not isinstance(result, dict):
                raise StepError(
                    f"{name} returned {type(result).__name__} instead of a data point",
                    expected="a dict of fields",
                    to_do="end the function with 'return data'",
                )
        except EisenError as error:
            error.card.step = f"step {index + 1} of {len(self.transforms)}: {error.card.step or name}"
            error.note(config=self.places[index], shapes=shapes_of(data))
            raise
        except Exception as error:
            what = f"{name} failed: {type(error).__name__}: {error}"
            place = f"step {index + 1} of {len(self.transforms)}: {name}"
            raise StepError(what, step=place, config=self.places[index], shapes=shapes_of(data)) from error
        return result

    def __repr__(self) -> str:
        return f"Compose({self.transforms!r})"


def _name(step: Step) -> str:
    return str(getattr(step, "__name__", None) or type(step).__name__)
