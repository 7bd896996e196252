"""The foot of the page: what happened last, and the problems, each of which leads to its field."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from nicegui import ui

from eisen.config.places import Place, text_of
from eisen_cli.builder.canvas.desk import Desk
from eisen_cli.builder.document.checking import Finding

__all__ = ["ProblemsView", "verdict"]

_MOST = 60


def verdict(findings: list[Finding]) -> str:
    """Return how many problems there are, in words."""
    n_errors = sum(finding.kind == "error" for finding in findings)
    n_repairs = len(findings) - n_errors
    words = f"{n_errors} problem{'s' * (n_errors != 1)}" if n_errors else "No problems"
    return f"{words}, {n_repairs} repaired" if n_repairs else words


class ProblemsView:
    """The strip at the bottom with the list of problems.

    Args:
        desk: What the parts of the page share.
        go: Called with a place, to open it.
    """

    def __init__(self, desk: Desk, go: Callable[[Place], None]) -> None:
        self._desk, self._go = desk, go
        self._shown: list[Finding] | None = None
        with ui.element("footer").classes("eisen-foot"):
            with ui.element("div").classes("eisen-foot-bar"):
                self._button = ui.button(on_click=self.toggle).props("flat dense no-caps data-action=problems")
                self._words = ui.label().classes("e-grow e-ellipsis").props("data-words")
                ui.html("<kbd>?</kbd> keys", sanitize=False).classes("e-hide-narrow")
            self._list = ui.element("div").classes("eisen-problems").props('role=list aria-label="Problems"')
        self._list.set_visibility(False)
        desk.on_words.append(self._say)
        self.refresh()

    def refresh(self) -> None:
        """Show what the last check found."""
        if self._desk.workspace.catalogue is None:
            self._button.set_text("Checking …")
            return
        findings = self._desk.workspace.findings
        if findings == self._shown:
            return
        self._shown = list(findings)
        is_bad = any(finding.kind == "error" for finding in findings)
        self._button.set_text(verdict(findings))
        self._button.set_icon("error_outline" if is_bad else "check_circle_outline")
        self._button.props(f"color={'negative' if is_bad else 'positive'}")
        self._list.clear()
        with self._list:
            for finding in findings[:_MOST]:
                self._row(finding)
            if len(findings) > _MOST:
                ui.label(f"and {len(findings) - _MOST} more").classes("e-quiet e-s")
        self._list.set_visibility(self._list.visible and bool(findings))

    def _row(self, finding: Finding) -> None:
        place = text_of(finding.place)
        row = ui.element("button").classes("eisen-problem")
        row.props["data-finding"] = place
        row.on("click", partial(self._go, finding.place))
        with row:
            is_error = finding.kind == "error"
            ui.icon("error_outline" if is_error else "build_circle").classes("e-bad" if is_error else "e-warn")
            ui.label(place).classes("eisen-where")
            with ui.element("div"):
                ui.label(finding.what)
                if finding.expected:
                    ui.label(f"expected: {finding.expected}").classes("e-quiet e-s")

    def _say(self, words: str) -> None:
        self._words.set_text(words)

    def toggle(self) -> None:
        """Show or hide the list."""
        self._list.set_visibility(not self._list.visible and bool(self._shown))
