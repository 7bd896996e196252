"""Which fields a phase is known to have: the names that its modules read and add."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from eisen.config.places import Place
from eisen.config.sections import WIRED

if TYPE_CHECKING:
    from eisen_cli.builder.parts.catalogue import Catalogue

__all__ = ["known_names"]

_FLOW = ("Datasets", "Readers", "Transforms", "BatchTransforms")
_MEASURED = ("Losses", "Metrics")


def known_names(catalogue: Catalogue, data: Mapping[str, Any], place: Place) -> list[str]:
    """Return the names of fields that are mentioned where a module stands, the nearest to suggest first.

    Args:
        catalogue: Knows which parameters hold names of fields.
        data: The configuration.
        place: Where the module stands, e.g. ``("Training", "Losses", 0)``. In General all phases count.

    Example:
        >>> from eisen_cli.builder.parts.catalogue import Catalogue
        >>> flip = {"type": "eisen.transforms.RandomFlip", "params": {"fields": ["image", "label"]}}
        >>> known_names(Catalogue({}), {"Training": {"Transforms": [flip]}}, ("Training", "Losses", 0))
        ['image', 'label']
    """
    phase, section = str(place[0]), str(place[1]) if len(place) > 1 else ""
    phases = [phase] if phase != "General" else [name for name in data if name not in ("General", "Split")]
    names = [name for each in phases for name in _of_phase(catalogue, data.get(each), section)]
    outputs = [name for entry in _entries(data.get("General"), "Models") for name in _wires(entry, "output_names")]
    inputs = [name for entry in _entries(data.get("General"), "Models") for name in _wires(entry, "input_names")]
    ordered = [*outputs, *names, *inputs] if section in _MEASURED else [*names, *inputs]
    return list(dict.fromkeys(ordered))


def _of_phase(catalogue: Catalogue, part: Any, section: str) -> Iterator[str]:
    """Yield the names in the steps of a phase, up to the section; those that measure see all of them."""
    before = _FLOW[: _FLOW.index(section) + 1] if section in _FLOW else _FLOW
    for each in (*before[1:], before[0]):  # what steps work on is named sooner than what data sets look at
        for entry in _entries(part, each):
            yield from _mentioned(catalogue, each, entry)


def _mentioned(catalogue: Catalogue, section: str, entry: Mapping[str, Any]) -> Iterator[str]:
    params = entry.get("params")
    part = catalogue.part(section, str(entry.get("type")))
    for spec in part.fields if isinstance(params, dict) else ():
        value = params.get(spec.name) if isinstance(params, dict) else None
        if spec.kind == "names":
            yield from _texts(value)
        elif spec.kind in ("entry", "entries"):
            inner = value if isinstance(value, list) else [value]
            for item in inner:
                if isinstance(item, dict):
                    yield from _mentioned(catalogue, spec.role, item)
        elif spec.kind == "dict" and section == "Datasets" and isinstance(value, dict) and spec.item == "text":
            yield from map(str, value)


def _texts(value: Any) -> Iterator[str]:
    values = value if isinstance(value, list) else [value]
    yield from (item for item in values if isinstance(item, str) and item)


def _entries(part: Any, section: str) -> list[dict[str, Any]]:
    entries = part.get(section) if isinstance(part, dict) else None
    return [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []


def _wires(entry: Mapping[str, Any], key: str) -> list[str]:
    params = entry.get("params")
    return list(_texts(params.get(key))) if isinstance(params, dict) else []


assert set(_MEASURED) < set(WIRED)
