"""The configuration that is being edited."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eisen._core.errors import ArgumentError
from eisen_cli.builder.document.editing import Editing
from eisen_cli.builder.document.edits import replace_all
from eisen_cli.builder.document.files import OnDisk, difference, text_of_bytes
from eisen_cli.builder.document.history import Change
from eisen_cli.builder.document.opening import open_file, repaired
from eisen_cli.builder.document.tree import same

__all__ = ["REPAIR", "Document"]

REPAIR = "repair the old file"
"""Label of the change that opening an old file makes."""


class Document(Editing):
    """The configuration that is being edited, with undo and redo, and the file it came from.

    `data` is for reading; it is changed by the methods only, each of which is one step of undo. Edits come from one
    thread; `text` and `snapshot` may be called from others.

    Args:
        data: The configuration to begin with.
        path: Where it will be saved.

    Attributes:
        data: The configuration as it stands now.
        path: The file; None before the first save.
        repairs: What was understood differently from what the file says, one line each.
        kept_in: The copy that this is, if it never had a file and was recovered.
        revision: Grows with every change.

    Example:
        >>> document = Document()
        >>> place = document.add(("Training", "Transforms"), {"type": "eisen.transforms.RandomFlip", "params": {}})
        >>> document.set((*place, "params", "axes"), [0, 1])
        >>> document.data
        {'Training': {'Transforms': [{'type': 'eisen.transforms.RandomFlip', 'params': {'axes': [0, 1]}}]}}
        >>> document.undo(), document.undo(), document.data
        ('set axes', 'add RandomFlip', {})
    """

    def __init__(self, data: Mapping[str, Any] | None = None, path: Path | None = None) -> None:
        super().__init__(data)
        self.path = path
        self.repairs: list[str] = []
        self.kept_in: Path | None = None
        self._disk = OnDisk()
        self._saved: int | None = None if data else 0

    @classmethod
    def open(cls, path: Path, *, repairs: bool = True) -> Document:
        """Open a file; slips and what old files say are repaired, and `repairs` tells what was.

        Args:
            path: The file.
            repairs: Whether to repair what old files say at once; all classes named in the file are imported for it.
                `repair` does it later.

        Raises:
            ConfigError: If the file cannot be understood at all.
        """
        opened = open_file(Path(path), repairs=repairs)
        document = cls(opened.data, Path(path))
        document.repairs, document._disk = opened.repairs, opened.disk
        document._saved = 0 if opened.is_as_written else None
        return document

    def repair(self) -> list[str]:
        """Repair what old files say, as one step of undo; return one line for each repair, which `repairs` has too."""
        data, lines = repaired(self.snapshot())
        if lines:
            self.repairs = [*self.repairs, *lines]
            self._do(replace_all(data, REPAIR))
            self._history.seal()
        return lines

    def reload(self) -> None:
        """Take what is in the file now, as one step of undo.

        Raises:
            ConfigError: If the file cannot be understood at all.
        """
        opened = open_file(self._demanded_path())
        with self._lock:
            self.repairs, self._disk = opened.repairs, opened.disk
        if not same(self.data, opened.data):
            self._do(replace_all(opened.data, "load again"))
        self._history.seal()
        self._saved = self._history.state if opened.is_as_written else None
        if opened.is_as_written:
            self._tell(Change("save", ()))

    @property
    def is_saved(self) -> bool:
        """Whether nothing would be lost if the document were closed now."""
        return self._saved == self._history.state

    @property
    def is_changed_on_disk(self) -> bool:
        """Whether somebody else has written the file since it was opened or saved."""
        return self.path is not None and self._disk.is_other(self.path)

    def text(self) -> str:
        """Return the document as it would be saved."""
        return text_of_bytes(self._disk.encoded(self.snapshot()))

    def diff(self) -> str:
        """Return what saving would change in the file, as a unified diff; empty when nothing."""
        return difference(self.path, self.text())

    def save(self, path: Path | None = None, *, force: bool = False) -> Path:
        """Write the document to its file, or to another one, which is its file from then on.

        Args:
            path: Where to; None for `path`.
            force: Write even though the file holds something that was never seen here.

        Raises:
            FileInTheWay: If somebody else has written the file since, and it is not to be overwritten.
            ArtifactError: If it cannot be written.
        """
        target = Path(path) if path is not None else self._demanded_path()
        known = self._disk.content if self.path is not None and target.resolve() == self.path.resolve() else None
        self._disk = self._disk.write(target, self.snapshot(), known=known, force=force)
        self.path, self._saved, self.repairs = target, self._history.state, []
        self._history.seal()
        self._tell(Change("save", ()))
        return target

    def _demanded_path(self) -> Path:
        if self.path is None:
            raise ArgumentError("the document has no file yet", to_do="choose where to save it")
        return self.path
