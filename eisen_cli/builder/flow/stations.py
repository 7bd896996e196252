"""The stations that the fields of a phase pass, told from the configuration alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from eisen.config.field_use import FieldUse, NamedField, field_use
from eisen.config.locate import Unlocatable, locate_named
from eisen.config.places import Place, text_of

__all__ = ["Station", "stations_of"]

_STEPS = ("Datasets", "Readers", "Transforms")


@dataclass(frozen=True)
class Station:
    """One thing that fields pass on their way through a phase.

    Args:
        section: Its section; ``"Batch"`` is where cases are put together.
        name: What it is called.
        place: Where it stands; empty for the batch.
        entry: What the configuration says about it.
        use: What it does to fields.
        values: Names of the losses or metrics it computes.
        demands: Whether what it reads must be there; not so where the workflow makes it.
    """

    section: str
    name: str
    place: Place
    entry: Any
    use: FieldUse
    values: tuple[str, ...] = ()
    demands: bool = True

    @property
    def key(self) -> str:
        """Its place as text, unique within a phase."""
        return text_of(self.place) if self.place else self.section


def stations_of(data: Mapping[str, Any], phase: str) -> list[Station]:
    """Return what the fields of a phase pass, in order.

    Args:
        data: The configuration; parts of it may be absent or wrong.
        phase: Name of the phase, e.g. ``"Training"``.

    Example:
        >>> readers = [{"type": "eisen.io.LoadNiftiFromFilename", "params": {"fields": ["image"]}}]
        >>> [station.name for station in stations_of({"Training": {"Readers": readers}}, "Training")]
        ['LoadNiftiFromFilename', 'batch']
    """
    own, general = _object(data.get(phase)), _object(data.get("General"))
    hyper = [general.get("Hyperparameters"), own.get("Hyperparameters")]
    workflow = _workflow(own)
    makes_inputs = bool(getattr(workflow, "makes_inputs", False))
    models = _listed(general, "Models", ("General",))[:1]
    stations = [station for section in _STEPS for station in _section(own, section, phase)]
    stations.append(Station("Batch", "batch", (), hyper, FieldUse()))
    stations += _section(own, "BatchTransforms", phase)
    stations += _workflow_stations(own, phase, models if makes_inputs else [])
    stations += [_station("Models", place, entry, demands=not makes_inputs) for place, entry in models]
    for section in ("Losses", "Metrics"):
        stations += [_measure(section, place, entry) for place, entry in _listed(own, section, (phase,))]
    return stations


def _section(part: Mapping[str, Any], section: str, phase: str) -> list[Station]:
    entries = _listed(part, section, (phase,))
    if section == "Datasets":  # the first is used
        entries = entries[:1]
    return [_station(section, place, entry) for place, entry in entries]


def _station(section: str, place: Place, entry: Any, *, demands: bool = True) -> Station:
    return Station(section, _name(entry), place, entry, field_use(entry, section), demands=demands)


def _measure(section: str, place: Place, entry: Any) -> Station:
    """Return a loss or metric: what it computes is a number, not a field."""
    use = field_use(entry, section)
    read = tuple(named for named in use.named if named.role == "reads")
    return Station(section, _name(entry), place, entry, FieldUse(read), tuple(use.fields("makes")))


def _workflow_stations(own: Mapping[str, Any], phase: str, models: list[tuple[Place, Any]]) -> Iterator[Station]:
    """Yield the workflow if it reads fields by itself, or makes what the model is given."""
    for place, entry in _listed(own, "Workflow", (phase,))[:1]:
        use = field_use(entry, "Workflow")
        made = [name for _, model in models for name in field_use(model, "Models").fields("reads")]
        named = (*use.named, *(NamedField(field, "makes") for field in made))
        if named:
            yield Station("Workflow", _name(entry), place, entry, FieldUse(named))


def _workflow(own: Mapping[str, Any]) -> Any:
    for _, entry in _listed(own, "Workflow", ())[:1]:
        try:
            return locate_named(str(_object(entry).get("type")))
        except Unlocatable:
            return None
    return None


def _name(entry: Any) -> str:
    path = _object(entry).get("type")
    return path.rpartition(".")[2] if isinstance(path, str) and path else "?"


def _listed(part: Mapping[str, Any], section: str, place: Place) -> list[tuple[Place, Any]]:
    entries = part.get(section)
    listed = entries if isinstance(entries, list) else []
    return [((*place, section, index), entry) for index, entry in enumerate(listed)]


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
