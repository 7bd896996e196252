"""The table of the cases of a run: the worst first, each a click away from the viewer."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

from nicegui import ui

from eisen_cli.builder.look.widgets import chip
from eisen_cli.builder.viewer.browse import case_url
from eisen_cli.builder.viewer.case_rows import CaseRows, found_rows, quartiles
from eisen_cli.builder.viewer.facts import named, shown
from eisen_cli.builder.viewer.looks import add_look
from eisen_cli.builder.workspace import Workspace

__all__ = ["cases_table"]

_CELL = """
<q-td :props="props">
  <a v-if="props.col.name === 'case' && props.row.url" :href="props.row.url" class="e-case-link">{{ props.value }}</a>
  <div v-else-if="props.row.share[props.col.name] !== undefined" class="e-bar">
    <i :style="{ width: props.row.share[props.col.name] + '%' }"></i><span>{{ props.value }}</span>
  </div>
  <span v-else :class="props.value === '–' ? 'e-quiet' : ''">{{ props.value }}</span>
</q-td>
"""


def cases_table(workspace: Workspace, artifacts: Path) -> None:
    """Show the cases of a run: values by metric and label, their distribution, and links into the viewer.

    What was chosen (phase, order, filter) stays when the table is made anew.

    Args:
        workspace: What the server works on.
        artifacts: Artifact folder of the run; it has been looked up in the allowed folders.
    """
    add_look("table.css")
    found = found_rows(artifacts)
    with ui.element("div").classes("e-cases"):
        if not found:
            ui.label("No case has been reviewed or measured yet.").classes("e-quiet")
            return
        kept = workspace.preferences.setdefault(f"cases:{artifacts}", {})
        _Table(found, kept, artifacts)


class _Table:
    def __init__(self, found: list[CaseRows], kept: dict[str, Any], artifacts: Path) -> None:
        self._found, self._kept, self._artifacts = {rows.key: rows for rows in found}, kept, artifacts
        self._bar = ui.element("div").classes("e-row e-wrap")
        self._body = ui.element("div").classes("e-col")
        self._draw()

    @property
    def _rows(self) -> CaseRows:
        return self._found.get(self._kept.get("source", ""), next(iter(self._found.values())))

    def _keep(self, name: str, value: Any) -> None:
        self._kept[name] = value
        self._draw()

    def _draw(self) -> None:
        self._bar.clear()
        self._body.clear()
        with self._bar:
            self._choices()
        with self._body:
            self._notes()
            order = self._rows.order(self._kept.get("by", ""))
            if order:
                _strip(self._rows, order)
            self._table(order)

    def _choices(self) -> None:
        rows = self._rows
        if len(self._found) > 1:
            titles = {key: found.title for key, found in self._found.items()}
            ui.select(
                titles, value=rows.key, label="Cases of", on_change=lambda e: self._keep("source", e.value)
            ).props("outlined dense options-dense data-field=source").style("min-width:190px")
        if rows.orders:
            names = {name: named(name) for name in rows.orders}
            ui.select(names, value=rows.order(self._kept.get("by", "")), label="Worst first by",
                      on_change=lambda e: self._keep("by", e.value)).props(
                "outlined dense options-dense data-field=by"
            ).style("min-width:190px")  # fmt: skip
        self._filter = ui.input("Filter by name", value=self._kept.get("filter", "")).props(
            "outlined dense clearable data-field=filter"
        )
        review = rows.review
        done = len(review.cases) + len(review.failures)
        if review.status == "running" and done < review.n_cases:
            chip(f"{done} of {review.n_cases} done", "accent")
        else:
            chip(f"{len(review.cases)} cases")
        if review.status == "interrupted":
            chip(f"interrupted after {done} of {review.n_cases}", "warn")

    def _notes(self) -> None:
        for name, reason in self._rows.review.failures.items():
            ui.label(f"{name} was left out: {reason}").classes("e-bad e-s")
        if not self._rows.can_be_opened:
            ui.label("These were measured only; a review keeps what there is to see.").classes("e-quiet e-s")

    def _table(self, order: str) -> None:
        rows = self._rows
        table = ui.table(
            rows=_texts(rows.rows(order), rows.review.columns, rows.facts),
            columns=_columns(rows),
            row_key="case",
            pagination={"rowsPerPage": 25, "sortBy": None},
        )
        table.classes("e-cases-table").props("flat dense data-cases wrap-cells")
        table.add_slot("body-cell", _CELL)
        table.bind_filter_from(self._filter, "value", lambda text: text or "")
        self._filter.on_value_change(lambda event: self._kept.update(filter=event.value or ""))
        if rows.can_be_opened:
            table.classes("e-opens")
            table.on("rowClick", lambda event: ui.navigate.to(event.args["url"]), js_handler=_ROW)


_ROW = "(event, row) => { if (!event.target.closest('a')) emit({ url: row.url }); }"


def _columns(rows: CaseRows) -> list[dict[str, Any]]:
    """Return the columns; numbers are sorted as numbers, and cases without one come first."""
    made: list[dict[str, Any]] = [
        {"name": "rank", "label": "#", "field": "rank", "align": "right", "sortable": True},
        {"name": "case", "label": "case", "field": "case", "align": "left", "sortable": True},
    ]
    for name in rows.review.columns:
        unit = rows.review.metrics.get(name.partition("[")[0], {}).get("unit", "")
        label = f"{named(name)} ({unit})" if unit else named(name)
        made.append({"name": name, "label": label, "field": name, "align": "right", "sortable": True,
                     ":sort": _NUMBERS})  # fmt: skip
    facts = [{"name": name, "label": name, "field": name, "align": "right", "sortable": True} for name in rows.facts]
    return made + facts


_NUMBERS = (
    "(a, b) => { const n = (x) => x === '–' ? -Infinity : parseFloat(String(x).replaceAll(/\\s/g, ''));"
    " return n(a) - n(b) || 0; }"
)


def _texts(rows: list[dict[str, Any]], columns: list[str], facts: list[str]) -> list[dict[str, Any]]:
    """Return the rows with numbers as people read them."""
    for row in rows:
        for name in [*columns, *facts]:
            value = row.get(name)
            row[name] = value if isinstance(value, str) else shown(value)
    return rows


def _strip(rows: CaseRows, by: str) -> None:
    """Draw a dot per case along a line, and the quartiles; every dot leads to its case."""
    values = rows.values(by)
    if len(values) < 2:
        return
    numbers = [value for _, value in values]
    low, high = (0.0, 1.0) if min(numbers) >= 0 and max(numbers) <= 1 else (min(numbers), max(numbers))
    span = high - low or 1.0
    first, middle, third = quartiles(numbers)

    def at(value: float) -> float:
        return round(1 + 98 * (value - low) / span, 2)

    dots = "".join(_dot(rows, name, value, at(value), by) for name, value in values)
    box = f'<i class="e-strip-box" style="left:{at(first)}%; width:{max(at(third) - at(first), 0.3):.2f}%"></i>'
    line = f'<i class="e-strip-median" style="left:{at(middle)}%"></i>'
    with ui.element("div").classes("e-strip"):
        ui.html(f'<div class="e-strip-line">{box}{line}{dots}</div>', sanitize=False)
        with ui.element("div").classes("e-row e-quiet e-xs e-number").style("justify-content:space-between"):
            ui.label(shown(low))
            ui.label(f"{named(by)}: median {shown(middle)}, half of the cases {shown(first)} to {shown(third)}")
            ui.label(shown(high))


def _dot(rows: CaseRows, name: str, value: float, left: float, by: str) -> str:
    words = escape(f"{name}: {shown(value)}", quote=True)
    if not rows.can_be_opened:
        return f'<b style="left:{left}%" title="{words}"></b>'
    url = escape(case_url(rows.artifacts, rows.review.phase, name, by), quote=True)
    return f'<a href="{url}" style="left:{left}%" title="{words}" aria-label="{words}"></a>'
