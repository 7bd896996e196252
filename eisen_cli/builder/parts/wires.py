"""Sensible names for the fields that a new module reads and adds."""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from eisen.config.locate import Unlocatable, locate_named
from eisen.config.sections import WIRED

if TYPE_CHECKING:
    from eisen_cli.builder.parts.part import Part

__all__ = ["input_count", "own_entry"]

_USUAL = {"Models": ["image"], "Losses": ["predictions", "label"], "Metrics": ["predictions", "label"]}
_NAME = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z0-9]+|\d+")


def own_entry(part: Part, names: list[str]) -> dict[str, Any]:
    """Return an entry of a part with the names of fields that it needs."""
    params: dict[str, Any] = {}
    for spec in part.fields:
        if spec.name == "input_names":
            params[spec.name] = _inputs(part, names)
        elif spec.name == "output_names":
            params[spec.name] = [_output(part)]
        elif spec.kind == "names" and spec.required:
            params[spec.name] = (names or ["image"])[0] if spec.shape == "one" else (names or ["image"])
    return {"type": part.path, "params": params}


def input_count(path: str) -> int | None:
    """Return how many inputs the forward of a module needs; None when that cannot be told.

    Example:
        >>> input_count("torch.nn.L1Loss"), input_count("no.such.Thing")
        (2, None)
    """
    try:
        forward = getattr(locate_named(path), "forward", None)
    except Unlocatable:
        return None
    if forward is None:
        return None
    kinds = inspect.Parameter
    parameters = list(inspect.signature(forward).parameters.values())[1:]
    if any(p.kind is kinds.VAR_POSITIONAL for p in parameters):
        return None
    plain = (kinds.POSITIONAL_ONLY, kinds.POSITIONAL_OR_KEYWORD)
    return sum(p.kind in plain and p.default is kinds.empty for p in parameters)


def _inputs(part: Part, names: list[str]) -> list[str]:
    """Return as many names as the module takes inputs: first those that are there, then the usual ones."""
    count = input_count(part.path)
    wanted = [*names, *(name for name in _USUAL.get(part.section, ["image"]) if name not in names)]
    if not count:
        return wanted[: len(_USUAL.get(part.section, ["image"]))]
    return [*wanted[:count], *(f"input_{number}" for number in range(len(wanted) + 1, count + 1))]


def _output(part: Part) -> str:
    """Return a name for what a module adds: predictions, or the name of a loss or metric without that word."""
    if part.section not in WIRED[1:]:
        return "predictions"
    words = [word.lower() for word in _NAME.findall(part.name)]
    short = [word for word in words if word not in ("loss", "metric")]
    return re.sub(r"_(?=\d+$)", "", "_".join(short or words))
