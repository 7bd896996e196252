"""Which steps of a chain give the same result every time."""

from __future__ import annotations

from typing import Any

from eisen.io.naming import FileWriter
from eisen.transforms.base import RandomFieldStep
from eisen.transforms.choice import OneOf, RandomApply, SomeOf
from eisen.transforms.compose import Compose
from eisen.transforms.custom import Lambda

__all__ = ["n_steady_steps"]

_OURS = ("eisen.io.", "eisen.transforms.", "eisen.experiments.")
_NEVER = (RandomFieldStep, OneOf, SomeOf, RandomApply, Lambda, FileWriter)
"""Steps that draw, steps that hold code of somebody else, and steps that leave files behind."""


def n_steady_steps(transform: Any) -> int:
    """Return how many steps at the start of a chain are certain to give the same result every time.

    Those are the readers and transforms of eisen itself, without the random ones; what others wrote may be anything.

    Args:
        transform: A `Compose`; for anything else there are no steps to tell apart.

    Example:
        >>> from eisen.transforms import AddChannelDimension, RandomFlip
        >>> steady = AddChannelDimension(["image"])
        >>> n_steady_steps(Compose([steady, RandomFlip(["image"]), steady]))
        1
    """
    if not isinstance(transform, Compose) or isinstance(transform, _NEVER):
        return 0
    steady = [_is_steady(step) for step in transform.transforms]
    return steady.index(False) if False in steady else len(steady)


def _is_steady(step: Any) -> bool:
    if isinstance(step, _NEVER) or not f"{type(step).__module__}.".startswith(_OURS):
        return False
    return not isinstance(step, Compose) or n_steady_steps(step) == len(step.transforms)
