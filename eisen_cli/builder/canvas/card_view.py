"""One module on the canvas: a card, and behind it the panel with its fields, made when it is first opened."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from nicegui import ui

from eisen.config.places import Place, parse, text_of
from eisen_cli.builder.canvas.desk import Desk
from eisen_cli.builder.canvas.editing import Done
from eisen_cli.builder.canvas.elements import CardElement
from eisen_cli.builder.canvas.labels import name_of, summary_of
from eisen_cli.builder.canvas.lanes import is_used_once
from eisen_cli.builder.canvas.targets import role_of
from eisen_cli.builder.panels.panel import ModulePanel

__all__ = ["CardView"]


class CardView:
    """The card of one module.

    Args:
        desk: What the parts of the page share.
        place: Where the module stands.
    """

    def __init__(self, desk: Desk, place: Place) -> None:
        self._desk, self.place = desk, place
        self._panel: ModulePanel | None = None
        self.is_open = False
        with CardElement() as self.element:
            self._body = ui.element("div")
        self.element.on_act(self._act)

    def show(self, place: Place, entry: Any) -> None:
        """Show a module, which may have moved or been changed."""
        has_moved, self.place = place != self.place, place
        role, path = role_of(place), str(entry.get("type", "")) if isinstance(entry, dict) else ""
        roles = self._desk.editor.roles.of(path, role)
        idle = is_used_once(str(place[0]), role) and place[-1] != 0
        self.element.show(
            place=text_of(place),
            path=path,
            name=name_of(entry),
            summary=summary_of(entry),
            takes=" ".join(roles),
            idle="A run uses the first one only" if idle else "",
            targets=[target.as_dict() for target in self._desk.editor.targets_from(place[:-1], tuple(roles))],
            open=self.is_open,
        )
        if self._panel is not None:
            self._panel.show_at(place) if has_moved else self._panel.refresh()
        self.show_findings()

    def show_findings(self) -> None:
        """Show how many problems the module has."""
        findings = [each for each in self._desk.workspace.findings if each.place[: len(self.place)] == self.place]
        problems = [each for each in findings if each.kind == "error"]
        lines = [f"{each.what}{f' – {each.expected}' if each.expected else ''}" for each in problems]
        self.element.show(errors=len(problems), problems="\n".join(lines))

    def toggle(self, is_open: bool | None = None) -> None:
        """Open or close the card."""
        self.is_open = not self.is_open if is_open is None else is_open
        if self.is_open and self._panel is None:
            with self._body:
                self._panel = ModulePanel(self._desk.workspace, self.place)
        self.element.show(open=self.is_open)

    def focus_field(self, place: Place) -> None:
        """Open the card and put the cursor into the field of a place."""
        self.toggle(True)
        self._desk.focus(self.place)
        if self._panel is not None:
            self._panel.focus(place)

    def _act(self, name: str, argument: str) -> None:
        if name == "toggle":
            self.toggle()
        elif name in ("copy", "cut"):
            ui.clipboard.write(self._desk.editor.copy(self.place))
            self._desk.say(f"Copied {self.element.props['name']}")
            if name == "cut":
                self._desk.do(self._desk.editor.remove, self.place)
            else:
                self._desk.focus(self.place)
        elif name == "paste":
            self._desk.paste("", text_of(self.place))
        else:
            self._edit(name, argument)

    def _edit(self, name: str, argument: str) -> None:
        editor, section = self._desk.editor, parse(argument) or ()
        commands: dict[str, Callable[[Place], Done]] = {
            "duplicate": editor.duplicate,
            "remove": editor.remove,
            "up": lambda place: editor.step(place, -1),
            "down": lambda place: editor.step(place, 1),
            "left": lambda place: editor.across(place, -1),
            "right": lambda place: editor.across(place, 1),
            "move": lambda place: editor.move_to(place, section),
            "copy-to": lambda place: editor.copy_to(place, section),
        }
        self._desk.do(commands[name], self.place)
        if name == "copy-to":
            self._desk.focus(self.place)
