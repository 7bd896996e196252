"""What to fill in before a training starts."""

from __future__ import annotations

from pathlib import Path

from nicegui import ui

from eisen._core.errors import ArgumentError, EisenError
from eisen_cli.builder.board.actions import Actions, address, show_error
from eisen_cli.builder.board.board import Board
from eisen_cli.builder.board.commands import Order
from eisen_cli.builder.board.processes import verdict_of
from eisen_cli.builder.look.widgets import ask, icon_button

__all__ = ["StartPanel"]


class StartPanel:
    """Fields for epochs, folders, devices, seed and overrides, and the button that starts the training.

    Args:
        board: What all pages share.
        folder: The artifact folder that is proposed.
        actions: Starts it.
    """

    def __init__(self, board: Board, folder: Path, actions: Actions) -> None:
        self._board, self._actions, self._shown = board, actions, folder
        document = board.workspace.document
        with ui.element("section").classes("e-card e-col").props('data-panel=start aria-label="Start a training"'):
            with ui.element("div"):
                ui.label("Start a training").classes("e-title e-title-l")
                self._config = ui.label(_config_words(board)).classes("e-quiet e-s")
            with ui.element("div").classes("b-form"):
                self._epochs = _number(
                    "Epochs", "epochs", document.hyper("General").get("Epochs"), "as configured, or 10"
                )
                self._devices = _field("Devices", "devices", "", "1; a number of processes, or auto")
                self._seed = _number("Seed", "seed", None, "as configured")
                self._data = self._folder_field("Folder of the data", "data_dir", board.workspace.data_dir)
                self._artifacts = self._folder_field("Folder for the results", "artifact_dir", folder)
                with ui.element("div").classes("b-wide"):
                    self._overrides = ui.textarea("Overrides", placeholder="Training.Optimizer[0].params.lr=1e-3")
                    self._overrides.props("outlined dense autogrow data-field=set").classes("e-mono").style(
                        "width: 100%"
                    )
            self._command = ui.label("").classes("b-command").props("data-command")
            with ui.element("div").classes("e-row").style("justify-content: flex-end"):
                start = ui.button("Start training", icon="play_arrow", on_click=self._start)
                start.props("unelevated data-action=start")
        for element in (self._epochs, self._devices, self._seed, self._data, self._artifacts, self._overrides):
            element.on_value_change(self._show_command)
        self._show_command()

    def _folder_field(self, label: str, name: str, folder: Path) -> ui.input:
        field = _field(label, name, str(folder))
        field.classes("b-half")
        with field.add_slot("append"):
            icon_button("folder_open", f"Choose: {label}", lambda: self._choose(field), f"choose-{name}")
        return field

    async def _choose(self, field: ui.input) -> None:
        from eisen_cli.builder.panels.chooser import choose_path

        chosen = await choose_path(self._board.workspace, folders=True, suffixes=())
        if chosen is not None:
            field.value = str(chosen)

    def _order(self) -> Order:
        return self._board.start_order(
            self._artifacts.value or "",
            self._data.value or "",
            self._epochs.value,
            self._devices.value or "",
            self._seed.value,
            (self._overrides.value or "").splitlines(),
        )

    def _show_command(self) -> None:
        try:
            self._command.set_text(f"$ {self._order().text}")
        except EisenError as error:
            self._command.set_text(str(error).partition("\n")[0])

    async def _start(self) -> None:
        try:
            if not await self._saved():
                return
            order = self._order()
        except EisenError as error:
            show_error(error)
            return
        if await self._may_replace(order) and await self._actions.start(order) and order.artifact_dir != self._shown:
            ui.navigate.to(address(order.artifact_dir))

    async def _saved(self) -> bool:
        """Have the document saved; what is trained is the file."""
        document = self._board.workspace.document
        if document.path is None:
            path = await _ask_path(self._board)
        elif document.is_saved:
            return True
        else:
            yes = await ask("Save the changes first?", yes="Save and start", more="The training reads the saved file.")
            path = document.path if yes else None
        if path is not None:
            document.save(path)
            self._config.set_text(_config_words(self._board))
            self._show_command()
        return path is not None

    async def _may_replace(self, order: Order) -> bool:
        status = verdict_of(order.artifact_dir).status
        if status in ("none", "waiting") or not (order.artifact_dir / "checkpoint.pt").exists():
            return True
        return await ask(
            f"Replace the run in {order.artifact_dir.name}?",
            yes="Replace it",
            more="Its checkpoint, its best model and its curves are lost. Choose another folder to keep them.",
        )


async def _ask_path(board: Board) -> Path | None:
    """Ask under which name a document that has none is saved."""
    default = board.workspace.folders.roots[0] / "experiment.json"
    with ui.dialog() as dialog, ui.card().style("min-width: 420px"):
        ui.label("Save the configuration first").classes("e-title e-title-l")
        field = _field("File", "config", str(default))
        with ui.element("div").classes("e-row").style("justify-content: flex-end; width: 100%"):
            ui.button("Cancel", on_click=lambda: dialog.submit(None)).props("flat data-action=no")
            ui.button("Save", on_click=lambda: dialog.submit(field.value)).props("unelevated data-action=yes")
    chosen = await dialog
    dialog.delete()
    if not chosen:
        return None
    path = board.workspace.folders.resolve(chosen)
    if path.exists():
        raise ArgumentError(
            f"{path.name} exists already", to_do="choose another name, or open that file in the builder"
        )
    return path


def _config_words(board: Board) -> str:
    document = board.workspace.document
    name = str(document.path) if document.path else "not saved yet"
    return name if document.is_saved or not document.path else f"{name}, with changes that are not saved"


def _field(label: str, name: str, value: str, placeholder: str = "") -> ui.input:
    field = ui.input(label, value=value, placeholder=placeholder)
    field.props(f"outlined dense stack-label data-field={name}").style("width: 100%")
    return field


def _number(label: str, name: str, value: object, placeholder: str) -> ui.number:
    number = value if isinstance(value, int) else None
    field = ui.number(label, value=number, placeholder=placeholder, min=0, step=1, format="%d")
    field.props(f"outlined dense stack-label clearable data-field={name}").style("width: 100%")
    return field
