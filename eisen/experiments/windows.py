"""The sliding window that a configuration asks for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eisen.config.experiment import Hyperparameters

if TYPE_CHECKING:
    from eisen.patches import SlidingWindow

__all__ = ["sliding_window"]


def sliding_window(hyper: Hyperparameters) -> SlidingWindow | None:
    """Return the window of ``.SlidingWindow``; None: the phase has none.

    ``.Memory`` counts for it too, unless it has an amount of its own.

    Args:
        hyper: The hyperparameters of a phase.

    Raises:
        ArgumentError: If its settings do not fit together.
    """
    settings = hyper.sliding_window
    if settings is None:
        return None
    from eisen.patches import SlidingWindow

    return SlidingWindow(**replace(settings, memory=settings.memory or hyper.memory).arguments())
