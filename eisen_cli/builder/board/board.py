"""What the pages of runs share: readers, processes, and what may be run in which folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen._core.errors import ArgumentError
from eisen.experiments.artifacts import Artifacts
from eisen_cli.builder.board.commands import Order
from eisen_cli.builder.board.finding import Finder
from eisen_cli.builder.board.processes import Processes
from eisen_cli.builder.board.status import PROCESS_FILE
from eisen_cli.builder.board.view import RunView
from eisen_cli.builder.board.watching import Watches

if TYPE_CHECKING:
    from eisen_cli.builder.workspace import Workspace

__all__ = ["Board"]


class Board:
    """The runs that one server shows.

    Args:
        workspace: What the server works on.

    Attributes:
        watches: Follows runs for all pages together.
        processes: Starts and stops commands.
        finder: Lists the runs there are.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.watches, self.processes = Watches(), Processes()
        self.finder = Finder(workspace.runs or [workspace.artifact_dir])

    def folder(self, text: str) -> Path:
        """Return the artifact folder that an address names.

        Raises:
            ArgumentError: If the page may not look into it.
        """
        return self.workspace.folders.resolve(text) if text else self.workspace.artifact_dir

    def again(self, view: RunView, command: str = "train", *, more: int = 0, force: bool = False) -> Order:
        """Return the order that continues a run or uses its model.

        The configuration is the one in the artifact folder: as it ran, with its overrides.

        Args:
            view: The run.
            command: What to run.
            more: By how many epochs the training becomes longer.
            force: Continue although something has changed.

        Raises:
            ArgumentError: If the folder lacks what is needed for it.
        """
        artifacts = Artifacts(view.folder)
        needed = artifacts.checkpoint if command == "train" else artifacts.best
        for path in (artifacts.config, needed):
            if not path.exists():
                raise ArgumentError(
                    f"there is no {path.relative_to(view.folder)} in {view.folder}",
                    expected="the artifact folder of a training that has begun",
                    to_do="start the training first",
                )
        place = self.data_dir_of(view.folder)
        if command != "train":
            return Order(command, artifacts.config, place, view.folder)
        epochs = (view.n_epochs or view.n_done) + more or None
        devices = _devices(view.folder)
        return Order("train", artifacts.config, place, view.folder, epochs, resume=True, force=force, devices=devices)

    def forced(self, view: RunView) -> Order:
        """Return the order that was refused because something has changed since the checkpoint, with ``--force``.

        Args:
            view: The run.
        """
        words = _started(view.folder).get("words", [])
        asked = next((int(word) for word in words[2:3] if str(word).isdecimal()), None)
        order = self.again(view, force=True)
        return replace(order, epochs=asked or order.epochs)

    def data_dir_of(self, folder: Path) -> Path:
        """Return the folder of the data of a run, or that of this server when the run does not say."""
        from eisen.experiments.provenance.names import data_dir_of

        place = data_dir_of(folder)
        return place if place is not None and place.is_dir() else self.workspace.data_dir

    def free_folder(self, near: Path) -> Path:
        """Return a folder in which there is nothing yet, that one or one named after it.

        Args:
            near: E.g. ``runs/a``, which gives ``runs/a-2``.
        """
        stem, _, number = near.name.rpartition("-")
        base, n = (stem, int(number)) if stem and number.isdecimal() else (near.name, 1)
        taken = [near, *(near.with_name(f"{base}-{i}") for i in range(n + 1, n + 1000))]
        return next((path for path in taken if not path.exists() or not any(path.iterdir())), near)

    def start_order(
        self,
        artifact_dir: str,
        data_dir: str,
        epochs: float | None,
        devices: str = "",
        seed: float | None = None,
        overrides: Sequence[str] = (),
    ) -> Order:
        """Return the order that trains the saved document.

        Args:
            artifact_dir: Folder for the results.
            data_dir: Folder of the data.
            epochs: How many; None: as the configuration says.
            devices: ``"auto"`` or how many processes.
            seed: Replaces ``.Seed``.
            overrides: ``PATH=VALUE`` texts; empty ones are left out.

        Raises:
            ArgumentError: If something is wrong, or the document has never been saved.
        """
        workspace = self.workspace
        path = workspace.document.path if workspace.has_builder else None
        if path is None:
            raise ArgumentError("there is no configuration to train", to_do="save the document first")
        data = workspace.folders.resolve(data_dir)
        if not data.is_dir():
            raise ArgumentError(f"there is no folder {data}", expected="the folder of the data")
        texts = [text.strip() for text in overrides if text.strip()]
        return Order(
            "train",
            path.resolve(),
            data,
            workspace.folders.resolve(artifact_dir),
            _whole("epochs", epochs, 1),
            devices=devices.strip(),
            seed=_whole("seed", seed, 0),
            overrides=texts,
        )


def _whole(name: str, value: float | None, least: int) -> int | None:
    if value is None:
        return None
    if value != int(value) or value < least:
        raise ArgumentError(f"{name} is {value:g}", expected=f"a whole number from {least}")
    return int(value)


def _devices(folder: Path) -> str:
    """Return on how many devices a run was started from the page."""
    facts = _started(folder)
    return str(facts.get("devices", "")) if facts.get("command") == "train" else ""


def _started(folder: Path) -> dict[str, Any]:
    """Return what was last started from the page in a folder."""
    try:
        facts = json.loads((folder / PROCESS_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return facts if isinstance(facts, dict) else {}
