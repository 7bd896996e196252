"""The list of runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

from nicegui import run, ui

from eisen_cli.builder.board import words
from eisen_cli.builder.board.actions import address
from eisen_cli.builder.board.board import Board
from eisen_cli.builder.board.finding import RunRow
from eisen_cli.builder.board.presence import follow_while_visible

__all__ = ["RunsPage", "compare_address", "row_facts"]

_COLUMNS: list[dict[str, Any]] = [
    {"name": "name", "label": "run", "field": "name", "align": "left", "sortable": True},
    {"name": "status", "label": "status", "field": "status", "align": "left", "sortable": True},
    {"name": "fraction", "label": "epochs", "field": "fraction", "align": "left", "sortable": True},
    {"name": "best", "label": "best", "field": "best", "align": "right", "sortable": True},
    {"name": "of", "label": "of", "field": "of", "align": "left", "sortable": True},
    {"name": "seed", "label": "seed", "field": "seed", "align": "right", "sortable": True},
    {"name": "started", "label": "started", "field": "started", "align": "left", "sortable": True},
    {"name": "left", "label": "left", "field": "left", "align": "left"},
]
_NAME = '<q-td :props="props"><a :href="props.row.address" :data-run="props.row.name">{{ props.row.name }}</a></q-td>'
_STATUS = """<q-td :props="props"><span :class="'e-chip e-chip-' + props.row.kind" :data-status="props.row.status">
{{ props.row.status }}</span></q-td>"""
_EPOCHS = """<q-td :props="props">
<span class="b-bar"><span :style="{width: 100 * props.row.fraction + '%'}"></span></span>
<span class="e-number">{{ props.row.epochs }}</span></q-td>"""
_BEST = '<q-td :props="props"><span class="e-number" style="font-weight:600">{{ props.row.best_text }}</span></q-td>'
_STARTED = '<q-td :props="props">{{ props.row.ago }}</q-td>'


class RunsPage:
    """A row per run, up to date while somebody looks; those that are marked can be compared.

    Args:
        board: What all pages share.
    """

    def __init__(self, board: Board) -> None:
        self._board, self._is_looking = board, False
        self._known: list[dict[str, Any]] | None = None
        with ui.element("main").classes("e-page e-col"):
            with ui.element("div").classes("e-row e-wrap"):
                ui.label("Runs").classes("e-title e-title-xl").props("role=heading aria-level=1")
                self._count = ui.label("").classes("e-quiet e-grow")
                self._search = ui.input(placeholder="Search").props(
                    'dense outlined clearable aria-label="Search" data-field=search'
                )
                self._compare = ui.button("Compare", icon="stacked_line_chart", on_click=self._compared)
                self._compare.props("unelevated data-action=compare").disable()
            with ui.element("div").classes("e-card b-runs b-scroll").style("padding: 4px 8px"):
                self._table = self._made_table()
            places = ", ".join(str(root) for root in board.finder.roots)
            ui.label(f"Below {places}").classes("e-quiet e-xs e-mono").style("overflow-wrap: anywhere")
        self._timer = ui.timer(2.0, self._refresh, active=False)
        follow_while_visible(self._follow)

    def _made_table(self) -> ui.table:
        table = ui.table(columns=_COLUMNS, rows=[], row_key="id", selection="multiple", on_select=self._selected)
        table.props('flat hide-selected-banner no-data-label="There are no runs here yet" data-table=runs').classes(
            "full-width"
        )
        for name, slot in (
            ("name", _NAME),
            ("status", _STATUS),
            ("fraction", _EPOCHS),
            ("best", _BEST),
            ("started", _STARTED),
        ):
            table.add_slot(f"body-cell-{name}", slot)
        self._search.bind_value_to(table, "filter", forward=lambda text: text or "")
        return table

    def _follow(self) -> Callable[[], None]:
        self._timer.activate()
        return self._timer.deactivate

    async def _refresh(self) -> None:
        if self._is_looking:
            return
        self._is_looking = True
        try:
            rows = [row_facts(row) for row in await run.io_bound(self._board.finder.rows) or []]
        finally:
            self._is_looking = False
        if rows != self._known:
            self._known, self._table.rows = rows, rows
            n_running = sum(row["status"] == "running" for row in rows)
            self._count.set_text(f"{len(rows)}" + (f", {n_running} running" if n_running else ""))

    def _selected(self) -> None:
        self._compare.set_enabled(len(self._table.selected) > 1)

    def _compared(self) -> None:
        ui.navigate.to(compare_address([row["id"] for row in self._table.selected]))


def compare_address(folders: list[str]) -> str:
    """Return the address of the page that compares runs."""
    return f"/compare?{urlencode([('artifacts', folder) for folder in folders])}"


def row_facts(row: RunRow) -> dict[str, Any]:
    """Return a row of the list for the browser.

    Args:
        row: The run.
    """
    status, done, asked = row.verdict.status, row.n_done, row.n_epochs
    return {
        "id": str(row.folder),
        "name": row.name,
        "address": address(row.folder),
        "status": "not started" if status == "none" else status,
        "kind": words.STATUS_KINDS.get(status, ""),
        "fraction": min(done / asked, 1.0) if done and asked else 0.0,
        "epochs": f"{'?' if done is None else done} / {'?' if asked is None else asked}",
        "best": row.best,
        "best_text": "–" if row.best is None else words.number(row.best),
        "of": row.best_of,
        "seed": row.seed,
        "started": row.started,
        "ago": words.ago(row.started),
        "left": "" if row.eta_seconds is None else words.duration(row.eta_seconds),
    }
