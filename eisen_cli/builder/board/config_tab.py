"""The configuration of a run, and what is different in another one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nicegui import run, ui

from eisen._core.errors import EisenError
from eisen.experiments.artifacts import Artifacts
from eisen.experiments.runs import compare_runs, read_run
from eisen_cli.builder.board.board import Board
from eisen_cli.builder.look.widgets import error_card

__all__ = ["ConfigTab", "changes_table", "tree_of"]


class ConfigTab:
    """Shows a configuration as a tree and as text, and its differences to that of another run.

    Args:
        board: What all pages share.
        folder: The artifact folder.
    """

    def __init__(self, board: Board, folder: Path) -> None:
        self._board, self._folder = board, folder
        self._made_of: str | None = None
        self._box = ui.element("div").classes("e-col")

    async def show(self) -> None:
        """Read the configuration and show it, unless it is shown already."""
        text = await run.io_bound(_text, Artifacts(self._folder).config)
        if text == self._made_of:
            return
        self._made_of = text
        rows = await run.io_bound(self._board.finder.rows)
        self._box.clear()
        with self._box:
            if not text:
                ui.label("The run has not written its configuration yet.").classes("e-quiet")
                return
            self._diff({str(row.folder): row.name for row in rows or [] if row.folder != self._folder})
            _both(text)

    def _diff(self, others: dict[str, str]) -> None:
        if not others:
            return
        with ui.element("section").classes("e-card e-col"):
            select = ui.select(others, label="What is different in", with_input=True, clearable=True)
            select.props("outlined dense data-field=other").style("max-width: 420px; width: 100%")
            box = ui.element("div")

        async def changed() -> None:
            box.clear()
            with box:
                await self._show_diff(select.value)

        select.on_value_change(changed)

    async def _show_diff(self, other: str | None) -> None:
        if not other:
            return
        try:
            compared = await run.io_bound(lambda: compare_runs(read_run(self._folder), read_run(other)))
        except EisenError as error:
            error_card(error)
            return
        if compared is None:  # the server is about to end
            return
        rows = [(change.subject, change.what, change.before, change.after) for change in compared.changes]
        if not rows:
            ui.label("Nothing: the same configuration, data, code and environment.").classes("e-good")
        else:
            changes_table(("", "what", "here", "there"), rows)


def changes_table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Show rows of text.

    Args:
        titles: Of the columns.
        rows: The rows.
    """
    with ui.element("div").classes("b-scroll"), ui.element("table").classes("b-table").props("data-table=changes"):
        with ui.element("thead"), ui.element("tr"):
            for title in titles:
                with ui.element("th"):
                    ui.label(title)
        with ui.element("tbody"):
            for row in rows:
                with ui.element("tr"):
                    for i, text in enumerate(row):
                        with ui.element("td"):
                            ui.label(text).classes("e-mono" if i > 1 else "e-quiet" if i == 0 else "")


def tree_of(value: Any, name: str, place: str = "") -> dict[str, Any]:
    """Return a configuration as nodes of a tree.

    Example:
        >>> tree_of({"value": 3}, "Seed")
        {'id': '/Seed', 'label': 'Seed', 'children': [{'id': '/Seed/value', 'label': 'value: 3'}]}
    """
    where = f"{place}/{name}"
    if isinstance(value, dict) and value:
        inside = [tree_of(item, str(key), where) for key, item in value.items() if key != "type"]
        kind = value.get("type")
        label = f"{name}  {kind}" if kind else name
        return {"id": where, "label": label, "children": inside}
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        children = [tree_of(item, str(i + 1), where) for i, item in enumerate(value)]
        return {"id": where, "label": f"{name}  ({len(value)})", "children": children}
    return {"id": where, "label": f"{name}: {json.dumps(value, ensure_ascii=False)}"}


def _both(text: str) -> None:
    try:
        data = json.loads(text)
    except ValueError:
        data = {}
    with ui.element("section").classes("e-card e-col"):
        with ui.element("div").classes("e-row"):
            choice = ui.toggle(["Tree", "Text"], value="Tree").props(
                'unelevated dense no-caps padding="2px 12px" data-action=config-view'
            )
        nodes = [tree_of(value, key) for key, value in data.items()]
        tree = ui.tree(nodes, label_key="label").props("dense").classes("b-tree e-mono")
        tree.expand([node["id"] for node in nodes])
        code = ui.label(text).classes("b-lines b-nowrap").style("max-height: 70vh")
        tree.bind_visibility_from(choice, "value", value="Tree")
        code.bind_visibility_from(choice, "value", value="Text")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError:
        return ""
