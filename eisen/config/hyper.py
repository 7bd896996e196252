"""The pseudo types ``.BatchSize``, ``.Seed`` ... of a Hyperparameters section."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from pydantic import ValidationError

from eisen._core.errors import nearest
from eisen.config import hints
from eisen.config.experiment import Hyperparameters
from eisen.config.findings import Findings
from eisen.config.places import Place
from eisen.config.repair import spoken_as
from eisen.config.sections import HYPER
from eisen.config.windows import read_windows

__all__ = ["WORDS", "expected_of", "read_hyperparameters"]

WORDS = {
    "batch_size": "a whole number from 1",
    "n_workers": "a whole number from 0",
    "workers": 'one of "processes", "threads", "auto"',
    "seed": "a whole number from 0",
    "epochs": "a whole number from 1",
    "device": '"auto", "cpu", "cuda", "cuda:0", "cuda:1" ... or "mps"',
    "precision": 'one of "fp32", "bf16", "fp16"',
    "labels": 'an object from label values to names, e.g. {"1": "anterior", "2": "posterior"}',
    "empty_label": 'one of "error", "warn", "allow"',
    "threads": "a whole number from 1",
    "validate_every": "a whole number from 1",
    "accumulate": "a whole number from 1",
    "clip_norm": "a number above 0",
    "clip_value": "a number above 0",
    "compile": "true or false",
    "channels_last": "true or false",
    "ema": "a number from 0 to below 1, e.g. 0.999",
    "swa": "the number of an epoch, from 0",
    "freeze": 'a list of names of weights, e.g. ["encoder.*"]',
    "on_non_finite": 'one of "raise", "skip", "ignore"',
    "max_time": 'a number of minutes, or a time such as "2h30m"',
    "best": 'what is judged, e.g. "max dice" or "min dice_ce - dice"',
    "checkpoint_every": 'a number of batches, or a time such as "10min"',
    "distribution": 'one of "ddp", "fsdp"',
    "deterministic": "true or false",
    "sliding_window": 'e.g. {"window": [64, 64, 64], "overlap": 0.5}',
    "memory": 'a size such as "4GB" or "512MB"',
}
"""What each setting takes, in words."""

_PLAIN: dict[str, Any] = {
    "batch_size": int,
    "n_workers": int,
    "seed": int,
    "epochs": int,
    "threads": int,
    "validate_every": int,
    "labels": dict[int, str],
    "accumulate": int,
    "clip_norm": float,
    "clip_value": float,
    "compile": bool,
    "channels_last": bool,
    "ema": float,
    "swa": int,
    "freeze": list[str],
    "max_time": float | str,
    "checkpoint_every": int | str,
    "deterministic": bool,
}


def read_hyperparameters(entries: Any, place: Place, findings: Findings) -> dict[str, Any]:
    """Return the settings of a Hyperparameters section by attribute name.

    Args:
        entries: The list in the file; what is wrong in it is noted, what can be repaired is repaired in place.
        place: Where the list stands.
        findings: Takes the problems and repairs.
    """
    settings: dict[str, Any] = {}
    empty: list[int] = []
    for index, entry in enumerate(entries):
        here = (*place, index)
        attribute = _attribute(entry, here, findings)
        if attribute is None:
            continue
        is_window = attribute == "sliding_window"
        value = _windows(entry, here, findings) if is_window else _value(entry, attribute, here, findings)
        if value is None:
            if not is_window:
                empty.append(index)
            continue
        if attribute in settings:
            findings.problem(here, f"{entry['type']} is set twice", "one entry for each hyperparameter")
        settings[attribute] = value
    for index in reversed(empty):
        del entries[index]
    return settings


def _attribute(entry: Any, here: Place, findings: Findings) -> str | None:
    if not isinstance(entry, dict) or not isinstance(entry.get("type"), str):
        findings.problem(here, "this is no hyperparameter", '{"type": ".BatchSize", "params": {"value": 4}}')
        return None
    for key in [key for key in entry if key not in ("type", "params")]:
        findings.problem(
            (*here, key), f"unknown '{key}'", nearest(key, ["type", "params"]) or "type and params", key=True
        )
    name = entry["type"].removeprefix(".")
    if name not in HYPER:
        expected = nearest(name, HYPER).replace("mean '", "mean '.")
        some = ", ".join(f".{known}" for known in HYPER if known != "NumWorker")
        findings.problem((*here, "type"), f"unknown hyperparameter '{entry['type']}'", expected or f"one of {some}")
        return None
    spelled = ".NumWorkers" if name == "NumWorker" else f".{name}"
    if spelled != entry["type"]:
        findings.repair((*here, "type"), f"{entry['type']} is read as {spelled}")
        entry["type"] = spelled
    return HYPER[name]


def _windows(entry: dict[str, Any], here: Place, findings: Findings) -> Any:
    return read_windows(entry.get("params"), (*here, "params"), findings)


def _value(entry: dict[str, Any], attribute: str, here: Place, findings: Findings) -> Any:
    params = entry.get("params")
    if not isinstance(params, dict) or "value" not in params:
        there = (*here, "params", "value")
        findings.problem(here, f"{entry['type']} has no value", '"params": {"value": ...}', absent=there)
        return None
    for key in [key for key in params if key != "value"]:
        place = (*here, "params", key)
        findings.problem(place, f"unknown parameter '{key}' of {entry['type']}", "value", key=True)
    here = (*here, "params", "value")
    if params["value"] in (None, ""):
        default = getattr(Hyperparameters(), attribute)
        findings.repair(here, f"is empty; {entry['type']} is left at its default ({_shown(default)})")
        return None
    spoken = spoken_as(_PLAIN.get(attribute, str), params["value"])
    if spoken is not None:
        findings.repair(here, f"the text {params['value']!r} is read as {spoken!r}")
        params["value"] = spoken
    return _checked(attribute, params["value"], here, entry["type"], findings)


def _checked(attribute: str, value: Any, here: Place, name: str, findings: Findings) -> Any:
    expected = expected_of(attribute, value)
    if expected:
        findings.problem(here, f"{name} is {_shown(value)}", expected)
        return None
    return getattr(Hyperparameters(**{attribute: value}), attribute)


def expected_of(attribute: str, value: Any) -> str:
    """Return what was expected of a setting, in words; "" when the value is right.

    Example:
        >>> expected_of("seed", -1), expected_of("seed", 0)
        ('a whole number from 0', '')
    """
    settings: Mapping[str, Any] = {attribute: value}
    try:
        hints.check(_PLAIN.get(attribute, str), value)
        Hyperparameters(**settings)
    except (hints.Misfit, ValidationError):
        return WORDS[attribute]
    return ""


def _shown(value: Any) -> str:
    return "unset" if value is None else repr(value)


assert set(WORDS) == {field.name for field in fields(Hyperparameters)}
