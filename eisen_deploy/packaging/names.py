"""Names of members of an archive that mean the same file, inside the folder, on every system."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

__all__ = ["clashes", "problem_of"]

_LONGEST = 240
_DRIVE = re.compile(r"[A-Za-z]:")
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
"""Kinds of characters that nobody sees, or that turn the text around them."""

_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_FORBIDDEN = frozenset('<>:"|?*')


def problem_of(name: str) -> str:
    r"""Return what is wrong with the name of a member, or an empty text.

    Names have folders separated by ``/``, stay inside the folder they are unpacked into, and can be written on
    Linux, macOS and Windows alike.

    Args:
        name: As the archive says.

    Example:
        >>> problem_of("weights/0.safetensors"), problem_of("../x.py"), problem_of("/etc/passwd")
        ('', 'it leaves the folder', 'it is an absolute path')
    """
    if not name:
        return "it is empty"
    return (
        _problem_of_text(name)
        or _problem_of_place(name)
        or next(filter(None, map(_problem_of_part, name.split("/"))), "")
    )


def clashes(names: Iterable[str]) -> Iterator[tuple[str, str, str]]:
    """Yield (one name, the other, why) of names that cannot be in one folder.

    Args:
        names: Of files only.

    Example:
        >>> list(clashes(["a.py", "A.py", "b", "b/c"]))
        [('a.py', 'A.py', 'differ only in capital letters'), ('b', 'b/c', 'need one name for a file and a folder')]
    """
    seen: dict[str, str] = {}
    for name in names:
        key = _folded(name)
        if key in seen:
            yield seen[key], name, _likeness(seen[key], name)
        seen.setdefault(key, name)
    for key, name in seen.items():
        yield from (
            (seen[above], name, "need one name for a file and a folder") for above in _above(key) if above in seen
        )


def _likeness(one: str, other: str) -> str:
    if one == other:
        return "are the same"
    same = unicodedata.normalize("NFC", one) == unicodedata.normalize("NFC", other)
    return "differ only in how their letters are encoded" if same else "differ only in capital letters"


def _folded(name: str) -> str:
    """Return what a file system may take the name for that knows no capital letters and composes accents."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())


def _above(key: str) -> Iterator[str]:
    parts = key.split("/")
    yield from ("/".join(parts[:n]) for n in range(1, len(parts)))


def _problem_of_text(name: str) -> str:
    if any(unicodedata.category(letter) in _HIDDEN for letter in name):
        return "it has control characters in it"
    if "\ufffd" in name or unicodedata.normalize("NFC", name) != name:
        return "its letters are not encoded as usual (UTF-8 in NFC)"
    return f"it is longer than {_LONGEST} bytes" if len(name.encode()) > _LONGEST else ""


def _problem_of_place(name: str) -> str:
    if "\\" in name:
        return "it has a backslash in it"
    if name.startswith("/"):
        return "it is an absolute path"
    return "it starts with a drive letter" if _DRIVE.match(name) else ""


def _problem_of_part(part: str) -> str:
    if part == "..":
        return "it leaves the folder"
    if part in ("", "."):
        return "a part of it is empty or a dot"
    if _DEVICES.fullmatch(part) or part.endswith((".", " ")) or _FORBIDDEN & set(part):
        return "Windows cannot write it"
    return ""
