"""The viewer as an element of a page: a small widget with the state of the scene, and NiceGUI's bridge around it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anywidget
import traitlets
from nicegui import ui

from eisen_cli.builder.viewer.routes import SCRIPT

__all__ = ["VolumeView"]

_STATIC = Path(__file__).parent / "static"


class _Widget(anywidget.AnyWidget):
    """What Python and the browser tell each other; nothing in it is large."""

    _esm = _STATIC / "viewer.js"
    _css = _STATIC / "viewer.css"
    script = traitlets.Unicode("").tag(sync=True)
    scene = traitlets.Dict({}).tag(sync=True)
    go = traitlets.Dict({}).tag(sync=True)
    position = traitlets.Dict({}).tag(sync=True)
    info = traitlets.Dict({}).tag(sync=True)


class VolumeView:
    """Volumes in slices and as a whole, with label maps over them.

    Args:
        on_position: Is called with voxel, mm and values when the crosshair moves.
        on_info: Is called with ``state`` and intensities when volumes are loaded or cannot be.
    """

    def __init__(
        self, on_position: Callable[[dict[str, Any]], None], on_info: Callable[[dict[str, Any]], None]
    ) -> None:
        self._n = 0
        self._widget = _Widget(script=SCRIPT)
        self.element = ui.anywidget(self._widget).classes("e-view")
        self._widget.observe(lambda change: on_position(change["new"]), "position")
        self._widget.observe(lambda change: on_info(change["new"]), "info")

    def show(self, scene: Mapping[str, Any]) -> None:
        """Show a scene, see `eisen_cli.builder.viewer.scene.Scene.message`."""
        self._widget.scene = {**scene, "n": self._next()}

    def go(self, mm: tuple[float, ...]) -> None:
        """Put the crosshair at a position, RAS+ mm."""
        self._widget.go = {"mm": [float(x) for x in mm], "n": self._next()}

    def _next(self) -> int:
        """Return a number that makes a message unlike all before, so that it is sent."""
        self._n += 1
        return self._n
