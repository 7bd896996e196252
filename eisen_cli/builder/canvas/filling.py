"""Filling a phase from another one: the same data, opened and prepared the same way, without what is random."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from eisen.config.describe import describe
from eisen.config.locate import Unlocatable, locate_named, present_path
from eisen.config.sections import SECTIONS
from eisen.config.signature import signature_of
from eisen_cli.builder.canvas.lanes import lane_of
from eisen_cli.builder.canvas.randomness import without_random

__all__ = ["Offer", "fill", "offers_for", "sources_for"]

_DATA = ("Datasets", "Readers", "Transforms")
_JUDGING = ("Losses", "Metrics")
_SPELLINGS = {
    "Training": ("train", "training"),
    "Validation": ("validation", "val", "valid"),
    "Testing": ("test", "testing"),
}


@dataclass
class Offer:
    """What one section of a phase could get from another phase.

    Args:
        role: The section.
        entries: The modules it would get.
        notes: What is different from the phase they come from, one line each.
        replaces: Number of modules that it has now.
        chosen: Whether it is suggested.
    """

    role: str
    entries: list[Any]
    notes: list[str] = field(default_factory=list)
    replaces: int = 0
    chosen: bool = True


def sources_for(data: Mapping[str, Any], phase: str) -> list[str]:
    """Return the phases that another could be filled from, Training first.

    Example:
        >>> sources_for({"Training": {"Datasets": [{"type": "a.B", "params": {}}]}}, "Validation")
        ['Training']
    """
    others = [name for name in SECTIONS if name != phase] if phase in SECTIONS and phase != "Training" else []
    return [name for name in others if any(_entries(data, name, role) for role in _DATA)]


def offers_for(data: Mapping[str, Any], source: str, target: str) -> list[Offer]:
    """Return what each section of a phase could get from another phase; nothing is changed."""
    roles = _DATA if target == "Prediction" else (*_DATA, *_JUDGING)
    offers = []
    for role in roles:
        found = copy.deepcopy(_entries(data, source, role))
        if not found or role not in SECTIONS[target]:
            continue
        offer = Offer(role, found, replaces=len(_entries(data, target, role)))
        if role == "Datasets":
            offer.entries = [_dataset(entry, source, target, offer.notes) for entry in found]
        else:
            offer.entries, left_out = without_random(found)
            offer.notes += [
                f"without {', '.join(left_out)}, which {'are' if len(left_out) > 1 else 'is'} random"
            ] * bool(left_out)
        offer.chosen = offer.replaces == 0 and (role != "Losses" or target == "Validation")
        offers.append(offer)
    return offers


def fill(data: Mapping[str, Any], target: str, offers: Iterable[Offer]) -> dict[str, Any]:
    """Return a configuration in which sections of a phase hold what they were offered.

    Example:
        >>> fill({"Training": {}}, "Testing", [Offer("Readers", [{"type": "a.B", "params": {}}])])
        {'Training': {}, 'Testing': {'Readers': [{'type': 'a.B', 'params': {}}]}}
    """
    filled: dict[str, Any] = copy.deepcopy(dict(data))
    part = filled.setdefault(target, {})
    for offer in offers:
        lane = lane_of(filled, target, offer.role)
        part[str(lane.place[1]) if lane else offer.role] = offer.entries
    order = list(data)
    if target not in order:  # behind the phases before it, as somebody would write it
        before = [
            name for name in SECTIONS if name in order and list(SECTIONS).index(name) < list(SECTIONS).index(target)
        ]
        order.insert(order.index(before[-1]) + 1 if before else len(order), target)
    return {key: filled[key] for key in order}


def _entries(data: Mapping[str, Any], phase: str, role: str) -> list[Any]:
    lane = lane_of(data, phase, role)
    part = data.get(phase)
    found = part.get(lane.place[1]) if lane and isinstance(part, Mapping) else None
    return found if isinstance(found, list) else []


def _dataset(entry: Any, source: str, target: str, notes: list[str]) -> Any:
    """Return the dataset of another phase: whole cases instead of patches, and the other split."""
    if not isinstance(entry, dict) or not isinstance(entry.get("params"), dict):
        return entry
    inner = _whole_cases(entry)
    if inner is not entry:
        notes.append(f"whole cases instead of the patches of {str(entry['type']).rpartition('.')[2]}")
    params = dict(inner.get("params") or {})
    for name, choices in _choices(str(inner.get("type"))).items():
        wanted = next((word for word in _SPELLINGS.get(target, ()) if word in choices), None)
        if name in params and params[name] in _SPELLINGS.get(source, ()) and wanted and _is_split(choices):
            notes.append(f"{name} {wanted} instead of {params[name]}")
            params[name] = wanted
    return {**inner, "params": params}


def _is_split(choices: Iterable[Any]) -> bool:
    """Tell whether a parameter chooses among three parts of the cases; "training or test" is about labels."""
    return any(word in choices for word in _SPELLINGS["Validation"])


def _whole_cases(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the dataset inside of one that cuts patches, which says where and which."""
    try:
        parameters = signature_of(locate_named(present_path(str(entry["type"])))).parameters
    except Unlocatable:
        return entry
    cuts = any(parameter.role in ("Where", "Which") for parameter in parameters.values())
    inner = [value for value in entry["params"].values() if isinstance(value, dict) and "type" in value]
    datasets = [value for name, value in entry["params"].items() if value in inner and not parameters[name].role]
    return datasets[0] if cuts and len(datasets) == 1 else entry


def _choices(path: str) -> dict[str, tuple[Any, ...]]:
    try:
        return {
            parameter.name: parameter.choices
            for parameter in describe(present_path(path)).parameters
            if parameter.choices
        }
    except Exception:  # a class nobody can describe has no choices
        return {}
