"""The page of a training that runs in a terminal: ``eisen train --page``."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import Self

from eisen._core.errors import ArtifactError
from eisen._core.optional import require
from eisen.experiments.artifacts import make_folder
from eisen_cli.show.screen import Screen

__all__ = ["PageServer"]

_URL = re.compile(r'"url": "(http[^"]+)"')
_PATIENCE_SECONDS = 10.0


class PageServer:
    """A server process of its own that shows an artifact folder while the training works in this one.

    Use it as a context manager after `start`. At the end the page stays until Ctrl-C when there is a terminal; without
    one, as in a batch system, it ends with the training.

    Args:
        screen: Where its address is written.
        folder: The artifact folder.
        data_dir: Folder of the data.
        is_terminal: Whether somebody sits in front of it; None: to look.

    Raises:
        MissingExtraError: If NiceGUI is not installed.
    """

    def __init__(self, screen: Screen, folder: Path, data_dir: Path, *, is_terminal: bool | None = None) -> None:
        require("nicegui", "builder", "the page of a run")
        self._screen, self._folder, self._data_dir = screen, folder, data_dir
        looks = sys.stdin is not None and sys.stdin.isatty() and screen.is_terminal()
        self._is_terminal = looks if is_terminal is None else is_terminal
        self._server: subprocess.Popen[str] | None = None
        self._reader: threading.Thread | None = None
        self.url = ""

    def start(self) -> None:
        """Start the server.

        Raises:
            ArtifactError: If it cannot be started, or the folder cannot be made.
        """
        make_folder(self._folder)
        words = ["board", str(self._folder), "--data_dir", str(self._data_dir), "--json"]
        words += [] if self._is_terminal else ["--no-browser"]
        try:
            self._server = subprocess.Popen(  # noqa: S603 - our own command line, never through a shell
                [sys.executable, "-m", "eisen_cli", *words],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                encoding="utf-8",
                start_new_session=True,  # Ctrl-C stops the training, not the page
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        except OSError as error:
            raise ArtifactError(f"the page cannot be started: {error}") from error
        self._reader = threading.Thread(target=self._tell, args=(self._server,), daemon=True)
        self._reader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self._is_terminal and self._server is not None and self._server.poll() is None:
                self._screen.line(f"the page stays at {self.url or 'its address'} until Ctrl-C", style="quiet")
                with suppress(KeyboardInterrupt):
                    self._server.wait()
        finally:
            self._end()

    def _tell(self, server: subprocess.Popen[str]) -> None:
        """Wait for the address and show it; then read on, so that the server never waits for a reader."""
        assert server.stdout is not None
        with server.stdout as lines:
            for line in lines:
                found = _URL.search(line)
                if found and not self.url:
                    self.url = found.group(1)
                    self._screen.line(f"page: {self.url}", style="accent")

    def _end(self) -> None:
        server, self._server = self._server, None
        if server is None:
            return
        if server.poll() is None:
            server.send_signal(signal.SIGTERM)
        try:
            server.wait(_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()
        if self._reader is not None:
            self._reader.join(_PATIENCE_SECONDS)
