"""The wires between the stations: which field is there, from where to where, and where one breaks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from eisen._core.errors import nearest
from eisen.config.field_use import NamedField
from eisen.config.findings import Findings
from eisen.config.places import Place, parse
from eisen.config.source import Source
from eisen.config.wiring import check_wiring
from eisen_cli.builder.flow.stations import Station, stations_of

__all__ = ["Break", "Flow", "Stop", "flow_of", "is_beside"]

_BESIDE = ("_meta", "_affines", "_orientations")
_LEFT_BY_STEPS = ("_src", "_dst")
"""Ends of names of fields that some steps leave behind without being asked."""


@dataclass(frozen=True)
class Break:
    """A field that a station wants and that cannot be there.

    Args:
        field: The field.
        place: Where its name stands, or the station where that is a default.
        what: What is wrong.
        expected: What would have been right.
    """

    field: str
    place: Place
    what: str
    expected: str


@dataclass(frozen=True)
class Stop:
    """A station with the wires that come to it and go on from it.

    Args:
        station: The station.
        before: Fields that come to it.
        after: Fields that go on.
        breaks: What it wants and cannot get.
        given: Fields that come from here without being named; at a data set only.
        is_guess: Whether these are taken to come from here, as nobody says so; a dry run tells.
    """

    station: Station
    before: tuple[str, ...]
    after: tuple[str, ...]
    breaks: tuple[Break, ...] = ()
    given: tuple[str, ...] = ()
    is_guess: bool = True


@dataclass(frozen=True)
class Flow:
    """The way of all fields through a phase.

    Args:
        phase: Name of the phase.
        stops: The stations in order.
        lanes: The fields that some station names, in the order of their first appearance.
        unused: Fields of the data set that nobody names; known after a dry run only.
    """

    phase: str
    stops: tuple[Stop, ...]
    lanes: tuple[str, ...]
    unused: tuple[str, ...] = ()


def flow_of(data: Mapping[str, Any], phase: str, known: Sequence[str] | None = None) -> Flow:
    """Follow the fields through a phase, from the configuration alone.

    Args:
        data: The configuration; parts of it may be absent or wrong.
        phase: Name of the phase.
        known: The fields that the data set has, as a dry run has found; None while nobody knows.

    Example:
        >>> steps = [{"type": "eisen.transforms.DropFields", "params": {"fields": ["seg"]}},
        ...          {"type": "eisen.transforms.Flip", "params": {"fields": ["seg"], "axes": [0]}}]
        >>> flow_of({"Training": {"Transforms": steps}}, "Training").stops[1].breaks[0].what
        "nothing makes 'seg'"
    """
    stations = stations_of(data, phase)
    assumed = _followed(stations, [], known)[1]
    stops, _ = _followed(stations, assumed, known)
    stops = _with_findings(stops, data, phase)
    named = dict.fromkeys(each.field for station in stations for each in station.use.named)
    made = {field for stop in stops for field in (*stop.before, *stop.after)}
    lanes = [name for name in named if name in made and not is_beside(name)]
    unused = [name for name in known or () if name not in named and not is_beside(name)]
    return Flow(phase, tuple(stops), tuple(lanes), tuple(unused))


@dataclass
class _State:
    """What is known about the fields between two stations."""

    present: dict[str, None] = field(default_factory=dict)
    is_open: bool = True
    removed: set[str] = field(default_factory=set)
    assumed: list[str] = field(default_factory=list)

    def wants(self, named: NamedField, station: Station) -> Break | None:
        """Return what is wrong if a field cannot be there; a field nobody knows about is taken to be there."""
        name = named.field
        if name in self.present or is_beside(name) or named.role in ("makes", "names", "locates"):
            return None
        if name.endswith(_LEFT_BY_STEPS) and name[:-4] in self.present:
            return None
        if self.is_open and name not in self.removed:
            self.present[name] = None
            self.assumed.append(name)
            return None
        place = (*station.place, *named.inside)
        expected = "; ".join(filter(None, [f"there are: {', '.join(self.present) or 'none'}", *self._close(name)]))
        return Break(name, place, f"nothing makes '{name}'", expected)

    def _close(self, name: str) -> Iterable[str]:
        return [nearest(name, self.present)]

    def pass_by(self, station: Station) -> None:
        """Go to the other side of a station."""
        use = station.use
        if use.is_certain:
            gone = set(use.fields("removes"))
            if kept := use.fields("keeps"):
                gone |= self.present.keys() - set(kept)
                self.is_open = False
            self.present = {name: None for name in self.present if name not in gone}
            self.removed |= gone
        for name in use.fields("makes", "names"):
            self.present[name] = None
            self.removed.discard(name)
        if not use.is_known and station.section != "Datasets":  # it may have made anything
            self.is_open = True
            self.removed.clear()


def _followed(
    stations: Sequence[Station], assumed: Sequence[str], known: Sequence[str] | None
) -> tuple[list[Stop], list[str]]:
    """Return the stops, and the fields that must come from the data set; those are known when it is done again."""
    state = _State()
    has_source = any(station.section == "Datasets" for station in stations)
    if not has_source:
        state.present = dict.fromkeys(assumed)
    stops = []
    for station in stations:
        before = tuple(state.present)
        breaks = [state.wants(named, station) for named in station.use.named] if station.demands else []
        state.pass_by(station)
        given: tuple[str, ...] = ()
        if station.section == "Datasets":
            given = tuple(assumed if known is None else known)
            state.present, state.is_open = dict.fromkeys([*state.present, *given]), known is None
        found = tuple(each for each in breaks if each is not None)
        stops.append(Stop(station, before, tuple(state.present), found, given, known is None))
    return stops, state.assumed


def _with_findings(stops: list[Stop], data: Mapping[str, Any], phase: str) -> list[Stop]:
    """Add what reading the configuration would say about names of fields, where it is not said already."""
    findings = Findings(Source(dict(data)))
    check_wiring(dict(data), findings)
    said = {each.place for stop in stops for each in stop.breaks}
    result = list(stops)
    for problem in findings.problems:
        place = parse(problem.where)
        if place is None or place in said or "input_names" not in place or not problem.what.startswith("nothing"):
            continue
        if place[0] == "General" and f"{phase} leaves" not in problem.expected:  # that is about another phase
            continue
        for index, stop in enumerate(result):
            if stop.station.place and place[: len(stop.station.place)] == stop.station.place:
                new = Break(problem.what.split("'")[1], place, problem.what, problem.expected)
                result[index] = replace(stop, breaks=(*stop.breaks, new))
    return result


def is_beside(name: str) -> bool:
    """Tell whether a field only describes another one, as its geometry does.

    Example:
        >>> is_beside("image_meta"), is_beside("image")
        (True, False)
    """
    return name.endswith(_BESIDE)
