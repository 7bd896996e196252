"""The bar of the builder page: the file, undo and redo, saving, checking, exporting, running."""

from __future__ import annotations

from collections.abc import Callable

from nicegui import ui

from eisen_cli.builder.canvas.desk import Desk
from eisen_cli.builder.look.theme import Frame
from eisen_cli.builder.look.widgets import icon_button

__all__ = ["Toolbar"]

Acts = dict[str, Callable[..., object]]


class Toolbar:
    """The buttons in the header.

    Args:
        desk: What the parts of the page share.
        frame: The frame of the page.
        acts: What each button does, by the name that stands in its attribute ``data-action``.
    """

    def __init__(self, desk: Desk, frame: Frame, acts: Acts) -> None:
        self._desk = desk
        with frame.title:
            icon_button("widgets", "Show or hide the modules", acts["drawer"], "drawer")
            self._file = ui.label().classes("eisen-file").props("data-file")
            self._state = ui.label().classes("e-chip").props("data-saved")
        with frame.actions:
            self._undo = icon_button("undo", "Undo (Ctrl Z)", acts["undo"], "undo")
            self._redo = icon_button("redo", "Do again (Ctrl Shift Z)", acts["redo"], "redo")
            self._save = icon_button("save", "Save (Ctrl S)", acts["save"], "save")
            self._menu(acts)
            icon_button("account_tree", "Show or hide the flow of the fields", acts["flow"], "flow")
            ui.button("Run", icon="play_arrow", on_click=acts["run"]).props(
                "unelevated dense padding='4px 14px' data-action=run"
            )
        self.refresh()

    def _menu(self, acts: Acts) -> None:
        entries = {
            "new": ("note_add", "New, or from a template"),
            "open": ("folder_open", "Open …"),
            "save-as": ("save_as", "Save as …"),
            "diff": ("difference", "Compare with the file"),
            "export": ("code", "Export as Python …"),
            "download": ("download", "Download the JSON"),
            "help": ("keyboard", "Keys"),
        }
        button = ui.button(icon="more_horiz").props("flat round dense data-action=file-menu")
        button.props('aria-label="More: open, save as, export" title="More"')
        with button, ui.menu().props("auto-close"), ui.element("div").classes("eisen-menu").props("role=menu"):
            for name, (icon, words) in entries.items():
                with ui.element("button").props(f"role=menuitem data-action={name}").on("click", acts[name]):
                    ui.icon(icon)
                    ui.label(words)

    def refresh(self) -> None:
        """Follow the document."""
        document = self._desk.workspace.document
        self._file.set_text(document.path.name if document.path else "New experiment")
        is_saved = document.is_saved
        has_file = document.path is not None and document.path.exists()
        words = ("saved" if has_file else "new") if is_saved else "not saved"
        self._state.set_text(words)
        self._state.classes(add="" if is_saved else "e-chip-warn", remove="e-chip-warn" if is_saved else "")
        self._desk.keys.show(unsaved=not is_saved)
        for button, label in ((self._undo, document.can_undo), (self._redo, document.can_redo)):
            button.set_enabled(bool(label))
        self._save.set_enabled(not is_saved or not has_file)
