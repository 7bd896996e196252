"""Small pieces that several pages share."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from eisen._core.errors import EisenError

__all__ = ["ask", "chip", "error_card", "icon_button"]


def icon_button(icon: str, words: str, on_click: Callable[..., object], action: str = "") -> ui.button:
    """Make a button with a picture, a name for those who do not see it, and a tip.

    Args:
        icon: Name of a material icon.
        words: What it does.
        on_click: Is called when it is pressed.
        action: Value of the attribute ``data-action``.
    """
    button = ui.button(icon=icon, on_click=on_click).props("flat round dense")
    button.props["aria-label"] = words
    if action:
        button.props(f"data-action={action}")
    with button:
        ui.tooltip(words).props("delay=400")
    return button


def chip(text: str, kind: str = "") -> ui.label:
    """Make a small rounded label; kind is ``"accent"``, ``"good"``, ``"warn"``, ``"bad"`` or nothing."""
    return ui.label(text).classes(f"e-chip e-chip-{kind}" if kind else "e-chip")


def error_card(error: EisenError | str, expected: str = "", to_do: str = "") -> ui.element:
    """Show what is wrong, what was expected, and what to do.

    Args:
        error: The error, or what is wrong in words.
        expected: What would have been right.
        to_do: What helps.
    """
    if isinstance(error, EisenError):
        card = error.card
        error, expected, to_do = card.what, card.expected or expected, card.to_do or to_do
    with ui.element("div").classes("e-error-card").props("role=alert") as made:
        ui.label(error).classes("e-what")
        if expected:
            ui.label(f"expected: {expected}")
        if to_do:
            ui.label(f"to do: {to_do}").classes("e-quiet")
    return made


async def ask(question: str, *, yes: str, no: str = "Cancel", more: str = "") -> bool:
    """Ask before something that cannot be undone.

    Args:
        question: The question.
        yes: Text of the button that goes on.
        no: Text of the other.
        more: A sentence below the question.
    """
    with ui.dialog() as dialog, ui.card().style("min-width: 340px; max-width: 520px"):
        ui.label(question).classes("e-title e-title-l")
        if more:
            ui.label(more).classes("e-quiet")
        with ui.row().classes("e-row").style("justify-content:flex-end; width:100%"):
            ui.button(no, on_click=lambda: dialog.submit(False)).props("flat data-action=no")
            ui.button(yes, on_click=lambda: dialog.submit(True)).props("unelevated data-action=yes")
    answer = await dialog
    if not dialog.is_deleted:
        dialog.delete()
    return bool(answer)
