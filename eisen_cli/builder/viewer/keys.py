"""The keyboard of the viewer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nicegui import ui

from eisen_cli.builder.viewer.scene import LAYOUTS

if TYPE_CHECKING:
    from eisen_cli.builder.viewer.page import CasePage

__all__ = ["KEYS", "listen", "show_keys"]

KEYS = {
    "next": "n",
    "previous": "p",
    "next-place": ".",
    "previous-place": ",",
    "reference": "1",
    "prediction": "2",
    "difference": "3",
    "outline": "o",
    "window": "w",
    "layout": "v",
    "crosshair": "x",
}
"""What a key does, to the key."""
_WORDS = {
    "next": "next case",
    "previous": "previous case",
    "next-place": "next disagreement, smaller ones follow",
    "previous-place": "previous disagreement",
    "reference": "reference on and off",
    "prediction": "prediction on and off",
    "difference": "difference on and off",
    "outline": "borders instead of areas",
    "window": "next window of intensities",
    "layout": "next arrangement of planes",
    "crosshair": "crosshair on and off",
}
_CANVAS = {
    "arrows": "move the crosshair by a voxel, when the image has the focus",
    "page up / down": "one slice up or down",
    "wheel": "through the slices",
    "right drag": "window from the region",
}


def listen(page: CasePage) -> None:
    """Act on the keys of a page.

    Args:
        page: The page.
    """
    actions = {key: name for name, key in KEYS.items()}

    async def on_key(event: Any) -> None:
        held = event.modifiers
        if not event.action.keydown or event.action.repeat or held.ctrl or held.alt or held.meta:
            return
        name = actions.get(str(event.key.name))
        if name is not None:
            await _act(page, name)

    ui.keyboard(on_key=on_key, ignore=["input", "select", "textarea"])


async def _act(page: CasePage, name: str) -> None:
    if name in ("next", "previous"):
        await page.beside(1 if name == "next" else -1)
    elif name in ("next-place", "previous-place"):
        page.jump_to(page.jump + 1 if name == "next-place" else max(page.jump, 0) - 1)
    elif page.scene is not None:
        _change(page, name)


def _change(page: CasePage, name: str) -> None:
    scene = page.scene
    assert scene is not None
    if name in scene.overlays:
        scene.overlays[name].on = not scene.overlays[name].on
    elif name == "outline":
        shown = [overlay for key, overlay in scene.overlays.items() if key != "difference"]
        to_outline = not all(overlay.outline for overlay in shown)
        for overlay in shown:
            overlay.outline = to_outline
    elif name == "window":
        page.panel.next_window()
        return
    elif name == "layout":
        names = list(LAYOUTS)
        scene.layout = names[(names.index(scene.layout) + 1) % len(names)]
    elif name == "crosshair":
        scene.crosshair = not scene.crosshair
    page.panel.rebuild()
    page.show()


def show_keys() -> None:
    """Show what the keys do."""
    with ui.dialog(value=True) as dialog, ui.card().style("min-width: 380px"):
        ui.label("Keys").classes("e-title e-title-l")
        with ui.element("div").classes("e-keys"):
            for key, words in [*((KEYS[name], words) for name, words in _WORDS.items()), *_CANVAS.items()]:
                with ui.element("kbd"):
                    ui.label(key)
                ui.label(words)
        ui.button("Close", on_click=dialog.close).props("flat").style("align-self:flex-end")
