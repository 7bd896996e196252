"""What nobody has saved survives a crash: a copy beside the file, written a moment after each change."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from secrets import token_hex
from threading import Lock, Timer

from eisen._core.atomic import atomic_write
from eisen._core.errors import EisenError
from eisen_cli.builder.document.document import REPAIR, Document
from eisen_cli.builder.document.history import Change

__all__ = ["Autosave", "Recovery", "recoveries_without_file", "recovery_for", "state_folder"]

_SUFFIX = ".autosave"


class Autosave:
    """Writes a copy of a document after changes, and removes it when the document is saved.

    The copy of ``folder/name.json`` is ``folder/.name.json.autosave``; documents without a file have theirs in
    `state_folder`. Nothing happens where the copy cannot be written: editing goes on. A copy of an earlier time that
    nobody wanted yet is put aside as ``.name.json.autosave.old`` when a new one is written.

    Args:
        document: What is edited.
        after: Seconds from a change to the copy.
        own: The copy of a document without a file; by default a new one, and that of a `Recovery` where one was taken.

    Attributes:
        failure: Why the last copy could not be written; empty when it could.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> document = Document(path=folder / "new.json")
        >>> autosave = Autosave(document)
        >>> document.set_hyper("General", "BatchSize", 2)
        >>> autosave.write_now().name
        '.new.json.autosave'
        >>> _ = document.save()
        >>> autosave.close()
        >>> [path.name for path in folder.iterdir()]
        ['new.json']
    """

    def __init__(self, document: Document, after: float = 1.0, own: Path | None = None) -> None:
        self.document = document
        self.failure = ""
        self._after = after
        self._own = own or state_folder() / _new_name()
        self._revision = document.revision
        self._written = self._target() if _text(self._target()) == document.text() else None
        self._timer: Timer | None = None
        self._lock = Lock()
        self._unsubscribe = document.subscribe(self._changed)

    def write_now(self) -> Path | None:
        """Write the copy; return where it is, or None when there is nothing to keep or no place for it."""
        with self._lock:
            self._stop()
            target = self._target()
            if self.document.is_saved or self._written not in (None, target):
                self._remove(self._written)
            if self.document.is_saved or self.document.revision == self._revision:
                return self._written
            self.failure = _write(target, self.document.text(), is_new=self._written is None)
            self._written = None if self.failure else target
            return self._written

    def discard(self) -> None:
        """Remove the copy, as nobody wants what is in it."""
        with self._lock:
            self._stop()
            self._remove(self._written, self._target())
            self._revision = self.document.revision

    def close(self) -> None:
        """End: what is not saved is kept in the copy for the next time."""
        self._unsubscribe()
        self.write_now()

    def _changed(self, change: Change) -> None:
        with self._lock:
            if change.kind == "save":
                self._stop()
                self._remove(self._written)
                self._revision = self.document.revision
            elif change.label == REPAIR and change.by == "edit" and self.document.revision == self._revision + 1:
                self._revision = self.document.revision  # it follows from the file, and would again
            elif self._timer is None:
                self._timer = Timer(self._after, self.write_now)
                self._timer.daemon = True
                self._timer.start()

    def _target(self) -> Path:
        return copy_of(self.document.path) if self.document.path is not None else self._own

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _remove(self, *copies: Path | None) -> None:
        for copy in copies:
            if copy is not None:
                Recovery(copy, None, 0).discard()
        self._written = None


@dataclass(frozen=True)
class Recovery:
    """A copy that was never saved.

    Args:
        copy: Where it is.
        path: The file it belongs to; None when it has none yet.
        time: When it was written, in seconds as of `time.time`.
    """

    copy: Path
    path: Path | None
    time: float

    def document(self) -> Document:
        """Return the document as it was, not saved.

        Raises:
            ConfigError: If the copy cannot be read.
        """
        kept = Document.open(self.copy)
        if self.path is None:
            document = Document(kept.data)
            document.kept_in = self.copy
            return document
        document = Document.open(self.path) if self.path.exists() else Document(path=self.path)
        document.replace(kept.data, "recover what was not saved")
        return document

    def discard(self) -> None:
        """Remove the copy."""
        with suppress(OSError):
            self.copy.unlink(missing_ok=True)


def recovery_for(path: Path) -> Recovery | None:
    """Return the copy of a file that is newer than the file and says something else, if there is one.

    Args:
        path: The file.
    """
    copy = copy_of(path)
    try:
        written = copy.stat().st_mtime_ns
        is_old = path.exists() and (path.stat().st_mtime_ns > written or path.read_bytes() == copy.read_bytes())
    except OSError:
        return None
    return None if is_old else Recovery(copy, path, written / 1e9)


def recoveries_without_file() -> list[Recovery]:
    """Return the copies of documents that never had a file, the newest first; those being edited now are left out."""
    found = []
    for copy in state_folder().glob(f"*{_SUFFIX}"):
        with suppress(OSError):
            found.append(Recovery(copy, None, copy.stat().st_mtime))
    return sorted((each for each in found if not _is_in_use(each.copy)), key=lambda each: -each.time)


def copy_of(path: Path) -> Path:
    """Return where the copy of a file is.

    Example:
        >>> copy_of(Path("runs/hippocampus.json")).name
        '.hippocampus.json.autosave'
    """
    return path.with_name(f".{path.name}{_SUFFIX}")


def state_folder() -> Path:
    """Return the folder for copies of documents without a file: ``$XDG_STATE_HOME`` or ``~/.local/state``."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "eisen" / "autosave"


def _text(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None


def _write(target: Path, text: str, *, is_new: bool) -> str:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if is_new and target.exists():
            target.replace(target.with_name(f"{target.name}.old"))
        with atomic_write(target, "w") as file:
            file.write(text)
    except (OSError, EisenError) as error:
        return str(error).splitlines()[0]
    return ""


def _is_in_use(copy: Path) -> bool:
    """Tell whether the process that writes a copy is alive; of those on other machines nobody knows."""
    import psutil

    parts = copy.name.removesuffix(_SUFFIX).rsplit("-", 3)
    is_ours = len(parts) == 4 and parts[1] == _host() and parts[2].isdecimal()
    return is_ours and bool(psutil.pid_exists(int(parts[2])))


def _new_name() -> str:
    return f"{time.strftime('%Y%m%d-%H%M%S')}-{_host()}-{os.getpid()}-{token_hex(4)}{_SUFFIX}"


def _host() -> str:
    return socket.gethostname().replace("-", "_")[:40] or "here"
