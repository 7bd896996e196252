"""What a dry run has found, beside the configuration as it is now."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eisen.config.places import Place, parse
from eisen_cli.builder.flow.recording import RESULT
from eisen_cli.builder.flow.stations import Station, stations_of
from eisen_cli.builder.flow.wires import is_beside

__all__ = ["Failure", "Outcome", "Value", "read_outcome"]

_SECTION_OF = {"batch": "Batch", "model": "Models"}


@dataclass(frozen=True)
class Value:
    """A field behind a station.

    Args:
        facts: What is known: name, kind, shape, dtype, minimum, maximum, text, changed.
        pictures: Its slices, see `eisen_cli.builder.flow.pictures.save_pictures`; None for what is no image.
        histogram: How often values occur, or None.
        folder: Where the files of the slices are.
    """

    facts: Mapping[str, Any]
    pictures: Mapping[str, Any] | None = None
    histogram: Mapping[str, Any] | None = None
    folder: Path | None = None

    @property
    def words(self) -> str:
        """Shape, type and range in one line, e.g. ``"1×32×48×32 float32, -2.1 to 3.4"``.

        Example:
            >>> Value({"shape": [2, 3], "dtype": "float32", "minimum": -1.0, "maximum": 2.5}).words
            '2×3 float32, -1 to 2.5'
        """
        shape = self.facts.get("shape")
        if shape is None:
            return str(self.facts.get("text") or self.facts.get("kind") or "")
        text = f"{'×'.join(map(str, shape)) or 'one number'} {self.facts.get('dtype', '')}".strip()
        return f"{text}, {self.span}" if self.span else text

    @property
    def span(self) -> str:
        """Smallest and largest value, or the value itself where there is one only."""
        low, high = self.facts.get("minimum"), self.facts.get("maximum")
        if low is None or high is None:
            return ""
        return _number(low) if low == high else f"{_number(low)} to {_number(high)}"

    def data_url(self, file: str) -> str:
        """Return a picture as text that a browser shows without another request."""
        assert self.folder is not None
        try:
            data = (self.folder / Path(file).name).read_bytes()
        except OSError:  # of a dry run that was replaced in the meantime
            return ""
        return f"data:image/png;base64,{base64.b64encode(data).decode()}"


@dataclass(frozen=True)
class Failure:
    """What ended a dry run.

    Args:
        card: The entries of the error card that are not empty.
        place: Where it stands in the configuration; None when nobody knows.
        station: The place of the station it belongs to, else empty; then it is shown above all stations.
        problems: All problems, where the configuration itself has several.
    """

    card: Mapping[str, str]
    place: Place | None = None
    station: str = ""
    problems: Sequence[Mapping[str, str]] = ()


@dataclass(frozen=True)
class Outcome:
    """Everything a dry run has found.

    Args:
        facts: The result as it was written: case, cases, seconds, peak_memory, losses ...
        stations: The stations of the phase as they were then.
        values: Place of a station to the fields behind it that it made or changed, by name.
        seconds: Place of a station to how long it took.
        failure: What went wrong, if anything.
    """

    facts: Mapping[str, Any]
    stations: tuple[Station, ...]
    values: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    failure: Failure | None = None

    @property
    def dataset_fields(self) -> list[str] | None:
        """The fields of the data set; None when the dry run did not come that far."""
        for stage in self.facts.get("stages", ()):
            if stage["kind"] == "dataset":
                return [row["name"] for row in stage["fields"]]
        return None

    def n_current(self, stations: Sequence[Station]) -> int:
        """Return how many stations from the start are as they were when the dry run was done.

        Up to there its values hold; what follows another station than then may be different by now.
        """
        pairs = zip(stations, self.stations, strict=False)
        same = [(now.section, now.entry) == (then.section, then.entry) for now, then in pairs]
        return same.index(False) if False in same else len(same)

    def is_current(self, stations: Sequence[Station]) -> bool:
        """Tell whether nothing has changed since."""
        return len(stations) == len(self.stations) == self.n_current(stations)


def read_outcome(folder: Path, configuration: Mapping[str, Any], phase: str, why: str = "") -> Outcome:
    """Read what a dry run has left in its folder.

    Args:
        folder: The folder.
        configuration: What was tried.
        phase: Name of the phase.
        why: Why its process ended before it was done; empty when it did not.
    """
    try:
        facts = json.loads((folder / RESULT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        facts = {"status": "failed", "stages": []}
        why = why or "its process left no result"
    stations = tuple(stations_of(copy.deepcopy(dict(configuration)), phase))
    values: dict[str, dict[str, Value]] = {}
    seconds: dict[str, float] = {}
    for stage in facts["stages"]:
        key = _key(stage)
        seconds[key] = stage["seconds"]
        values[key] = {row["name"]: _value(row, folder) for row in stage["fields"] if _is_shown(row)}
    return Outcome(facts, stations, values, seconds, _failure(facts, stations, why))


def _key(stage: Mapping[str, Any]) -> str:
    return str(stage["place"] or _SECTION_OF.get(stage["kind"], f"({stage['name']})"))


def _is_shown(row: Mapping[str, Any]) -> bool:
    return bool(row["changed"]) and not is_beside(row["name"])


def _value(row: Mapping[str, Any], folder: Path) -> Value:
    facts = {name: row[name] for name in row if name not in ("pictures", "histogram")}
    return Value(facts, row.get("pictures"), row.get("histogram"), folder)


def _failure(facts: Mapping[str, Any], stations: Sequence[Station], why: str) -> Failure | None:
    error, under = facts.get("error"), facts.get("underway") or {}
    if error is None and not why:
        return None
    if error is None:
        what = f"the dry run did not end: {why}"
        error = {"place": under.get("place", ""), "card": {"what": what, "to_do": _advice(under)}}
    place = parse(error["place"]) if error.get("place") else None
    station = _station_of(place, stations) or _station_before(facts, stations)
    return Failure(error["card"], place, station, error.get("problems", ()))


def _station_of(place: Place | None, stations: Sequence[Station]) -> str:
    """Return the station that a place is in, or empty text."""
    found = [s for s in stations if place and s.place and place[: len(s.place)] == s.place]
    return found[0].key if found else ""


def _station_before(facts: Mapping[str, Any], stations: Sequence[Station]) -> str:
    """Return where a step of the program itself stands: behind the last station that was done."""
    if not facts.get("underway") or facts["underway"].get("place"):
        return ""
    if facts["underway"]["kind"] == "batch":
        return "Batch"
    keys = {station.key for station in stations}
    done = [key for key in map(_key, facts["stages"]) if key in keys]
    return done[-1] if done else ""


def _advice(under: Mapping[str, Any]) -> str:
    return f"it was in {under['name']}; try a smaller case, or look at that step" if under else "try a smaller case"


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, (int, float)) else str(value)
