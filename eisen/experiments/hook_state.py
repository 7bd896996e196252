"""What a hook remembers from epoch to epoch."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

__all__ = ["numbers_of", "restore_numbers"]


def numbers_of(hook: object) -> dict[str, int | float]:
    """Return the numbers among the attributes of a hook, without the arguments of its constructor.

    So the counter of `PatienceHook` survives a resume, while its `patience` is what the configuration says now.
    """
    given = inspect.signature(type(hook)).parameters
    values: dict[str, Any] = getattr(hook, "__dict__", {})
    return {name: v for name, v in values.items() if type(v) in (int, float) and name not in given}


def restore_numbers(hook: object, numbers: Mapping[str, int | float]) -> None:
    """Put numbers back that `numbers_of` gave."""
    for name, value in numbers.items():
        if name in getattr(hook, "__dict__", {}):
            setattr(hook, name, value)
