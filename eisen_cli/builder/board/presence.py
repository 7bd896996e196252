"""Knowing whether somebody looks at a page, so that nothing is read and sent for nobody."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

__all__ = ["follow_while_visible"]

_TELL = """
if (!window.eisenTells) {
  window.eisenTells = () => emitEvent("eisen-visible", !document.hidden);
  document.addEventListener("visibilitychange", window.eisenTells);
}
window.eisenTells();
"""


def follow_while_visible(begin: Callable[[], Callable[[], None]]) -> None:
    """Do something while the present page is connected and its tab is in front.

    Args:
        begin: Begins it and returns a function that ends it.
    """
    ending: list[Callable[[], None]] = []

    def appear() -> None:
        if not ending:
            ending.append(begin())

    def vanish() -> None:
        while ending:
            ending.pop()()

    client = ui.context.client

    def connected() -> None:
        appear()
        client.run_javascript(_TELL)

    ui.on("eisen-visible", lambda event: appear() if event.args else vanish())
    client.on_connect(connected)
    client.on_disconnect(vanish)
    client.on_delete(vanish)
