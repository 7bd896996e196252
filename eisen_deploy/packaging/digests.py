"""``MAR-INF/digests.json``: whether an archive, or the folder it was unpacked into, is what was packed."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from eisen._core.digest import file_digest
from eisen._core.errors import CorruptFileError, EisenError
from eisen_deploy.packaging.layout import DIGESTS, SIGNATURE
from eisen_deploy.packaging.manifest import strict_json
from eisen_deploy.packaging.zipfields import shown

__all__ = ["check_digests", "differences", "read_digests", "verify_folder"]

_UNLISTED = (DIGESTS, SIGNATURE)
_MADE_BY_PYTHON = "__pycache__"
_MOST_SHOWN = 5


def verify_folder(
    folder: str | os.PathLike[str], *, required: bool = False, allow_more: bool = False
) -> dict[str, str]:
    """Compare an unpacked archive with its digests.

    Folders ``__pycache__``, which Python makes beside modules it imports, are left out of account.

    Args:
        folder: Where it was unpacked.
        required: Whether it is an error if there are no digests, as in archives that other programs made.
        allow_more: Whether files may be there that were not packed, e.g. packages that TorchServe installed.

    Returns:
        The SHA-256 of each file; nothing if there are no digests.

    Raises:
        CorruptFileError: If files were changed, added, renamed or removed; the card names them.

    Example:
        >>> import tempfile
        >>> verify_folder(tempfile.mkdtemp())
        {}
    """
    root = Path(folder)
    file = root / DIGESTS
    if not file.is_file():
        if required:
            raise _refused([f"there is no {DIGESTS}"], root)
        return {}
    try:
        expected = read_digests(file.read_bytes())
        found = {name: file_digest(path) for name, path in _files(root)}
    except OSError as error:
        raise error if isinstance(error, EisenError) else CorruptFileError(f"{root} cannot be read: {error}") from error
    if allow_more:
        found = {name: digest for name, digest in found.items() if name in expected}
    if problems := differences(expected, {name: digest for name, digest in found.items() if name not in _UNLISTED}):
        raise _refused(problems, root)
    return found


def check_digests(content: bytes, found: Mapping[str, str], archive: str | os.PathLike[str]) -> None:
    """Compare the members of an archive with its digests.

    Args:
        content: Of ``MAR-INF/digests.json``.
        found: The SHA-256 of each member, by name.
        archive: The archive, for errors.

    Raises:
        CorruptFileError: If they differ; the card names the members.
    """
    relevant = {name: digest for name, digest in found.items() if name not in _UNLISTED}
    if problems := differences(read_digests(content), relevant):
        raise _refused(problems, archive)


def read_digests(content: bytes) -> dict[str, str]:
    """Return the SHA-256 of each member, as ``MAR-INF/digests.json`` says.

    Raises:
        CorruptFileError: If it is not such a document.

    Example:
        >>> read_digests(b'{"format": "eisen-digests", "version": 1, "members": {}}')
        {}
    """
    try:
        document = strict_json(content)
        if (document["format"], document["version"]) != ("eisen-digests", 1):
            raise ValueError(f"format {document['format']!r}, version {document['version']!r}")
        return {str(name): _sha256(entry) for name, entry in document["members"].items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"{DIGESTS} cannot be understood: {error}"
        raise CorruptFileError(what, expected="a document of version 1, as eisen pack writes it") from error


def differences(expected: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """Return one phrase for each member that is not as it should be.

    Args:
        expected: Digests by name, as they should be.
        found: Digests by name, as they are.

    Example:
        >>> differences({"a": "1", "b": "2", "c": "3"}, {"a": "1", "b": "9", "d": "3"})
        ["'b' was changed", "'c' was renamed to 'd'"]
    """
    changed = [f"{shown(name)} was changed" for name in expected if found.get(name, expected[name]) != expected[name]]
    added = {name: digest for name, digest in found.items() if name not in expected}
    phrases = []
    for name in expected:
        if name not in found:
            now = next((other for other, digest in added.items() if digest == expected[name]), None)
            phrases.append(f"{shown(name)} is missing" if now is None else f"{shown(name)} was renamed to {shown(now)}")
            added.pop(now or "", None)
    return [*changed, *phrases, *(f"{shown(name)} was added" for name in added)]


def in_short(problems: list[str]) -> str:
    """Return the first few phrases as one."""
    more = len(problems) - _MOST_SHOWN
    return "; ".join(problems[:_MOST_SHOWN]) + (f"; and {more} more" if more > 0 else "")


def _refused(problems: list[str], place: str | os.PathLike[str]) -> CorruptFileError:
    return CorruptFileError(
        f"{Path(place).name} is not what was packed: {in_short(problems)}",
        expected=f"the members that {DIGESTS} lists",
        to_do="do not use it; get the archive again from whoever made it",
        file=str(place),
    )


def _sha256(entry: Any) -> str:
    text, size = entry["sha256"], entry["size"]
    if not isinstance(text, str) or len(text) != 64 or not isinstance(size, int):
        raise ValueError(f"{text!r} is no SHA-256")
    return text


def _files(root: Path) -> Iterator[tuple[str, Path]]:
    for entry in sorted(os.scandir(root), key=lambda entry: entry.name):
        path = Path(entry.path)
        if entry.is_symlink() or not (entry.is_file() or entry.is_dir()):
            raise _refused([f"{shown(entry.name)} is a link, or no file"], root)
        if entry.is_file():
            yield entry.name, path
        elif entry.name != _MADE_BY_PYTHON:
            yield from ((f"{entry.name}/{name}", inner) for name, inner in _files(path))
