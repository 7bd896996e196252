"""The rows of the panel that switch, fade and outline what lies over the image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nicegui import ui

from eisen.experiments.reviews import Label
from eisen_cli.builder.viewer.keys import KEYS
from eisen_cli.builder.viewer.scene import DIFFERENCES, Overlay

if TYPE_CHECKING:
    from eisen_cli.builder.viewer.page import CasePage

__all__ = ["show_overlays"]


def show_overlays(page: CasePage) -> None:
    """Show a row per overlay, and the legend of the labels.

    Args:
        page: The page.
    """
    scene = page.scene
    assert scene is not None
    with ui.element("section"):
        with ui.element("h3"):
            ui.label("Over the image")
        for key, overlay in scene.overlays.items():
            _row(page, key, overlay)
        _legend(scene.labels)
        if scene.overlays["difference"].on:
            _legend(DIFFERENCES)


def _row(page: CasePage, key: str, overlay: Overlay) -> None:
    def switch(event: Any) -> None:
        overlay.on = event.value
        if key == "difference":
            page.panel.rebuild()
        page.show()

    def fade(event: Any) -> None:
        overlay.opacity = float(event.value)
        page.show()

    def outline() -> None:
        overlay.outline = not overlay.outline
        mark()
        page.show()

    def mark() -> None:
        words = "areas" if overlay.outline else "borders only"
        button.props(f'icon={"check_box_outline_blank" if overlay.outline else "square"} aria-label="Show {words}"')
        tip.text = f"{overlay.title}: show {words}"

    with ui.element("div").classes("e-over"):
        toggle = ui.switch(value=overlay.on, on_change=switch).props("dense")
        toggle.props(f"data-overlay={key}")
        toggle.props["aria-label"] = overlay.title
        with ui.label(overlay.title).classes("e-ellipsis"):
            ui.tooltip(f"key {KEYS[key]}").props("delay=600")
        slider = ui.slider(min=0, max=1, step=0.05, value=overlay.opacity, on_change=fade)
        slider.props(f"data-opacity={key} dense")
        slider.props["aria-label"] = f"Opacity of {overlay.title}"
        button = ui.button(on_click=outline).props(f"flat round dense size=sm data-outline={key}")
        with button:
            tip = ui.tooltip().props("delay=400")
        mark()


def _legend(labels: list[Label]) -> None:
    with ui.element("div").classes("e-legend"):
        for label in labels:
            with ui.element("span"):
                ui.element("i").classes("e-swatch").style(f"background:{label.colour}")
                ui.label(label.name)
