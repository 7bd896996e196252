"""Which steps of a chain give the same result every time; they are told apart where the steps are."""

from __future__ import annotations

from typing import Any

from eisen.transforms import OneOf, RandomApply, SomeOf
from eisen.transforms.base import RandomFieldStep
from eisen.transforms.steady import n_steady_steps

__all__ = ["is_random", "n_steady_steps"]

_RANDOM = (RandomFieldStep, OneOf, SomeOf, RandomApply)


def is_random(transform: Any) -> bool:
    """Tell whether a transform, or a step of a chain, is known to draw random numbers.

    Args:
        transform: Anything.

    Example:
        >>> from eisen.transforms import Compose, RandomFlip
        >>> is_random(Compose([RandomFlip(["image"])])), is_random(lambda case: case)
        (True, False)
    """
    return isinstance(transform, _RANDOM) or any(map(is_random, getattr(transform, "transforms", ())))
