"""The map of the wires as HTML: a row per station, a lane per field. Every text from outside is escaped."""

from __future__ import annotations

from dataclasses import dataclass, replace
from html import escape

from eisen.config.places import text_of
from eisen_cli.builder.flow.cards import break_html, duration, error_html, exact_place, number_chip, what_it_does
from eisen_cli.builder.flow.outcome import Failure, Outcome, Value
from eisen_cli.builder.flow.wires import Flow, Stop

__all__ = ["Drawing", "lane_colour"]

_TOP = 16
"""Height of a dot in its row, pixels; below the name of a section it is lower."""
_HEAD = 22
_LEFT = 12
_TITLES = {
    "Datasets": "Dataset",
    "Readers": "Readers",
    "Transforms": "Transforms",
    "Batch": "Batch",
    "BatchTransforms": "Batch transforms",
    "Workflow": "Workflow",
    "Models": "Model",
    "Losses": "Losses",
    "Metrics": "Metrics",
}


def lane_colour(index: int) -> str:
    """Return the colour of a lane; there are eight, which take turns.

    Example:
        >>> lane_colour(0), lane_colour(8)
        ('var(--e-c1)', 'var(--e-c1)')
    """
    return f"var(--e-c{index % 8 + 1})"


@dataclass(frozen=True)
class Drawing:
    """Draws the flow of a phase.

    Args:
        flow: The flow.
        outcome: What a dry run found, or None.
        chosen: Station and field whose wire is open, or None.
    """

    flow: Flow
    outcome: Outcome | None = None
    chosen: tuple[str, str] | None = None

    def html(self) -> str:
        """Return the whole map."""
        rows = "".join(self._row(number, stop) for number, stop in enumerate(self.flow.stops))
        return f'<div class="ef-map" role="list" aria-label="Fields of {escape(self.flow.phase)}">{rows}</div>'

    def value(self, number: int, name: str) -> tuple[int, Value] | None:
        """Return the value of a field behind a station, and the number of the station that made it; or None.

        Args:
            number: Number of the station, from 0.
            name: The field.
        """
        if self.outcome is None:
            return None
        for index in range(min(number, self._n_current - 1), -1, -1):
            station = self.outcome.stations[index]
            found = self.outcome.values.get(station.key, {}).get(name)
            if found is not None:
                return index, found
        return None

    @property
    def _n_current(self) -> int:
        if self.outcome is None:
            return 0
        return self.outcome.n_current([stop.station for stop in self.flow.stops])

    # -- a row ----------------------------------------------------------------------------------------------------

    def _row(self, number: int, stop: Stop) -> str:
        station, before = stop.station, self.flow.stops[number - 1].station if number else None
        heads = before is None or before.section != station.section
        top = _TOP + (_HEAD if heads else 0)
        title = f'<div class="ef-section">{escape(_TITLES[station.section])}</div>' if heads else ""
        failure = self._failure(stop)
        breaks = [each for each in stop.breaks if failure is None or each.field != failure.card.get("field")]
        classes = "ef-row ef-late" if self._is_late(number) else "ef-row"
        if failure is not None or stop.breaks:
            classes += " ef-broken"
        return (
            f'<div class="{classes}" role="listitem" data-station="{escape(station.key)}">'
            f"{self._lanes(number, stop, top)}"
            f'<div class="ef-body">{title}{self._name(number, stop)}{self._chips(number, stop)}'
            f"{''.join(map(break_html, breaks))}{error_html(failure) if failure else ''}</div></div>"
        )

    def _failure(self, stop: Stop) -> Failure | None:
        failure = self.outcome.failure if self.outcome is not None else None
        if failure is None or not failure.station or failure.station != stop.station.key:
            return None
        number = [each.station.key for each in self.flow.stops].index(failure.station)
        return replace(failure, place=exact_place(failure, stop)) if number < self._n_current else None

    def _is_late(self, number: int) -> bool:
        """Tell whether a station was not reached, or is behind one that has changed since."""
        if self.outcome is None:
            return False
        if number >= self._n_current:
            return True
        return self.outcome.stations[number].key not in self.outcome.seconds

    def _name(self, number: int, stop: Stop) -> str:
        station = stop.station
        goes = escape(text_of(station.place)) if station.place else ""
        shown = escape(station.name)
        name = f'<button class="ef-name" data-goto="{goes}" title="Show {shown}">{shown}</button>' if goes else shown
        seconds = None
        if self.outcome is not None and number < self._n_current:
            seconds = self.outcome.seconds.get(self.outcome.stations[number].key)
        time = f'<span class="ef-time e-number">{duration(seconds)}</span>' if seconds is not None else ""
        unsure = '<span class="e-chip" title="This class does not say what it does to fields">unknown</span>'
        known = station.use.is_known or station.section == "Datasets"
        return f'<div class="ef-title"><span class="ef-static">{name}</span>{"" if known else unsure}{time}</div>'

    # -- lanes ----------------------------------------------------------------------------------------------------

    @property
    def columns(self) -> list[str]:
        """The lanes, and behind them fields that are wanted and not there."""
        missing = dict.fromkeys(each.field for stop in self.flow.stops for each in stop.breaks)
        return [*self.flow.lanes, *(name for name in missing if name not in self.flow.lanes)]

    def _x(self, name: str) -> float:
        gap = 20 if len(self.columns) <= 5 else 15
        return _LEFT + gap * self.columns.index(name)

    def _lanes(self, number: int, stop: Stop, top: int) -> str:
        width = self._x(self.columns[-1]) + _LEFT if self.columns else 2 * _LEFT
        touched = [name for name in self.columns if any(n.field == name for n in stop.station.use.named)]
        touched += [name for name in stop.given if name in self.columns and name not in touched]
        bar = ""
        if len(touched) > 1:
            xs = [self._x(name) for name in touched]
            bar = f'<line class="ef-bar" x1="{min(xs)}" x2="{max(xs)}" y1="{top}" y2="{top}"/>'
        wires = "".join(self._wire(number, stop, name, top) for name in self.columns)
        dots = "".join(self._dot(stop, name, top) for name in touched)
        shape = f'<svg width="100%" height="100%" focusable="false">{wires}{bar}{dots}</svg>'
        return f'<div class="ef-lanes" style="width:{width}px">{shape}</div>'

    def _wire(self, number: int, stop: Stop, name: str, top: int) -> str:
        x, colour, is_last = self._x(name), self._colour(name), number == len(self.flow.stops) - 1
        parts = []
        if name in stop.before:
            passes = name in stop.after and name not in self._touched(stop)
            if passes and not is_last:
                return self._segment(number, name, x, ("0", "100%"), colour, focus=False)
            parts.append(self._segment(number - 1, name, x, ("0", str(top)), colour, focus=False))
        if name in stop.after and (not is_last or name in self._fresh(stop)):
            parts.append(self._segment(number, name, x, (str(top), "100%"), colour, focus=name in self._fresh(stop)))
        return "".join(parts)

    def _segment(self, number: int, name: str, x: float, ys: tuple[str, str], colour: str, *, focus: bool) -> str:
        line = f'x1="{x}" x2="{x}" y1="{ys[0]}" y2="{ys[1]}"'
        seen = f'<line class="ef-line" style="--c:{colour}" {line}/>'
        found = self.value(number, name)
        if found is None:
            return seen
        index, value = found
        key = self.flow.stops[index].station.key
        words = escape(f"{name} after {self.flow.stops[index].station.name}: {value.words}")
        state = " ef-open" if self.chosen == (key, name) else ""
        role = f'role="button" tabindex="0" aria-label="{words}"' if focus else 'aria-hidden="true"'
        wire = f'data-wire="{escape(key)}|{escape(name)}"'
        hit = f'<line class="ef-hit" {line}/>'
        return f'<g class="ef-wire{state}" {wire} {role}><title>{words}</title>{seen}{hit}</g>'

    def _dot(self, stop: Stop, name: str, top: int) -> str:
        x, colour = self._x(name), self._colour(name)
        roles = {named.role for named in stop.station.use.named if named.field == name}
        if any(each.field == name for each in stop.breaks):
            d = f"M{x - 4} {top - 4}l8 8m0 -8l-8 8"
            return f'<line class="ef-stub" x1="{x}" x2="{x}" y1="0" y2="{top}"/><path class="ef-cross" d="{d}"/>'
        if roles & {"changes", "makes", "names"}:
            return f'<circle class="ef-dot" cx="{x}" cy="{top}" r="5" style="fill:{colour}"/>'
        if "removes" in roles:
            return f'<line class="ef-end" style="stroke:{colour}" x1="{x - 6}" x2="{x + 6}" y1="{top}" y2="{top}"/>'
        r, more = (3, "") if roles == {"locates"} else (4.5, "")
        if not roles and stop.is_guess:
            more = " ef-guess"
        elif not roles:
            return f'<circle class="ef-dot" cx="{x}" cy="{top}" r="5" style="fill:{colour}"/>'
        return f'<circle class="ef-dot ef-hollow{more}" cx="{x}" cy="{top}" r="{r}" style="stroke:{colour}"/>'

    def _colour(self, name: str) -> str:
        return lane_colour(self.flow.lanes.index(name)) if name in self.flow.lanes else "var(--e-bad)"

    def _touched(self, stop: Stop) -> set[str]:
        return {named.field for named in stop.station.use.named} | set(stop.given)

    def _fresh(self, stop: Stop) -> set[str]:
        """Return the fields that a station gives new values, those it had in the dry run included."""
        found = self.outcome.values.get(stop.station.key, {}) if self.outcome is not None else {}
        return set(stop.station.use.fields("changes", "makes", "names")) | set(found)

    # -- texts ----------------------------------------------------------------------------------------------------

    def _chips(self, number: int, stop: Stop) -> str:
        values = self._values(number, stop)
        if values:
            return f'<div class="ef-chips">{"".join(values)}</div>'
        words = "changed nothing this time" if self._left_alone(number, stop) else what_it_does(stop)
        return f'<div class="ef-does">{escape(words)}</div>' if words else ""

    def _left_alone(self, number: int, stop: Stop) -> bool:
        """Tell whether a step that changes fields was done and did not, as one that is drawn by chance."""
        if self.outcome is None or number >= self._n_current or not stop.station.use.fields("changes"):
            return False
        return self.outcome.stations[number].key in self.outcome.seconds

    def _values(self, number: int, stop: Stop) -> list[str]:
        if self.outcome is None or number >= self._n_current:
            return []
        station = self.outcome.stations[number]
        found = self.outcome.values.get(station.key, {})
        if station.section in ("Losses", "Metrics"):
            return [number_chip(name, value) for name, value in found.items()]
        return [self._chip(stop.station.key, name, found[name]) for name in self.flow.lanes if name in found]

    def _chip(self, key: str, name: str, value: Value) -> str:
        shape, text = value.facts.get("shape"), escape(value.words)
        if shape is not None:
            parts = ["×".join(map(str, shape)) or "1", str(value.facts.get("dtype", "")), value.span]
            text = "".join(f"<span>{escape(part)}</span>" for part in parts if part)
        state = " ef-open" if self.chosen == (key, name) else ""
        dot = f'<i style="background:{self._colour(name)}"></i>'
        wire = f'data-wire="{escape(key)}|{escape(name)}"'
        return (
            f'<div class="ef-chip{state}" {wire} title="{escape(value.words)}">{dot}<b>{escape(name)}</b>{text}</div>'
        )
