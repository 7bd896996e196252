"""The dialog that chooses a file or folder of the machine, inside of the allowed folders only."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from nicegui import ui

from eisen._core.errors import ArgumentError
from eisen_cli.builder.look.widgets import error_card
from eisen_cli.builder.panels.listing import Item, crumbs_of, items_of
from eisen_cli.builder.panels.styles import add_styles
from eisen_cli.builder.workspace import Workspace

__all__ = ["choose_path"]

_LAST = "chooser folder"


async def choose_path(
    workspace: Workspace, *, folders: bool = False, suffixes: Sequence[str] = (), start: Path | None = None
) -> Path | None:
    """Ask for a file or folder; return None when none was chosen.

    Args:
        workspace: Knows which folders may be looked into.
        folders: Ask for a folder.
        suffixes: Ends of the names of files to show, e.g. ``[".json"]``; all by default.
        start: Where to begin; by default where the last one was chosen, then the data.
    """
    add_styles()
    chooser = _Chooser(workspace, folders, suffixes)
    chooser.show(_beginning(workspace, start))
    answer = await chooser.dialog
    if not chooser.dialog.is_deleted:  # the page may have been closed meanwhile
        chooser.dialog.delete()
    if isinstance(answer, Path):
        workspace.preferences[_LAST] = answer if answer.is_dir() else answer.parent
        return answer
    return None


def _beginning(workspace: Workspace, start: Path | None) -> Path:
    wanted = (start, workspace.preferences.get(_LAST), workspace.data_dir, *workspace.folders)
    known = (path for path in wanted if path is not None and path in workspace.folders and Path(path).is_dir())
    return Path(next(known, Path()))


class _Chooser:
    def __init__(self, workspace: Workspace, folders: bool, suffixes: Sequence[str]) -> None:
        self._workspace, self._only_folders, self._suffixes = workspace, folders, suffixes
        self._folder = Path()
        self._items: list[Item] = []
        what = "folder" if folders else "file"
        with ui.dialog() as self.dialog, ui.card().classes("e-chooser"):
            with ui.element("div").classes("e-row"):
                ui.label(f"Choose a {what}").classes("e-title e-title-l e-grow")
                self._roots = ui.element("div").classes("e-row").style("gap: 4px")
            self._crumbs = ui.element("nav").classes("e-crumbs").props('aria-label="Folders above"')
            self._search = ui.input(placeholder="Filter", on_change=self._list).props(
                'outlined dense clearable debounce=120 autofocus aria-label="Filter by name" data-action=filter-files'
            )
            self._search.on("keydown.enter", self._enter)
            self._search.on("keydown.down.prevent", js_handler=_DOWN)
            self._shown = ui.element("div").classes("e-picker-list").props("role=listbox")
            self._shown.on("keydown", js_handler=_ARROWS)
            with ui.row().classes("e-row").style("justify-content: flex-end"):
                ui.button("Cancel", on_click=lambda: self.dialog.submit(None)).props("flat no-caps")
                if folders:
                    ui.button("Choose this folder", on_click=lambda: self.dialog.submit(self._folder)).props(
                        "unelevated no-caps data-action=choose-folder"
                    )
        self._show_roots()

    def show(self, folder: Path) -> None:
        """Show what is in a folder."""
        self._folder = self._workspace.folders.resolve(folder)
        self._search.value = ""
        self._crumbs.clear()
        with self._crumbs:
            for number, crumb in enumerate(crumbs_of(self._workspace.folders, self._folder)):
                if number:
                    ui.icon("chevron_right").classes("e-quiet")
                name = str(crumb) if number == 0 else crumb.name
                ui.button(name, on_click=lambda _, crumb=crumb: self.show(crumb)).props("flat dense no-caps")
        self._list()

    def _show_roots(self) -> None:
        roots = [root for root in self._workspace.folders if root.is_dir()]
        with self._roots:
            for root in roots if len(roots) > 1 else []:
                button = ui.button(root.name or str(root), on_click=lambda _, root=root: self.show(root))
                button.props("flat dense no-caps size=sm icon=folder_special").tooltip(str(root))

    def _list(self) -> None:
        self._shown.clear()
        with self._shown:
            try:
                self._items = items_of(
                    self._workspace.folders,
                    self._folder,
                    only_folders=self._only_folders,
                    suffixes=self._suffixes,
                    search=self._search.value or "",
                )
            except ArgumentError as error:
                self._items = []
                error_card(error)
                return
            for item in self._items:
                self._row(item)
            if not self._items:
                ui.label("Nothing to choose here.").classes("e-quiet e-s").style("padding: 10px")

    def _row(self, item: Item) -> None:
        with ui.element("button").classes("e-picker-row").props("type=button role=option") as row:
            ui.icon("folder" if item.is_folder else "description")
            ui.label(item.path.name).classes("e-ellipsis")
            ui.label(item.shown_size).classes("e-size")
        row.props["data-name"] = item.path.name
        row.on("click", lambda: self._take(item))

    def _take(self, item: Item) -> None:
        if item.is_folder:
            self.show(item.path)
        else:
            self.dialog.submit(self._workspace.folders.resolve(item.path))

    def _enter(self) -> None:
        if self._items:
            self._take(self._items[0])


_DOWN = """(event) => {
    const card = event.target.closest(".e-chooser");
    card.querySelector(".e-picker-row")?.focus();
}"""
_ARROWS = """(event) => {
    const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
    if (!step) return;
    event.preventDefault();
    document.activeElement?.[step]?.focus();
}"""
