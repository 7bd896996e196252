"""The panel beside the volumes: values of the case, disagreements, overlays, window and arrangement."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nicegui import ui

from eisen_cli.builder.look.widgets import icon_button
from eisen_cli.builder.viewer.facts import show_facts
from eisen_cli.builder.viewer.keys import KEYS
from eisen_cli.builder.viewer.overlays import show_overlays
from eisen_cli.builder.viewer.scene import LAYOUTS
from eisen_cli.builder.viewer.windows import AUTO, preset_names, window_of

if TYPE_CHECKING:
    from eisen_cli.builder.viewer.page import CasePage

__all__ = ["Panel"]


class Panel:
    """Shows and changes what a page shows.

    Args:
        page: The page.
    """

    def __init__(self, page: CasePage) -> None:
        self.page = page
        self._made = False
        self._presets: Any = None
        self._range: Any = None
        self._range_text: Any = None
        self._channels: Any = None
        self._channels_shown: tuple[str, int] = ("", 0)
        self._regions: list[ui.element] = []
        self._is_telling = False
        self._root = ui.element("div").style("display:contents")

    def rebuild(self) -> None:
        """Make everything anew."""
        self._root.clear()
        self._presets = self._range = None
        with self._root:
            show_facts(self.page.browser.review, self.page.case)
            self._disagreements()
            if self.page.scene is not None:
                if self.page.scene.overlays:
                    show_overlays(self.page)
                self._image()
                if not self.page.scene.flat:
                    self._arrangement()

    # ---- disagreements

    def _disagreements(self) -> None:
        regions = self.page.case.disagreements
        self._regions = []
        if not self.page.scene or not self.page.scene.overlays:
            return
        names = {0: "background", **{label.value: label.name for label in self.page.scene.labels}}
        with ui.element("section"):
            with ui.element("h3"):
                ui.label("Disagreements")
                with ui.row().style("gap:0"):
                    back, on = KEYS["previous-place"], KEYS["next-place"]
                    icon_button("navigate_before", f"Previous ({back})", lambda: self._step(-1), "previous-place")
                    icon_button("navigate_next", f"Next ({on})", lambda: self._step(1), "next-place")
            if not regions:
                ui.label("Prediction and reference agree in every voxel.").classes("e-quiet e-s")
            with ui.element("div").classes("e-regions"):
                for number, region in enumerate(regions):
                    self._region(number, region, names)
        self.show_jump()

    def _region(self, number: int, region: Any, names: dict[int, str]) -> None:
        said, true = (names.get(value, str(value)) for value in (region.predicted, region.reference))
        unit = "px" if self.page.scene and self.page.scene.flat else "mm³"
        with ui.element("button").classes("e-region").props(f"data-region={number}") as made:
            ui.label(f"{region.volume_mm3:,.0f} {unit}".replace(",", " ")).classes("e-number").style("min-width:76px")
            ui.label(f"{said} instead of {true}").classes("e-quiet e-ellipsis")
        made.on("click", lambda: self.page.jump_to(number))
        self._regions.append(made)

    def _step(self, step: int) -> None:
        self.page.jump_to(self.page.jump + 1 if step > 0 else max(self.page.jump, 0) - 1)

    def show_jump(self) -> None:
        """Mark the region the crosshair was put into."""
        for number, region in enumerate(self._regions):
            region.props(f"aria-current={'true' if number == self.page.jump else 'false'}")

    # ---- image and window

    def _image(self) -> None:
        scene = self.page.scene
        assert scene is not None
        with ui.element("section"):
            with ui.element("h3"):
                ui.label("Image")
            if len(scene.images) > 1:
                ui.select(list(scene.images), value=scene.image, on_change=self._choose_image).props(
                    'outlined dense options-dense aria-label="Image" data-field=image'
                ).classes("w-full")
            self._presets = (
                ui.select(preset_names(self.page.intensities), on_change=self._choose_preset)
                .props('outlined dense options-dense label="Window" data-field=window')
                .style("width:100%")
            )
            self._range = ui.range(min=0, max=1, value={"min": 0, "max": 1}, on_change=self._drag_window).props(
                'aria-label="Black and white" data-field=range'
            )
            self._range.style("padding: 0 8px")
            self._range_text = ui.label().classes("e-quiet e-s e-number")
            self._channels, self._channels_shown = ui.element("div"), ("", 0)
            self._switch("Smooth between voxels", "smooth")
        self.show_channels()
        self.show_window(scene.window or ())

    def show_channels(self) -> None:
        """Offer the channels of an image that has several."""
        scene, n = self.page.scene, self.page.channels
        if scene is None or self._channels is None or self._channels_shown == (scene.image, n):
            return
        self._channels_shown = (scene.image, n)
        self._channels.clear()
        if n > 1:
            names = {number: f"Channel {number + 1} of {n}" for number in range(n)}
            with self._channels:
                ui.select(names, value=min(scene.frame, n - 1), on_change=self._choose_channel).props(
                    'outlined dense options-dense label="Channel" data-field=channel'
                )

    def show_window(self, window: tuple[float, ...], *, dragged: bool = False) -> None:
        """Show which intensities are black and white.

        Args:
            window: They.
            dragged: Whether the user has chosen them with the mouse.
        """
        scene, known = self.page.scene, self.page.intensities
        if self._range is None or scene is None:
            return
        if dragged and len(window) == 2:
            scene.preset, scene.window = "", (float(window[0]), float(window[1]))
        low, high = scene.window or (known.low, known.high)
        self._is_telling = True
        names = preset_names(known)
        self._presets.set_options(
            names if scene.preset in names else [*names, "My own"], value=scene.preset or "My own"
        )
        self._range.min, self._range.max = min(known.least, low), max(known.most, high, known.least + 1e-6)
        self._range.props["step"] = known.step
        self._range.props["min"], self._range.props["max"] = self._range.min, self._range.max
        self._range.value = {"min": low, "max": high}
        self._range.update()
        self._range_text.text = f"black {low:.4g}, white {high:.4g}"
        self._is_telling = False

    def next_window(self) -> None:
        """Choose the next preset."""
        scene = self.page.scene
        assert scene is not None
        names = preset_names(self.page.intensities)
        at = names.index(scene.preset) if scene.preset in names else -1
        self._set_preset(names[(at + 1) % len(names)])

    def _choose_preset(self, event: Any) -> None:
        if not self._is_telling and event.value in preset_names(self.page.intensities):
            self._set_preset(event.value)

    def _set_preset(self, name: str) -> None:
        scene = self.page.scene
        assert scene is not None
        window = window_of(name, self.page.intensities)
        scene.preset, scene.window = name, None if name == AUTO else window
        self.show_window(window)
        self.page.show()

    def _drag_window(self, event: Any) -> None:
        scene = self.page.scene
        if self._is_telling or scene is None:
            return
        window = (float(event.value["min"]), float(event.value["max"]))
        if scene.window is None or window != scene.window:
            scene.preset, scene.window = "", window
            self.show_window(window)
            self.page.show()

    def _choose_image(self, event: Any) -> None:
        scene = self.page.scene
        assert scene is not None
        scene.image, scene.frame, scene.window, scene.preset = event.value, 0, None, AUTO
        self.page.show()

    def _choose_channel(self, event: Any) -> None:
        assert self.page.scene is not None
        self.page.scene.frame = int(event.value)
        if self.page.scene.preset == AUTO:
            self.page.scene.window = None
        self.page.show()

    # ---- arrangement

    def _arrangement(self) -> None:
        scene = self.page.scene
        assert scene is not None
        with ui.element("section"):
            with ui.element("h3"):
                ui.label("Arrangement")
            ui.select(LAYOUTS, value=scene.layout, on_change=lambda event: self._set("layout", event.value)).props(
                'outlined dense options-dense aria-label="Arrangement" data-field=layout'
            ).style("width:100%")
            self._switch("Crosshair", "crosshair")
            self._switch("Left of the patient on the right", "radiological")

    def _switch(self, words: str, name: str) -> None:
        value = getattr(self.page.scene, name)
        ui.switch(words, value=value, on_change=lambda event: self._set(name, event.value)).props("dense").props(
            f"data-field={name}"
        )

    def _set(self, name: str, value: Any) -> None:
        setattr(self.page.scene, name, value)
        self.page.show()
