"""The page ``/case``: one case of a run, with everything that helps to judge it."""

from __future__ import annotations

import asyncio
from typing import Any

from nicegui import ui

from eisen._core.errors import EisenError
from eisen_cli.builder.look.theme import Frame, frame
from eisen_cli.builder.look.widgets import error_card, icon_button
from eisen_cli.builder.viewer.browse import Browser, is_flat
from eisen_cli.builder.viewer.bundle import niivue
from eisen_cli.builder.viewer.keys import KEYS, listen, show_keys
from eisen_cli.builder.viewer.looks import add_look
from eisen_cli.builder.viewer.panel import Panel
from eisen_cli.builder.viewer.scene import Scene, scene_of
from eisen_cli.builder.viewer.windows import Intensities
from eisen_cli.builder.workspace import Workspace

__all__ = ["CasePage", "register_page"]


def register_page(workspace: Workspace) -> None:
    """Register ``/case``.

    Args:
        workspace: What the server works on.
    """

    @ui.page("/case", response_timeout=60)
    async def page(artifacts: str = "", phase: str = "Validation", case: str = "", by: str = "") -> None:
        add_look("page.css")
        with frame(workspace, case or "Case", active="runs") as top:
            try:
                browser = await asyncio.to_thread(Browser.open, workspace.folders, artifacts, phase, by)
                name = case or (browser.cases[0].name if browser.cases else "")
                browser.place(name)
                await asyncio.to_thread(niivue)
            except EisenError as error:
                with ui.element("div").classes("e-page"):
                    error_card(error)
                return
            await CasePage(browser, top).open(name)


class CasePage:
    """The state of one page; several tabs have one each.

    Args:
        browser: The cases and their order.
        top: The header of the page.
    """

    def __init__(self, browser: Browser, top: Frame) -> None:
        self.browser, self.top = browser, top
        self.name = ""
        self.scene: Scene | None = None
        self.intensities = Intensities()
        self.position: dict[str, Any] = {}
        self.channels = 1
        self.jump = -1
        self.view: Any = None
        self._make()

    @property
    def case(self) -> Any:
        """The case that is shown."""
        return self.browser.review.case(self.name)

    async def open(self, name: str) -> None:
        """Show a case; how things are shown stays as it was."""
        self.name, self.jump = name, -1
        before, case = self.scene, self.case
        flat = await asyncio.to_thread(is_flat, self.browser.review, case)
        self.scene = None
        if case.images:
            self.scene = scene_of(self.browser.review, case, flat=flat)
            if before is not None:
                self.scene.adopt(before)
            self.position = {}
        self._name_it()
        self.panel.rebuild()
        self._stage.set_visibility(self.scene is not None)
        self._absent.set_visibility(self.scene is None)
        self.show()

    def show(self) -> None:
        """Send the scene to the browser."""
        if self.scene is not None:
            if self.view is None:
                from eisen_cli.builder.viewer.widget import VolumeView

                with self._canvas:
                    self.view = VolumeView(self._moved, self._told)
            self.view.show(self.scene.message())

    async def beside(self, step: int) -> None:
        """Open the next or the previous case."""
        name = self.browser.beside(self.name, step).name
        await self.open(name)
        ui.navigate.history.replace(self.browser.url(name))

    def jump_to(self, number: int) -> None:
        """Put the crosshair into a region where prediction and reference disagree."""
        regions = self.case.disagreements
        if regions and self.view is not None:
            self.jump = number % len(regions)
            self.view.go(regions[self.jump].mm)
            self.panel.show_jump()

    def go(self, mm: tuple[float, ...]) -> None:
        """Put the crosshair somewhere."""
        if self.view is not None:
            self.view.go(mm)

    def _make(self) -> None:
        with self.top.title:
            self._head()
        with ui.element("main").classes("e-case"):
            with ui.element("section").classes("e-case-stage"):
                self._stage = ui.element("div").classes("e-stage")
                with self._stage:
                    self._canvas = ui.element("div").classes("e-stage-canvas")
                    self._veil = ui.element("div").classes("e-stage-veil")
                    self._readout = ui.row().classes("e-readout e-number").props("aria-live=polite")
                with self._veil:
                    self._words = ui.label("loading the volumes …")
                self._absent = ui.element("div").classes("e-absent")
                with self._absent:
                    ui.label("This model predicts no voxels, so there is nothing to look at here.")
            with ui.element("aside").classes("e-case-panel"):
                self.panel = Panel(self)
        listen(self)

    def _head(self) -> None:
        review = self.browser.review
        ui.link(self.browser.artifacts.name, f"/run?artifacts={self.browser.artifacts}").classes(
            "e-quiet e-hide-narrow"
        )
        ui.label("›").classes("e-quiet e-hide-narrow")
        icon_button("chevron_left", f"Previous case ({KEYS['previous']})", lambda: self.beside(-1), "previous-case")
        names = {case.name: case.name for case in self.browser.cases}
        self._choice = ui.select(names, on_change=self._chosen).props(
            'dense borderless options-dense aria-label="Case" data-field=case'
        )
        icon_button("chevron_right", f"Next case ({KEYS['next']})", lambda: self.beside(1), "next-case")
        self._place = ui.label().classes("e-quiet e-s e-hide-narrow")
        self._phase = review.phase
        with self.top.actions:
            icon_button("keyboard", "Keys", show_keys, "keys")

    def _name_it(self) -> None:
        number, n = self.browser.place(self.name) + 1, len(self.browser.cases)
        order = f", worst {self.browser.by} first" if self.browser.by else ""
        self._place.text = f"{number} of {n} in {self._phase}{order}"
        self._choice.value = self.name
        ui.page_title(f"{self.name} · eisen")

    async def _chosen(self, event: Any) -> None:
        if event.value and event.value != self.name:
            await self.open(event.value)
            ui.navigate.history.replace(self.browser.url(event.value))

    def _told(self, info: dict[str, Any]) -> None:
        """Take in what the browser says about the volumes."""
        state = info.get("state")
        self._veil.set_visibility(state != "ready")
        self._words.text = info.get("message") or "loading the volumes …"
        self._words.classes(
            add="e-stage-error" if state == "error" else "", remove="" if state == "error" else "e-stage-error"
        )
        if state == "ready":
            self.channels = int(info.get("channels") or 1)
            self.intensities = Intensities(*(float(info.get(key, 0)) for key in ("low", "high", "least", "most")))
            self.panel.show_channels()
            self.panel.show_window(tuple(info.get("window") or ()), dragged=bool(info.get("dragged")))

    def _moved(self, position: dict[str, Any]) -> None:
        """Show where the crosshair is, and the values under it."""
        if not position or self.scene is None:
            return
        self.position = position
        names = {0: "–", **{label.value: label.name for label in self.scene.labels}}
        voxel = " ".join(str(x) for x in position["voxel"][: 2 if self.scene.flat else 3])
        parts = [("pixel" if self.scene.flat else "voxel", voxel)]
        if not self.scene.flat:
            parts.append(("mm", " ".join(f"{x:.1f}" for x in position["mm"])))
        for key, value in position.get("values", {}).items():
            if key == "difference" or value is None:
                continue
            parts.append((self.scene.image if key == "image" else key, _said(key, value, names)))
        self._readout.clear()
        with self._readout:
            for title, text in parts:
                with ui.element("span"):
                    ui.label(title).classes("e-readout-title")
                    ui.label(text).props(f"data-value={title.split()[0]}")


def _said(key: str, value: float, names: dict[int, str]) -> str:
    if key == "image":
        return f"{value:g}"
    return names.get(round(value), f"{value:g}")
