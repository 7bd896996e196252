"""What a click on a wire shows: slices, facts and histogram of a field before and after a station, as HTML."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from eisen_cli.builder.flow.drawing import Drawing
from eisen_cli.builder.flow.outcome import Value

__all__ = ["detail_html"]

_HIGH = 44


def detail_html(drawing: Drawing, station: str, name: str) -> str:
    """Return what is known of a field around a station; an empty text when nothing is.

    Args:
        drawing: The map that was clicked.
        station: Place of the station.
        name: The field.
    """
    keys = [stop.station.key for stop in drawing.flow.stops]
    number = keys.index(station) if station in keys else -1
    after = drawing.value(number, name) if number >= 0 else None
    if after is None or after[0] != number:
        return ""
    before = drawing.value(number - 1, name) if number else None
    parts = [_part("after", drawing.flow.stops[number].station.name, after[1])]
    if before is not None:
        parts.append(_part("before, as left by", drawing.flow.stops[before[0]].station.name, before[1]))
    return f'<div class="ef-detail">{"".join(parts)}</div>'


def _part(when: str, station: str, value: Value) -> str:
    head = f'<div class="ef-when"><span>{escape(when)}</span> {escape(station)}</div>'
    facts = f'<div class="ef-facts e-number">{escape(value.words)}</div>'
    return f"<section>{head}{facts}{_slices(value)}{_histogram(value.histogram)}</section>"


def _slices(value: Value) -> str:
    if value.pictures is None:
        return ""
    planes = value.pictures["planes"]
    figures = "".join(_figure(value, plane, value.pictures["n_channels"]) for plane in planes)
    notes = []
    if value.pictures["n_channels"] > max(plane["channel"] for plane in planes) + 1 and planes[0]["name"] != "picture":
        notes.append(f"the first of {value.pictures['n_channels']} channels")
    if value.pictures["window"] is not None:
        low, high = value.pictures["window"]
        notes.append(f"black {low:.4g}, white {high:.4g}")
    else:
        notes.append("classes in colour" if value.pictures["is_label"] else "colours as they are")
    return f'<div class="ef-slices">{figures}</div><div class="ef-note">{escape("; ".join(notes))}</div>'


def _figure(value: Value, plane: Mapping[str, Any], n_channels: int) -> str:
    name = str(plane["name"]) + (f", channel {plane['channel']}" if n_channels > 1 and plane["name"] else "")
    url = value.data_url(str(plane["file"]))
    edges = "".join(
        f'<span class="ef-{side}">{escape(str(plane[side]))}</span>' for side in ("left", "top") if plane[side]
    )
    image = f'<img src="{url}" alt="{escape(name)}">'
    return f'<figure><div class="ef-picture">{image}{edges}</div><figcaption>{escape(name)}</figcaption></figure>'


def _histogram(found: Mapping[str, Any] | None) -> str:
    """Return bars; their height grows with the root of the count, so that rare values are seen."""
    if not found:
        return ""
    counts = [float(count) ** 0.5 for count in found["counts"]]
    top, wide = max(counts) or 1.0, 100 / len(counts)
    bars = "".join(
        f'<rect x="{i * wide:.2f}%" width="{wide * 0.84:.2f}%" y="{_HIGH * (1 - c / top):.1f}" '
        f'height="{_HIGH * c / top:.1f}"/>'
        for i, c in enumerate(counts)
    )
    low, high = f"{found['low']:.4g}", f"{found['high']:.4g}"
    label = f"how often values from {low} to {high} occur"
    svg = f'<svg class="ef-bars" height="{_HIGH}" width="100%" role="img" aria-label="{escape(label)}">{bars}</svg>'
    return f'<div class="ef-histogram">{svg}<div><span>{low}</span><span>{high}</span></div></div>'
