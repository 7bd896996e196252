"""SHA-256 of texts, values and files: the names that things are compared by."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

__all__ = ["bytes_digest", "file_digest", "json_digest", "text_digest"]


def bytes_digest(content: Any) -> str:
    """Return the SHA-256 of bytes, or of anything that lies in memory in one piece.

    Example:
        >>> bytes_digest(b"")[:8]
        'e3b0c442'
    """
    return hashlib.sha256(content).hexdigest()


def text_digest(text: str) -> str:
    """Return the SHA-256 of a text, in UTF-8.

    Example:
        >>> text_digest("anna") == bytes_digest(b"anna")
        True
    """
    return bytes_digest(text.encode("utf-8", "surrogatepass"))  # names of files may be no text at all


def json_digest(value: Any) -> str:
    """Return the SHA-256 of what JSON can hold; the order of keys does not matter.

    Example:
        >>> json_digest({"a": 1, "b": [2]}) == json_digest({"b": [2], "a": 1})
        True
    """
    return text_digest(json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True))


def file_digest(path: str | os.PathLike[str]) -> str:
    """Return the SHA-256 of the content of a file, which is read in parts.

    Raises:
        OSError: If it cannot be read.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "a.txt"
        >>> _ = path.write_bytes(b"anna")
        >>> file_digest(path) == text_digest("anna")
        True
    """
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
