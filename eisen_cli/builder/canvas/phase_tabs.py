"""The tabs of the page, one for each part of a configuration; modules can be dropped on them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from nicegui import ui

from eisen_cli.builder.canvas.desk import Desk
from eisen_cli.builder.canvas.lanes import Tab, tabs_of

__all__ = ["PhaseTabs"]


class PhaseTabs:
    """The row of tabs.

    Args:
        desk: What the parts of the page share.
        show: Called with the name of the phase to show.
    """

    def __init__(self, desk: Desk, show: Callable[[str], None]) -> None:
        self._desk, self._show = desk, show
        self._tabs: list[Tab] = []
        self._parts: dict[str, tuple[ui.element, ui.label, ui.element]] = {}
        self.element = ui.element("nav").classes("eisen-tabs").props('role=tablist aria-label="Phases"')
        self.element.on(
            "keydown",
            js_handler="""(event) => {
                const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
                const tabs = [...event.currentTarget.children];
                const next = tabs[tabs.indexOf(document.activeElement) + step];
                if (next) { next.focus(); next.click(); event.preventDefault(); }
            }""",
        )
        self.sync()

    def sync(self) -> None:
        """Follow the document."""
        tabs = tabs_of(self._desk.workspace.document.data)
        if [tab.name for tab in tabs] != [tab.name for tab in self._tabs]:
            self.element.clear()
            with self.element:
                self._parts = {tab.name: self._make(tab) for tab in tabs}
        self._tabs = tabs
        for tab in tabs:
            element, count, _ = self._parts[tab.name]
            element.classes(add="" if tab.is_there else "eisen-absent", remove="eisen-absent" if tab.is_there else "")
            count.set_text(str(tab.count or ""))
        self.show_current()
        self.show_findings()

    def _make(self, tab: Tab) -> tuple[ui.element, ui.label, ui.element]:
        element = ui.element("button").classes("eisen-tab").props("role=tab")
        element.props["data-tab"] = tab.name
        if tab.has_lanes and tab.name != "General":
            element.props["data-phase"] = tab.name
        element.on("click", partial(self._show, tab.name))
        with element:
            ui.label(tab.name)
            count = ui.label().classes("eisen-count")
            dot = ui.element("span").classes("eisen-dot").props('role=img aria-label="has problems"')
        return element, count, dot

    def show_current(self) -> None:
        """Show which phase is on the screen."""
        for name, (element, _, _) in self._parts.items():
            is_here = name == self._desk.phase
            element.props(f"aria-selected={'true' if is_here else 'false'} tabindex={0 if is_here else -1}")

    def show_findings(self) -> None:
        """Mark the parts that have problems."""
        bad = {finding.place[:1] for finding in self._desk.workspace.findings if finding.kind == "error"}
        for name, (_, _, dot) in self._parts.items():
            dot.set_visibility((name,) in bad)
