"""One reader per run, shared by everybody who looks at it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic

from eisen_cli.builder.board.reading import RunReader
from eisen_cli.builder.board.view import RunView

__all__ = ["Watches"]

Listener = Callable[[RunView], None]

_BUSY_SECONDS, _IDLE_SECONDS = 1.0, 3.0
_SHARE = 10.0
"""A look that took long, as on a slow network, is followed by a rest of so many times its duration."""


class Watches:
    """Follows runs in threads while somebody looks, and tells listeners in the event loop what has changed.

    A look at a network folder that hangs holds up its own thread and nothing else.
    """

    def __init__(self) -> None:
        self._watches: dict[Path, _Watch] = {}

    def watch(self, folder: Path, listener: Listener) -> Callable[[], None]:
        """Call a function with a `RunView` now, as soon as there is one, and after every change.

        Args:
            folder: The artifact folder.
            listener: Is called in the event loop that runs now.

        Returns:
            A function that ends it.
        """
        watch = self._watches.get(folder)
        if watch is None:
            watch = self._watches[folder] = _Watch(folder, asyncio.get_running_loop())
        watch.listeners.append(listener)
        if watch.view is not None:
            listener(watch.view)
        watch.wake()

        def end() -> None:
            if listener in watch.listeners:
                watch.listeners.remove(listener)
            if not watch.listeners and self._watches.get(folder) is watch:
                del self._watches[folder]
                watch.end()

        return end

    def look_now(self, folder: Path) -> None:
        """Look at once, because something was just started or stopped there."""
        if folder in self._watches:
            self._watches[folder].wake()

    @property
    def folders(self) -> list[Path]:
        """What is being followed."""
        return list(self._watches)


class _Watch:
    """A thread that follows one run."""

    def __init__(self, folder: Path, loop: asyncio.AbstractEventLoop) -> None:
        self.view: RunView | None = None
        self.listeners: list[Listener] = []
        self._reader, self._loop = RunReader(folder), loop
        self._awake, self._is_over = threading.Event(), False
        threading.Thread(target=self._run, name=f"follows {folder.name}", daemon=True).start()

    def wake(self) -> None:
        self._awake.set()

    def end(self) -> None:
        self._is_over = True
        self._awake.set()

    def _run(self) -> None:
        is_first = True
        while not self._is_over:
            began = monotonic()
            if self._reader.poll() or is_first:
                is_first = False
                try:
                    self._loop.call_soon_threadsafe(self._tell, self._reader.view)
                except RuntimeError:  # the server has ended
                    return
            pause = _BUSY_SECONDS if self._reader.view.verdict.is_busy else _IDLE_SECONDS
            self._awake.wait(max(pause, _SHARE * (monotonic() - began)))
            self._awake.clear()

    def _tell(self, view: RunView) -> None:
        self.view = view
        for listener in list(self.listeners):
            listener(view)
