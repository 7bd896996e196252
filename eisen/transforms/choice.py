"""Chance in chains: one of several steps, some of them, or maybe none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from eisen._core import random
from eisen._core.errors import ArgumentError
from eisen._core.types import DataPoint, Step
from eisen.transforms.arguments import checked_counts, checked_probability
from eisen.transforms.compose import Compose

__all__ = ["OneOf", "RandomApply", "SomeOf"]


class OneOf(Compose):
    """Run one step out of several, drawn for each case.

    Args:
        transforms: The steps to choose from.
        weights: How likely each step is, relative to the others; None: all alike.
        p: Probability that a step is run at all.
        places: Where each step stands in the configuration; shown in errors.

    Raises:
        ArgumentError: If there is no step, or the weights are not as many numbers from 0, one of them above 0.

    Example:
        >>> from eisen.transforms import RandomBlur, RandomNoise
        >>> step = OneOf([RandomNoise(["image"]), RandomBlur(["image"])], weights=[3, 1])
        >>> step({"image": np.ones((8, 8), "float32")})["image"].shape
        (8, 8)
    """

    def __init__(
        self,
        transforms: Sequence[Step],
        weights: Sequence[float] | None = None,
        p: float = 1.0,
        *,
        places: Sequence[str] | None = None,
    ) -> None:
        super().__init__(transforms, places)
        _demand_steps(self)
        self.weights = None if weights is None else _checked_weights(weights, len(self.transforms))
        self.p = checked_probability(p, type(self).__name__)

    def follow(self, data: DataPoint) -> Iterator[DataPoint]:
        """Yield the data point after the step that was drawn; the one that came in is not changed."""
        rng = random.generator()
        if rng.random() < self.p:
            chances = None if self.weights is None else np.asarray(self.weights) / sum(self.weights)
            yield self._run(int(rng.choice(len(self.transforms), p=chances)), dict(data))

    def __repr__(self) -> str:
        return f"OneOf({self.transforms!r}, weights={self.weights!r}, p={self.p!r})"


class SomeOf(Compose):
    """Run a few out of several steps, drawn for each case; they keep their order.

    Args:
        transforms: The steps to choose from.
        n: How many, one whole number or the fewest and the most.
        shuffle: Draw the order of the steps as well.
        places: Where each step stands in the configuration; shown in errors.

    Raises:
        ArgumentError: If there are fewer steps than `n` asks for.

    Example:
        >>> from eisen.transforms import RandomBlur, RandomGamma, RandomNoise
        >>> step = SomeOf([RandomNoise(["image"]), RandomBlur(["image"]), RandomGamma(["image"])], n=(0, 2))
        >>> step({"image": np.ones((8, 8), "float32")})["image"].shape
        (8, 8)
    """

    def __init__(
        self,
        transforms: Sequence[Step],
        n: int | Sequence[int] = 1,
        shuffle: bool = False,
        *,
        places: Sequence[str] | None = None,
    ) -> None:
        super().__init__(transforms, places)
        _demand_steps(self)
        self.n = checked_counts(n, "n", "SomeOf", at_least=0)
        self.shuffle = shuffle
        if self.n[1] > len(self.transforms):
            raise ArgumentError(f"SomeOf: n is {n!r}", expected=f"at most {len(self.transforms)}, the number of steps")

    def follow(self, data: DataPoint) -> Iterator[DataPoint]:
        """Yield the data point after each step that was drawn; the one that came in is not changed."""
        rng = random.generator()
        count = int(rng.integers(self.n[0], self.n[1] + 1))
        chosen = rng.permutation(len(self.transforms))[:count]
        data = dict(data)
        for index in chosen if self.shuffle else sorted(chosen):
            data = self._run(int(index), data)
            yield data

    def __repr__(self) -> str:
        return f"SomeOf({self.transforms!r}, n={self.n!r}, shuffle={self.shuffle!r})"


class RandomApply(Compose):
    """Run all of some steps, or none of them, drawn for each case.

    Args:
        transforms: The steps, in order.
        p: Probability that they are run.
        places: Where each step stands in the configuration; shown in errors.

    Example:
        >>> from eisen.transforms import GaussianBlur
        >>> step = RandomApply([GaussianBlur(["image"])], p=0.2)
        >>> step({"image": np.ones((8, 8), "float32")})["image"].shape
        (8, 8)
    """

    def __init__(self, transforms: Sequence[Step], p: float = 0.5, *, places: Sequence[str] | None = None) -> None:
        super().__init__(transforms, places)
        self.p = checked_probability(p, type(self).__name__)

    def follow(self, data: DataPoint) -> Iterator[DataPoint]:
        """Yield the data point after each step, or nothing; the one that came in is not changed."""
        if random.generator().random() < self.p:
            yield from super().follow(data)

    def __repr__(self) -> str:
        return f"RandomApply({self.transforms!r}, p={self.p!r})"


def _demand_steps(chain: Compose) -> None:
    if not chain.transforms:
        raise ArgumentError(f"{type(chain).__name__}: transforms is empty", expected="at least one step")


def _checked_weights(weights: Sequence[float], count: int) -> list[float]:
    try:
        numbers = [float(weight) for weight in weights]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != count or not all(0 <= number < np.inf for number in numbers) or not sum(numbers) > 0:
        raise ArgumentError(
            f"OneOf: weights is {weights!r}", expected=f"{count} numbers from 0, one per step, at least one above 0"
        )
    return numbers
