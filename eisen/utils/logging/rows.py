"""What is told of an epoch to files and trackers, under names that are the same everywhere."""

from __future__ import annotations

import math
from typing import Any

from eisen.utils.events import EpochSummary

__all__ = ["epoch_row", "json_number", "named_values"]


def named_values(event: EpochSummary) -> dict[str, float]:
    """Return the means of an epoch as ``loss/<name>`` and ``metric/<name>``."""
    losses = {f"loss/{name}": value for name, value in event.losses.items()}
    return losses | {f"metric/{name}": value for name, value in event.metrics.items()}


def epoch_row(event: EpochSummary, phase: str) -> dict[str, Any]:
    """Return the means of an epoch, with its phase, number, length and number of batches."""
    facts = {"phase": phase, "epoch": event.epoch, "seconds": round(event.seconds, 3), "n_batches": event.n_batches}
    return facts | named_values(event)


def json_number(value: Any) -> Any:
    """Return a value as JSON can hold it: None for what is not finite, for JSON knows no NaN."""
    return None if isinstance(value, float) and not math.isfinite(value) else value
