"""What the parts of the builder page share: the workspace, the commands, and where the user is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from nicegui import ui

from eisen._core.errors import EisenError
from eisen.config.places import Place, parse, text_of
from eisen_cli.builder.canvas.editing import Done, Editor
from eisen_cli.builder.canvas.elements import KeysElement
from eisen_cli.builder.canvas.lanes import Lane, lanes_of
from eisen_cli.builder.workspace import Workspace

__all__ = ["Desk"]


@dataclass
class Desk:
    """What the parts of one open page share.

    Args:
        workspace: What the server works on.
        editor: The commands.
        keys: The element that hears keys, moves the focus, and tells screen readers what happened.
        phase: The phase on the screen.
        lane: The section that the user is in; what is added goes there.
        on_words: Called with what happened, in words.
        on_lane: Called when the user enters another section.
        asking: The open dialog that asks about the document or its file.
    """

    workspace: Workspace
    editor: Editor
    keys: KeysElement
    phase: str = "Training"
    lane: Place = ("Training", "Datasets")
    on_words: list[Callable[[str], None]] = field(default_factory=list)
    on_lane: list[Callable[[], None]] = field(default_factory=list)
    asking: ui.dialog | None = None

    def do(self, command: Callable[..., Done], *args: Any, focus: bool = True) -> Done | None:
        """Run a command, tell what it did, and put the focus where it goes on; errors become a message.

        Args:
            command: One of the editor's.
            args: What it is given.
            focus: Whether the module that it ends with gets the focus.
        """
        try:
            done = command(*args)
        except EisenError as error:
            self.fail(error)
            return None
        self.say(done.words)
        if focus and done.place is not None and done.place[0] == self.phase:
            self.focus(done.place)
        return done

    def say(self, words: str) -> None:
        """Tell what happened, at the bottom of the page and to screen readers."""
        if words:
            self.keys.show(words=words)
            for listener in self.on_words:
                listener(words)

    def fail(self, error: EisenError) -> None:
        """Show why something was not done."""
        lines = [error.card.what, *([f"Expected: {error.card.expected}"] if error.card.expected else [])]
        lines += [f"To do: {error.card.to_do}"] if error.card.to_do else []
        ui.notify("\n".join(lines), type="negative", multi_line=True, close_button="Close", classes="eisen-notice")
        self.keys.show(words=". ".join(lines))

    def focus(self, place: Place) -> None:
        """Put the focus on the card of a module."""
        self.keys.run_method("focusCard", text_of(place))

    def enter(self, lane: Place) -> None:
        """Note the section that the user is in."""
        if lane != self.lane:
            self.lane = lane
            for listener in self.on_lane:
                listener()

    def lanes(self) -> list[Lane]:
        """Return the sections of the phase on the screen that take modules."""
        return [lane for lane in lanes_of(self.workspace.document.data, self.phase) if lane.kind == "modules"]

    def paste(self, text: str, place: str = "") -> None:
        """Put modules from the clipboard behind a module, or at the end of the section that the user is in."""
        behind = parse(place) if place else None
        self.do(self.editor.paste, text, behind, self.lane)
