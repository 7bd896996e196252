"""The names of fields that a new module should speak of, from what is there in its phase."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from eisen.config.field_use import FieldUse, field_use
from eisen_cli.builder.canvas.lanes import lane_of
from eisen_cli.builder.flow.wires import is_beside

__all__ = ["names_for"]

_BEFORE = ("Datasets", "Readers", "Transforms", "BatchTransforms")


def names_for(data: Mapping[str, Any], phase: str, role: str) -> list[str]:
    """Return the names of the fields that are there for a module, in the order in which it most likely takes them.

    Args:
        data: The configuration.
        phase: Where the module is added; General looks at Training.
        role: Its section.

    Example:
        >>> readers = [{"type": "eisen.io.LoadNiftiFromFilename", "params": {"fields": ["t1", "mask"]}}]
        >>> model = {"type": "a.Net", "params": {"input_names": ["t1"], "output_names": ["logits"]}}
        >>> data = {"General": {"Models": [model]}, "Training": {"Readers": readers}}
        >>> names_for(data, "Training", "Losses"), names_for(data, "Training", "Transforms")
        (['logits', 'mask'], ['t1', 'mask'])
    """
    cases = _of_cases(data, "Training" if phase == "General" else phase)
    if role == "Models":
        return cases[:1]
    if role not in ("Losses", "Metrics"):
        return cases
    models = [field_use(entry, "Models") for entry in _entries(data, "General", "Models")]
    made = [name for use in models for name in use.fields("makes")]
    read = {name for use in models for name in use.fields("reads")}
    return [*made, *(name for name in cases if name not in read)]


def _of_cases(data: Mapping[str, Any], phase: str) -> list[str]:
    there: dict[str, None] = {}
    for use in _uses(data, phase):
        there.update(
            dict.fromkeys(name for name in use.fields("reads", "changes", "makes", "names") if not is_beside(name))
        )
        for name in use.fields("removes"):
            there.pop(name, None)
    return list(there)


def _uses(data: Mapping[str, Any], phase: str) -> Iterator[FieldUse]:
    for role in _BEFORE:
        for entry in _entries(data, phase, role):
            yield field_use(entry, role)


def _entries(data: Mapping[str, Any], phase: str, role: str) -> list[Any]:
    lane, part = lane_of(data, phase, role), data.get(phase)
    found = part.get(lane.place[1]) if lane and isinstance(part, Mapping) else None
    return found if isinstance(found, list) else []
