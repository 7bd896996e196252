"""What a hook remembers from epoch to epoch."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

__all__ = ["hook_state", "restore_hook"]


def _numbers_of(hook: object) -> dict[str, int | float]:
    """Return the numbers among the attributes of a hook, without the arguments of its constructor.

    So the counter of `PatienceHook` survives a resume, while its `patience` is what the configuration says now.
    """
    given = inspect.signature(type(hook)).parameters
    values: dict[str, Any] = getattr(hook, "__dict__", {})
    return {name: v for name, v in values.items() if type(v) in (int, float) and name not in given}


def _restore_numbers(hook: object, numbers: Mapping[str, int | float]) -> None:
    """Put numbers back that `_numbers_of` gave."""
    for name, value in numbers.items():
        if name in getattr(hook, "__dict__", {}):
            setattr(hook, name, value)


def hook_state(hook: object) -> dict[str, Any]:
    """Return what a hook needs to go on: its own ``state_dict()``, else the numbers it counts in."""
    own = getattr(hook, "state_dict", None)
    return {"own": own()} if callable(own) else {"numbers": _numbers_of(hook)}


def restore_hook(hook: Any, state: Mapping[str, Any]) -> None:
    """Let a hook go on from what `hook_state` gave, or checkpoints of version 1, which held the numbers alone."""
    if "own" in state and callable(getattr(hook, "load_state_dict", None)):
        hook.load_state_dict(state["own"])
    elif "own" not in state:
        _restore_numbers(hook, state.get("numbers", state))
