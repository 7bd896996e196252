"""Values from the command line: ``Training.Optimizer[0].params.lr=1e-3``."""

from __future__ import annotations

import json
from typing import Any

from eisen._core.errors import Problem, nearest
from eisen.config.places import Place, parse, text_of
from eisen.config.sections import ALIASES, GENERAL, HYPER, PHASES, SECTIONS, SPLIT, TOP_LEVEL
from eisen.config.source import Source

__all__ = ["apply_override", "set_hyperparameter"]

_FORM = "PATH=VALUE, e.g. Training.Optimizer[0].params.lr=1e-3 or General.BatchSize=2"


def apply_override(source: Source, text: str) -> Problem | None:
    """Set one value of a configuration; return what is wrong with the override, if anything.

    Args:
        source: The configuration; its data are changed.
        text: ``PATH=VALUE``. The value is read as JSON, and as text when it is not JSON. Hyperparameters have a short
            form: ``Training.BatchSize=2``, and ``BatchSize=2`` for General.
    """
    path, equals, value = text.partition("=")
    place = parse(path.strip())
    if not equals or place is None:
        return Problem(text, "this override cannot be read", _FORM)
    place = tuple(ALIASES.get(str(part), part) if depth == 1 else part for depth, part in enumerate(place))
    words = f"from --set {path.strip()}"
    try:
        content = json.loads(value, parse_constant=_refuse)
    except ValueError:
        content = value
    short = _short_form(place)
    if short is not None:
        set_hyperparameter(source, *short, content, words)
        return None
    return _set(source, place, content, words)


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _short_form(place: Place) -> tuple[str, str] | None:
    """Return (part of the file, name) of a hyperparameter in its short form."""
    parts = [part for part in place if part != "Hyperparameters"]
    owner, name = ("General", parts[0]) if len(parts) == 1 else (parts[0], parts[-1])
    if len(parts) > 2 or owner not in ("General", *PHASES) or str(name).removeprefix(".") not in HYPER:
        return None
    return str(owner), str(name).removeprefix(".")


def set_hyperparameter(source: Source, owner: str, name: str, value: Any, words: str) -> None:
    """Set a hyperparameter of General or of a phase, adding it if it is absent.

    Args:
        source: The configuration; its data are changed.
        owner: ``"General"`` or the name of a phase.
        name: Name without the dot, e.g. ``"BatchSize"``.
        value: Its value.
        words: Where it came from, for error messages.
    """
    part = source.data.setdefault(owner, {}) if isinstance(source.data, dict) else {}
    entries = part.setdefault("Hyperparameters", []) if isinstance(part, dict) else []
    if not isinstance(entries, list):
        return
    index = next((i for i, entry in enumerate(entries) if _sets(entry, name)), len(entries))
    if index == len(entries):
        entries.append(None)
    entries[index] = {"type": f".{name}", "params": {"value": value}}
    source.replaced[(owner, "Hyperparameters", index)] = words


def _sets(entry: Any, name: str) -> bool:
    known = str(entry.get("type", "")) if isinstance(entry, dict) else ""
    return HYPER.get(known.removeprefix(".")) == HYPER[name]


def _set(source: Source, place: Place, content: Any, words: str) -> Problem | None:
    *path, last = place
    target = source.data
    if path == ["Split"] and isinstance(target, dict):
        target.setdefault("Split", {})
    for depth, part in enumerate(path):
        problem = _missing(target, part, place[:depth])
        if problem:
            return problem
        target = target[part]
    if not (isinstance(target, dict) and _may_be_new(place)):
        problem = _missing(target, last, place[:-1])
        if problem:
            return problem
    target[last] = content
    source.replaced[place] = words
    return None


def _may_be_new(place: Place) -> bool:
    """Tell whether a path may add a key: a parameter, a section, or anything inside a parameter's object."""
    if "params" in place[:-1]:
        return True
    if len(place) == 1:
        return place[0] in TOP_LEVEL
    known = {**SECTIONS, "General": GENERAL, "Split": SPLIT}
    return len(place) == 2 and place[1] in known.get(str(place[0]), ())


def _missing(target: Any, part: str | int, place: Place) -> Problem | None:
    where = text_of((*place, part))
    if isinstance(target, list):
        if isinstance(part, int) and part < len(target):
            return None
        count = f"{len(target)} entr{'y' if len(target) == 1 else 'ies'}"
        last = f", [0] to [{len(target) - 1}]" if target else ""
        return Problem(where, "--set names an entry that is not there", f"{text_of(place)} has {count}{last}")
    if isinstance(target, dict):
        if part in target:
            return None
        known = {**SECTIONS, "Split": SPLIT}
        names = [*target, *known.get(str(place[0]) if place else "", TOP_LEVEL if not place else ())]
        expected = nearest(str(part), names) or f"one of {', '.join(map(str, target)) or '(nothing is there)'}"
        return Problem(where, f"--set names '{part}', which is not there", expected)
    return Problem(where, f"--set goes into {text_of(place)}, which is a plain value", _FORM)
