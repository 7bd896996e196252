"""Bringing a file to the disk while it is still being written, so that little is left to wait for at the end."""

from __future__ import annotations

import os
import threading
from pathlib import Path

__all__ = ["Flusher"]

_ENOUGH = 32 * 2**20


class Flusher:
    """A thread that sends what was written to the disk now and then; the file is complete only after a final fsync.

    Args:
        path: The file.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "file"
        >>> flusher = Flusher(path)
        >>> _ = path.write_bytes(b"content")
        >>> flusher.wrote(7)
        >>> flusher.end()
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting = 0
        self._wake = threading.Event()
        self._ending = False
        self._thread: threading.Thread | None = None
        self._error: OSError | None = None

    def wrote(self, n_bytes: int) -> None:
        """Take note of bytes that were written; the thread starts when there are enough of them.

        Args:
            n_bytes: How many.
        """
        self._waiting += n_bytes
        if self._waiting < _ENOUGH or not hasattr(os, "fdatasync"):
            return
        self._waiting = 0
        self._wake.set()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="store-flusher", daemon=True)
            self._thread.start()

    def _work(self) -> None:
        try:
            handle = os.open(self._path, os.O_RDONLY)
            try:
                while self._wake.wait() and not self._ending:
                    self._wake.clear()
                    os.fdatasync(handle)
            finally:
                os.close(handle)
        except OSError as error:  # the system tells only once that writing has failed
            self._error = error

    def end(self) -> None:
        """Let the thread finish.

        Raises:
            OSError: If something did not reach the disk.
        """
        self._ending = True
        self._wake.set()
        if self._thread is not None:
            self._thread.join()
        if self._error is not None:
            raise self._error
