"""The entries ``{"type": ".BatchSize", "params": {"value": 4}}`` of a Hyperparameters section, by their names."""

from __future__ import annotations

from typing import Any

from eisen.config.places import Place
from eisen.config.sections import HYPER
from eisen_cli.builder.document.tree import at

__all__ = ["hyper_entry", "hyper_place", "hyper_values"]


def hyper_values(entries: Any) -> dict[str, Any]:
    """Return the values of a section by name, without the dot; an old name by the present one.

    Example:
        >>> hyper_values([{"type": ".NumWorker", "params": {"value": 2}}, {"type": ".Seed"}])
        {'NumWorkers': 2, 'Seed': None}
    """
    known = [entry for entry in entries if _name(entry)] if isinstance(entries, list) else []
    return {_present(_name(entry)): _value(entry) for entry in known}


def hyper_place(data: Any, phase: str, name: str) -> Place | None:
    """Return where a hyperparameter stands, under whichever of its names.

    Example:
        >>> data = {"General": {"Hyperparameters": [{"type": ".NumWorker", "params": {"value": 2}}]}}
        >>> hyper_place(data, "General", "NumWorkers")
        ('General', 'Hyperparameters', 0)
    """
    section: Place = (phase, "Hyperparameters")
    entries = at(data, section, None)
    for index, entry in enumerate(entries if isinstance(entries, list) else []):
        if _name(entry) and _meaning(_name(entry)) == _meaning(name):
            return (*section, index)
    return None


def hyper_entry(name: str, value: Any) -> dict[str, Any]:
    """Return a new entry.

    Example:
        >>> hyper_entry("BatchSize", 2)
        {'type': '.BatchSize', 'params': {'value': 2}}
        >>> hyper_entry("SlidingWindow", {"window": [64, 64]})
        {'type': '.SlidingWindow', 'params': {'window': [64, 64]}}
    """
    is_open = name == "SlidingWindow" and isinstance(value, dict)
    return {"type": f".{name}", "params": value if is_open else {"value": value}}


def _name(entry: Any) -> str:
    name = entry.get("type") if isinstance(entry, dict) else None
    return name.removeprefix(".") if isinstance(name, str) else ""


def _value(entry: dict[str, Any]) -> Any:
    params = entry.get("params")
    if _name(entry) == "SlidingWindow" and isinstance(params, dict) and set(params) != {"value"}:
        return params
    return params.get("value") if isinstance(params, dict) else None


def _present(name: str) -> str:
    return next((known for known, meaning in HYPER.items() if meaning == HYPER.get(name)), name)


def _meaning(name: str) -> str:
    return HYPER.get(name, name)
