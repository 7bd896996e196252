"""Modules as text for the clipboard, with a mark by which they are known again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eisen._core.errors import ArgumentError

__all__ = ["Clip", "read_clips", "write_clips"]

_MARK = "eisen modules"
_FORMAT = 1


@dataclass(frozen=True)
class Clip:
    """One module on the clipboard.

    Args:
        role: The role of the list that it came from, e.g. ``"Transforms"``.
        entry: ``{"type": ..., "params": ...}``.
    """

    role: str
    entry: dict[str, Any]


def write_clips(clips: Sequence[Clip]) -> str:
    """Return modules as text.

    Example:
        >>> write_clips([Clip("Optimizer", {"type": "torch.optim.Adam", "params": {}})]).splitlines()[1]
        '  "eisen modules": 1,'
    """
    modules = [{"role": clip.role, "entry": clip.entry} for clip in clips]
    return json.dumps({_MARK: _FORMAT, "modules": modules}, indent=2, ensure_ascii=False)


def read_clips(text: str) -> list[Clip]:
    """Return the modules that a text holds.

    Raises:
        ArgumentError: If the text was not made by `write_clips`.

    Example:
        >>> read_clips(write_clips([Clip("Optimizer", {"type": "torch.optim.Adam", "params": {}})]))[0].role
        'Optimizer'
    """
    try:
        data = json.loads(text)
        if data[_MARK] != _FORMAT:
            raise _foreign(f"modules of another version of eisen ({data[_MARK]!r:.20})")
        clips = [Clip(str(module["role"]), module["entry"]) for module in data["modules"]]
        if clips and all(isinstance(clip.entry, dict) and isinstance(clip.entry["type"], str) for clip in clips):
            return clips
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, ArgumentError):
            raise
    raise _foreign(f"the text {text.strip()[:40]!r}" if text.strip() else "nothing")


def _foreign(words: str) -> ArgumentError:
    what = f"the clipboard holds {words}, which is no module of the builder"
    return ArgumentError(what, expected="modules that were copied here", to_do="copy a module first, then paste it")
