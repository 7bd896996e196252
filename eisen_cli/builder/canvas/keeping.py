"""Nothing is lost: a copy of what is not saved, what was left over from the last time, and files changed by others."""

from __future__ import annotations

from pathlib import Path

from eisen_cli.builder.document.autosave import Autosave, Recovery, recovery_for
from eisen_cli.builder.document.document import Document
from eisen_cli.builder.workspace import Workspace

__all__ = ["Keeper"]


class Keeper:
    """Keeps a copy of the document that is edited, whichever it is.

    Args:
        workspace: What the server works on.

    Attributes:
        recovery: What was not saved the last time this file was edited; None when nothing is left over.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._autosave: Autosave | None = None
        self.recovery: Recovery | None = None
        self._is_recovering = False
        workspace.on_document(self._follow)
        self._follow(workspace.document)

    def _follow(self, document: Document) -> None:
        self.close()
        self.recovery = None if self._is_recovering or document.path is None else recovery_for(document.path)
        self._autosave = Autosave(document, own=document.kept_in)

    def recover(self) -> None:
        """Go on with what was not saved the last time.

        Raises:
            ConfigError: If the copy cannot be read.
        """
        if self.recovery is None:
            return
        document = self.recovery.document()
        self._is_recovering = True
        try:
            self._workspace.open(document)
        finally:
            self._is_recovering = False

    def forget(self) -> None:
        """Throw away what was not saved the last time."""
        if self.recovery is not None:
            self.recovery.discard()
        self.recovery = None

    def change_by_others(self) -> int | None:
        """Return a number for what somebody else has written into the file; None when nobody has."""
        document = self._workspace.document
        return _stamp(document.path) if document.is_changed_on_disk else None

    def reload(self) -> None:
        """Edit what is in the file now.

        Raises:
            ConfigError: If it cannot be understood at all.
        """
        path = self._workspace.document.path
        if path is not None:
            if self._autosave is not None:
                self._autosave.discard()
            self._workspace.open(Document.open(path))

    def close(self) -> None:
        """Write what is not saved, and end."""
        if self._autosave is not None:
            self._autosave.close()
            self._autosave = None


def _stamp(path: Path | None) -> int | None:
    try:
        return path.stat().st_mtime_ns if path is not None else None
    except OSError:
        return None
