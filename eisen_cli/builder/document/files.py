"""Files of configurations: written as they were, and never over what somebody else wrote."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path
from typing import Any

from eisen._core.atomic import atomic_write
from eisen._core.errors import ArgumentError
from eisen_cli.builder.document.layout import Layout
from eisen_cli.builder.document.writing import written

__all__ = ["FileInTheWay", "OnDisk", "difference", "has_only_crlf", "text_of_bytes"]

_MARK = b"\xef\xbb\xbf"


class FileInTheWay(ArgumentError):  # noqa: N818 - it is a question to the user rather than a mistake
    """The file holds something that was never seen here, and would be lost."""


@dataclass(frozen=True)
class OnDisk:
    """The file as it was when it was opened or saved.

    Args:
        content: Its bytes; None when there was none.
        layout: How it is written, so that the rest of it can be written alike.
    """

    content: bytes | None = None
    layout: Layout = field(default_factory=Layout)

    def is_other(self, path: Path) -> bool:
        """Tell whether a file holds something else than what was opened or saved; an absent one holds nothing."""
        now = _content(path)
        return now is not None and now != self.content

    def encoded(self, data: Any) -> bytes:
        """Return the bytes of a configuration in the manner of the file: its byte order mark and line ends."""
        text, before = written(data, self.layout), self.content or b""
        if has_only_crlf(before):
            text = text.replace("\n", "\r\n")
        return (_MARK if before.startswith(_MARK) else b"") + text.encode()

    def write(self, path: Path, data: Any, *, known: bytes | None, force: bool) -> OnDisk:
        """Write a configuration.

        Args:
            path: The file.
            data: The configuration.
            known: What may be overwritten: the content that the file should have; None when there should be none.
            force: Overwrite whatever is there.

        Raises:
            FileInTheWay: If the file holds something else.
            ArtifactError: If it cannot be written.
        """
        there = _content(path)
        if not force and there is not None and there != known:
            raise _in_the_way(path, is_changed=known is not None)
        content = self.encoded(data)
        with atomic_write(path.resolve()) as file:
            file.write(content)
        return OnDisk(content, self.layout.after(text_of_bytes(content)))


def text_of_bytes(content: bytes) -> str:
    """Return the characters of a file, with line ends of one character and no byte order mark."""
    text = content.decode("utf-8-sig")
    return text.replace("\r\n", "\n") if has_only_crlf(content) else text


def has_only_crlf(content: bytes) -> bool:
    """Tell whether every line of a file ends as on Windows."""
    return b"\r\n" in content and content.count(b"\r\n") == content.count(b"\n")


def difference(path: Path | None, text: str) -> str:
    """Return what writing a text would change in a file, as a unified diff; empty when nothing.

    Args:
        path: The file; None, or absent, and all of the text is new.
        text: What would be written.
    """
    there = _content(path) if path is not None else None
    old = text_of_bytes(there) if there is not None else ""
    name = path.name if path is not None else "new.json"
    lines = unified_diff(_lines(old), _lines(text), f"{name} (saved)" if old else "nothing", f"{name} (edited)")
    return "".join(lines)


def _lines(text: str) -> list[str]:
    return [line + "\n" for line in text.removesuffix("\n").split("\n")] if text else []


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _in_the_way(path: Path, *, is_changed: bool) -> FileInTheWay:
    if is_changed:
        what = f"{path.name} was changed by somebody else since it was opened"
        return FileInTheWay(what, file=str(path), to_do="load it again, save under another name, or overwrite it")
    return FileInTheWay(f"there is a {path.name} already", file=str(path), to_do="choose another name, or overwrite it")
