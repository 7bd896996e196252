"""The elements of the canvas that have code in the browser: lane, card, list of modules, keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui.element import Element
from nicegui.elements.sortable import Sortable  # importing it makes "nicegui-sortable" known to browsers
from nicegui.events import GenericEventArguments

__all__ = ["CardElement", "Drop", "KeysElement", "LaneElement", "PartsElement", "Sortable"]

Act = Callable[[str, str], Any]
Drop = dict[str, Any]
"""What was dropped: ``place`` or ``part``; ``section`` and ``index``, or ``phase``; and ``copy``."""


class _Acting(Element):
    """An element whose props are changed only where they differ, and that reports acts by name."""

    def show(self, **props: Any) -> None:
        """Set props; what is as it was is not sent again."""
        changed = {name: value for name, value in props.items() if self._props.get(name, self) != value}
        if changed:
            self._props.update(changed)
            self.update()

    def on_act(self, act: Act) -> None:
        """Call a function with the name of each act and its argument."""

        def acted(event: GenericEventArguments) -> Any:
            given = event.args if isinstance(event.args, list) else [event.args]
            return act(str(given[0]), str(given[1]) if len(given) > 1 else "")

        self.on("act", acted)


class LaneElement(_Acting, component="eisen_lane.js", dependencies=["eisen_dragging.js"]):
    """A section with its heading; the cards are its children."""


class CardElement(_Acting, component="eisen_card.js"):
    """A module; its panel is its child."""


class PartsElement(_Acting, component="eisen_drawer.js"):
    """The list of modules to choose from."""


class KeysElement(_Acting, component="eisen_keys.js"):
    """Keys of the page, pasted text, and the words for screen readers."""
