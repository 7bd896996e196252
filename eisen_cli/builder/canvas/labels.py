"""What a card says about a module: its name, and what it was told, in one line."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["name_of", "summary_of"]

_WIRES = ("input_names", "output_names")
_LONGEST = 60


def name_of(entry: Any) -> str:
    """Return the name of a module.

    Example:
        >>> name_of({"type": "torch.optim.Adam", "params": {}}), name_of(3)
        ('Adam', 'no module: 3')
    """
    path = entry.get("type") if isinstance(entry, Mapping) else None
    if isinstance(path, str) and path.strip("."):
        return path.rpartition(".")[2] or path
    return f"no module: {_text(entry)}"


def summary_of(entry: Any) -> str:
    """Return what a module was told, in one line: its wires first, then its parameters.

    Example:
        >>> summary_of({"type": "a.DiceLoss", "params": {"input_names": ["x", "y"], "output_names": ["d"], "dim": [1]}})
        'x, y → d · dim 1'
        >>> summary_of({"type": "a.OneOf", "params": {"transforms": [{"type": "a.B", "params": {}}], "p": 0.5}})
        'transforms B · p 0.5'
    """
    params = entry.get("params") if isinstance(entry, Mapping) else None
    if not isinstance(params, Mapping):
        return ""
    wires = " → ".join(_text(params[name]) for name in _WIRES if name in params)
    others = [_told(name, value) for name, value in params.items() if name not in _WIRES]
    return " · ".join(filter(None, [wires, *others]))


def _told(name: str, value: Any) -> str:
    return _text(value) if name == "fields" else f"{name} {_text(value)}"


def _text(value: Any) -> str:
    if isinstance(value, Mapping) and isinstance(value.get("type"), str):
        return name_of(value)
    if isinstance(value, list) and not any(isinstance(item, list) for item in value):
        return _short((", " if _is_words(value) else " ").join(_text(item) for item in value) or "none")
    if isinstance(value, str):
        return _short(value)
    return _short(json.dumps(value, ensure_ascii=False))


def _is_words(values: list[Any]) -> bool:
    return any(isinstance(value, str | Mapping) for value in values)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
