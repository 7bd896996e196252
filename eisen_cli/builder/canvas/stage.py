"""The middle of the page: the phase on the screen, or what to do first."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from nicegui import ui

from eisen.config.places import Place
from eisen_cli.builder.canvas import dialogs
from eisen_cli.builder.canvas.desk import Desk
from eisen_cli.builder.canvas.filling import sources_for
from eisen_cli.builder.canvas.lanes import tabs_of
from eisen_cli.builder.canvas.part_view import PartView
from eisen_cli.builder.canvas.phase_view import PhaseView

__all__ = ["Stage"]

_ABOUT = {
    "Evaluation": "How test cases are measured one by one, label by label.",
    "Packaging": "For eisen pack; kept as it is.",
    "Serving": "Of the original Eisen; kept as it is.",
    "Split": "A frozen split: which cases train, validate and test.",
}


class Stage:
    """Shows one phase at a time; those that were shown are kept, so that going back is quick.

    Args:
        desk: What the parts of the page share.
        on_pick: Called when the user wants to choose a module for the section that he is in.
    """

    def __init__(self, desk: Desk, on_pick: Callable[[], None]) -> None:
        self._desk, self._on_pick = desk, on_pick
        self._views: dict[str, PhaseView | PartView] = {}
        with ui.element("div").classes("eisen-canvas").props("data-canvas") as self.element:
            self._first_steps()
            self._offer = ui.element("div").classes("eisen-offer")
        self.sync()

    def _first_steps(self) -> None:
        """What an empty canvas says."""
        with ui.element("div").classes("eisen-start") as self._start:
            ui.label("An empty experiment").classes("e-title e-title-xl")
            ui.label("Begin from something that runs, or build it module by module.").classes("e-quiet")
            with ui.element("div").classes("e-row").style("justify-content:center; margin:14px 0 10px"):
                ui.button("Templates and files", icon="auto_awesome", on_click=lambda: ui.navigate.to("/start")).props(
                    "unelevated data-action=templates"
                )
            ui.html(
                "<ol><li>drop a dataset, a reader and transforms from the left into <b>Training</b></li>"
                "<li>choose a model under <b>General</b></li>"
                "<li>add a loss and an optimizer, then fill <b>Validation</b> from Training</li></ol>",
                sanitize=False,
            )

    def sync(self) -> None:
        """Follow the document and the choice of the phase; phases that are not on the screen follow when they are."""
        phase, tabs = self._desk.phase, tabs_of(self._desk.workspace.document.data)
        if phase not in {tab.name for tab in tabs}:
            phase = self._desk.phase = "Training"
        self._start.set_visibility(not any(tab.is_there for tab in tabs))
        self._show_offer(phase)
        view = self._views.get(phase)
        if view is None:
            with self.element:
                view = self._views[phase] = self._make(phase)
        else:
            view.sync()
        for name, other in self._views.items():
            other.element.set_visibility(name == phase)

    def _make(self, phase: str) -> PhaseView | PartView:
        tab = next(tab for tab in tabs_of(self._desk.workspace.document.data) if tab.name == phase)
        if tab.has_lanes:
            return PhaseView(self._desk, phase, self._on_pick)
        return PartView(self._desk, (phase,), phase, _ABOUT.get(phase, "No part of a configuration has this name."))

    def _show_offer(self, phase: str) -> None:
        """Offer to fill a phase from another one."""
        sources = sources_for(self._desk.workspace.document.data, phase)
        if self._offer.props.get("data-sources") == f"{phase}:{sources}":
            return
        self._offer.props["data-sources"] = f"{phase}:{sources}"
        self._offer.clear()
        with self._offer:
            for source in sources[:1]:
                button = ui.button(f"Fill {phase} from {source}", icon="content_paste_go").props(
                    "flat dense data-action=fill"
                )
                button.on_click(partial(dialogs.fill_dialog, self._desk, source, phase))

    def show_findings(self) -> None:
        """Show which modules have problems."""
        for view in self._views.values():
            view.show_findings()

    def show_roles(self) -> None:
        """Show again where modules can go."""
        for view in self._phases():
            view.show_roles()

    def show_current(self) -> None:
        """Show which section is the current one."""
        for view in self._phases():
            view.show_current()

    def _phases(self) -> list[PhaseView]:
        return [view for view in self._views.values() if isinstance(view, PhaseView)]

    def forget(self) -> None:
        """Drop what is shown, as another document is edited now."""
        for view in self._views.values():
            view.element.delete()
        self._views.clear()

    def focus(self, place: Place) -> None:
        """Open the card of a place in the phase on the screen, and put the cursor into its field."""
        view = self._views.get(self._desk.phase)
        if view is not None:
            view.focus(place)
