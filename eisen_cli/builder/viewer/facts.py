"""What is known about a case: its values, what the model says, and notes."""

from __future__ import annotations

from nicegui import ui

from eisen.experiments.reviews import Review, ReviewedCase

__all__ = ["by_label", "named", "show_facts", "shown"]

_SHORT = {"HDRFDST(percentile=95)": "HD95", "PREDVOL": "predicted", "REFVOL": "true"}


def show_facts(review: Review, case: ReviewedCase) -> None:
    """Show a table of metrics and labels, and what else there is to know.

    Args:
        review: The review.
        case: Its case.
    """
    rows, metrics = by_label(case.values)
    with ui.element("section"):
        with ui.element("h3"):
            ui.label("This case")
        with ui.element("div").classes("e-values-box"), ui.element("table").classes("e-values").props("data-values"):
            with ui.element("tr"):
                for text in ["", *(_title(metric, review) for metric in metrics)]:
                    with ui.element("th"):
                        ui.label(text)
            for label, values in rows.items():
                _row(review, label, [values.get(metric) for metric in metrics])
        for name, fact in case.facts.items():
            with ui.row().classes("e-row e-s").style("justify-content:space-between; width:100%"):
                ui.label(name).classes("e-quiet")
                ui.label(fact if isinstance(fact, str) else shown(fact)).classes("e-number")
        for note in case.notes:
            ui.label(_readable(note)).classes("e-quiet e-xs")


def by_label(values: dict[str, float | None]) -> tuple[dict[str, dict[str, float | None]], list[str]]:
    """Return a row per label with its metrics, and the names of the metrics.

    Example:
        >>> by_label({"DICE[lung]": 0.9, "MAE": 2.0})
        ({'lung': {'DICE': 0.9}, '': {'MAE': 2.0}}, ['DICE', 'MAE'])
    """
    rows: dict[str, dict[str, float | None]] = {}
    metrics: dict[str, None] = {}
    for name, value in values.items():
        metric, _, label = name.partition("[")
        rows.setdefault(label.removesuffix("]"), {})[metric] = value
        metrics[metric] = None
    return rows, list(metrics)


def shown(value: float | None) -> str:
    """Return a value in few characters.

    Example:
        >>> shown(0.87349), shown(12345.6), shown(None)
        ('0.873', '12 346', '–')
    """
    if value is None:
        return "–"
    return f"{value:,.0f}".replace(",", " ") if abs(value) >= 1000 else f"{value:.3g}"


def _title(metric: str, review: Review) -> str:
    unit = review.metrics.get(metric, {}).get("unit", "")
    return f"{_SHORT.get(metric, metric)} {unit}".strip()


def named(column: str) -> str:
    """Return what a value is called on a page.

    Example:
        >>> named("HDRFDST(percentile=95)[lung]"), named("REFVOL[lung]"), named("DICE")
        ('HD95 lung', 'true lung', 'DICE')
    """
    metric, _, label = column.partition("[")
    return f"{_SHORT.get(metric, metric)} {label.removesuffix(']')}".strip()


def _readable(note: str) -> str:
    """Return a note in which a value is called as in the table."""
    column, colon, text = note.partition(": ")
    return f"{named(column)}: {text}" if colon and "[" in column else note


def _row(review: Review, label: str, values: list[float | None]) -> None:
    colours = {known.name: known.colour for known in review.labels}
    with ui.element("tr"):
        with ui.element("td"), ui.element("span").style("display:inline-flex; gap:7px; align-items:center"):
            if label in colours:
                ui.element("i").classes("e-swatch").style(f"background:{colours[label]}")
            ui.label(label or "all")
        for value in values:
            with ui.element("td"):
                ui.label(shown(value))
