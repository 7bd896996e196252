"""Lengths of time as people write them."""

from __future__ import annotations

import re

from eisen._core.errors import ArgumentError
from eisen.config.experiment import DURATION

__all__ = ["seconds_of"]

_SECONDS = {"d": 86400.0, "h": 3600.0, "min": 60.0, "m": 60.0, "s": 1.0}


def seconds_of(text: str) -> float:
    """Return the seconds of a time such as ``"2h30m"``, ``"10min"`` or ``"45 s"``.

    Raises:
        ArgumentError: If it is none.

    Example:
        >>> seconds_of("2h30m"), seconds_of("10 min"), seconds_of("1.5s")
        (9000.0, 600.0, 1.5)
    """
    if not re.match(DURATION, text):
        raise ArgumentError(f"'{text}' is no length of time", expected="e.g. '2h30m', '10min' or '45s'")
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(d|h|min|m|s)", text)
    return sum(float(number) * _SECONDS[unit] for number, unit in parts)
