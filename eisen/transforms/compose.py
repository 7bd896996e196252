"""Several steps, one after the other."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from eisen._core import random
from eisen._core.errors import ArgumentError, EisenError, StepError
from eisen._core.fields import shapes_of
from eisen._core.turns import alone
from eisen._core.types import DataPoint, Step

__all__ = ["Compose"]

_NESTED = re.compile(r"step ([\d.]+) of \d+: (.*)", re.DOTALL)
"""Place of a step in a chain inside of a chain."""


class Compose:
    """Run steps one after the other, and say which one failed.

    Any callable from dict to dict can be a step: a reader, a transform, another `Compose`, a function of yours.

    Args:
        transforms: The steps, in order; None is no step.
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

    def __init__(self, transforms: Sequence[Step] | None = None, places: Sequence[str] | None = None) -> None:
        self.transforms = list(transforms or ())
        self.places = list(places) if places is not None else [""] * len(self.transforms)
        if len(self.places) != len(self.transforms):
            raise ArgumentError(
                f"{type(self).__name__}: {len(self.transforms)} steps and {len(self.places)} places",
                expected="one place in the configuration per step",
            )
        for number, step in enumerate(self.transforms, start=1):
            if not callable(step) or isinstance(step, type):
                raise ArgumentError(
                    f"{type(self).__name__}: step {number} of {len(self.transforms)} is {step!r}",
                    expected="something that can be called with a data point and returns one",
                    to_do="make an object of the class, e.g. MapValues(['image'])" if isinstance(step, type) else "",
                )

    def __call__(self, data: DataPoint) -> DataPoint:
        """Return the data point after the last step; the one that came in is not changed."""
        result = dict(data)
        for result in self.follow(data):  # noqa: B007  # the last one is what counts
            pass
        return result

    def follow(self, data: DataPoint) -> Iterator[DataPoint]:
        """Yield the data point after each step; the one that came in is not changed."""
        data = dict(data)
        for index in range(len(self.transforms)):
            data = self._run(index, data)
            yield data

    def part(self, data: DataPoint, start: int = 0, stop: int | None = None) -> DataPoint:
        """Return the data point after some of the steps: `follow` in two halves, with the same random numbers.

        Args:
            data: The data point in front of the first of them; it is not changed.
            start: Number of the first step, from 0.
            stop: Number of the step before which to stop; None goes to the end.

        Example:
            >>> steps = Compose([lambda data: {"n": data["n"] + 1}, lambda data: {"n": data["n"] * 10}])
            >>> steps.part(steps.part({"n": 1}, stop=1), start=1) == steps({"n": 1})
            True
        """
        data = dict(data)
        for index in range(start, len(self.transforms) if stop is None else stop):
            data = self._run(index, data)
        return data

    def call_step(self, index: int, data: DataPoint) -> Any:
        """Return what one step makes of a data point; its random numbers are those of its place in the chain."""
        step = self.transforms[index]
        with random.step(index), alone(step):
            return step(data)

    def _run(self, index: int, data: DataPoint) -> DataPoint:
        step = self.transforms[index]
        name = _name(step)
        try:
            result = self.call_step(index, data)
            if not isinstance(result, dict):
                raise StepError(
                    f"{name} returned {type(result).__name__} instead of a data point",
                    expected="a dict of fields",
                    to_do="end the function with 'return data'",
                )
        except EisenError as error:
            error.card.step = self._place(index, error.card.step or name)
            error.note(config=self.places[index], shapes=shapes_of(data))
            raise
        except Exception as error:
            what = f"{name} failed: {type(error).__name__}: {error}"
            raise StepError(
                what, step=self._place(index, name), config=self.places[index], shapes=shapes_of(data)
            ) from error
        return result

    def _place(self, index: int, name: str) -> str:
        """Return number and name of a step; steps of a chain inside of this one are numbered 3.1, 3.2, ..."""
        inner = _NESTED.fullmatch(name)
        number, name = (f"{index + 1}.{inner[1]}", inner[2]) if inner else (f"{index + 1}", name)
        return f"step {number} of {len(self.transforms)}: {name}"

    def __repr__(self) -> str:
        return f"Compose({self.transforms!r})"


def _name(step: Step) -> str:
    return str(getattr(step, "__name__", None) or type(step).__name__)
