"""From the words of the command line to pages in a browser."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

from eisen._core.errors import MissingFileError
from eisen._core.optional import require
from eisen_cli.builder.server.folders import Folders
from eisen_cli.builder.workspace import Workspace
from eisen_cli.show.screen import Screen

__all__ = ["Launch", "open_board", "open_builder"]


class Launch:
    """Serves pages until Ctrl-C, shows their address, and opens it in the browser.

    Args:
        screen: Where to write.
        port: The port; 0 is any free one.
        browser: Whether to open the browser.
        token: What the address has to hold; by default a new one.
    """

    def __init__(self, screen: Screen, *, port: int = 0, browser: bool = True, token: str | None = None) -> None:
        screen.by_line = True
        self.screen, self.port, self.browser, self.token = screen, port, browser, token

    def run(self, register: Callable[[], None], start: str, what: str) -> None:
        """Serve what is registered.

        Args:
            register: Registers the pages.
            start: Path of the first page.
            what: What is there, in words.
        """
        from eisen_cli.builder.server.app import serve

        def ready(url: str) -> None:
            self.screen.line(f"{what} is at", style="good")
            self.screen.line()
            self.screen.line(f"  {url}", style="accent")
            self.screen.line()
            self.screen.line("Only this machine can open it. Ctrl-C ends it.", style="quiet")
            self.screen.result({"event": "ready", "url": url})
            if self.browser:
                with suppress(webbrowser.Error):
                    webbrowser.open(url)

        with suppress(KeyboardInterrupt):
            serve(register, port=self.port, token=self.token, start=start, on_ready=ready)


def open_builder(
    launch: Launch,
    configuration: Path | None,
    data_dir: Path,
    artifact_dir: Path,
    imports: Sequence[str],
    folders: Sequence[Path],
) -> None:
    """Open the builder with a configuration, or with the start page.

    Args:
        launch: How the pages are served.
        configuration: The file; one that does not exist yet is made when it is saved.
        data_dir: Folder of the data.
        artifact_dir: Folder for the results.
        imports: Further modules to offer.
        folders: Further folders that pages may look into.

    Raises:
        ConfigError: If the file cannot be understood at all, or a module cannot be imported.
        MissingExtraError: If NiceGUI is not installed.
    """
    _require()
    from eisen_cli.builder.document.document import Document

    is_there = configuration is not None and configuration.exists()
    document = (
        Document.open(configuration, repairs=False) if configuration and is_there else Document(None, configuration)
    )
    home = configuration.parent if configuration else Path()
    allowed = Folders([home, Path(), data_dir, artifact_dir, *folders])
    workspace = Workspace(document, allowed, data_dir.resolve(), artifact_dir.resolve(), imports)

    def register() -> None:
        from eisen_cli.builder.board import register_board
        from eisen_cli.builder.canvas import register as register_canvas
        from eisen_cli.builder.start import register as register_start
        from eisen_cli.builder.viewer import register as register_viewer

        register_canvas(workspace)
        register_start(workspace)
        register_board(workspace)
        register_viewer(workspace)

    launch.run(register, "/" if configuration else "/start", "The builder")


def open_board(launch: Launch, runs: Sequence[Path], data_dir: Path, folders: Sequence[Path] = ()) -> None:
    """Open the pages of runs.

    Args:
        launch: How the pages are served.
        runs: Artifact folders, or folders with several of them inside.
        data_dir: Folder of the data, for what is started from the page.
        folders: Further folders that pages may look into.

    Raises:
        MissingFileError: If a folder does not exist.
        MissingExtraError: If NiceGUI is not installed.
    """
    _require()
    for run in runs:
        if not run.is_dir():
            raise MissingFileError(f"there is no folder {run}", to_do="name the artifact folder of a run")
    allowed = Folders([*runs, data_dir, *folders])
    workspace = Workspace(None, allowed, data_dir.resolve(), runs[0].resolve(), runs=[run.resolve() for run in runs])

    def register() -> None:
        from eisen_cli.builder.board import register_board
        from eisen_cli.builder.viewer import register as register_viewer

        register_board(workspace)
        register_viewer(workspace)

    is_one = len(runs) == 1 and _is_run(runs[0])
    start = f"/run?artifacts={quote(str(runs[0].resolve()))}" if is_one else "/runs"
    launch.run(register, start, "The page of the run" if is_one else "The list of the runs")


def _is_run(folder: Path) -> bool:
    """Tell whether a folder is that of one run, or still empty, as before its training begins."""
    names = ("run.json", "log.jsonl", "progress.json", "process.json")
    return any((folder / name).exists() for name in names) or not any(folder.iterdir())


def _require() -> None:
    require("nicegui", "builder", "the builder and the pages of runs")
