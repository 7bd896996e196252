"""The folder ``LICENSES`` of a package: those that were given, eisen's own, and the names of those of dependencies."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from importlib import metadata
from pathlib import Path

from eisen._core.errors import ArgumentError, MissingFileError

__all__ = ["FOLDER", "licence_members", "licence_of"]

FOLDER = "LICENSES"
_LONGEST = 60
_LARGEST = 1 << 20


def licence_members(given: Sequence[str | Path], packages: Iterable[str]) -> dict[str, bytes]:
    """Return the members of the folder.

    Args:
        given: Files with the licence of the model, of its data, ...
        packages: Names of the packages it was made with.

    Raises:
        MissingFileError: If a file is not there.
        ArgumentError: If a file is no text, or two have the same name.

    Example:
        >>> sorted(licence_members([], ["numpy"]))
        ['LICENSES/DEPENDENCIES.md', 'LICENSES/eisen.txt']
    """
    members = {f"{FOLDER}/eisen.txt": _our_licence()}
    lines = ["# Licences of the packages this one was made with", "", "| package | licence |", "|---|---|"]
    lines += [f"| {name} | {licence_of(name)} |" for name in sorted(set(packages) - {"python"}, key=str.lower)]
    members[f"{FOLDER}/DEPENDENCIES.md"] = ("\n".join(lines) + "\n").encode()
    for path in map(Path, given):
        name = f"{FOLDER}/{_safe(path.name)}"
        if name in members:
            raise ArgumentError(f"two licences are called {path.name}", expected="files of different names")
        members[name] = _content(path)
    return members


def licence_of(package: str) -> str:
    """Return what the licence of an installed package is called, as far as its metadata tell.

    Args:
        package: Its name.

    Example:
        >>> licence_of("no-such-package")
        'not stated'
    """
    try:
        about = metadata.metadata(package)
    except metadata.PackageNotFoundError:
        return "not stated"
    classifiers = [c.rpartition(" :: ")[2] for c in about.get_all("Classifier") or [] if c.startswith("License ::")]
    text = str((about.get_all("License") or [""])[0]).strip().partition("\n")[0]
    stated = (
        (about.get_all("License-Expression") or [""])[0]
        or "; ".join(classifiers)
        or (text if len(text) <= _LONGEST else "")
    )
    return stated.replace("|", "/") or "not stated"


def _our_licence() -> bytes:
    import eisen

    beside = Path(eisen.__file__).parents[1] / "LICENSE"
    try:
        found = metadata.distribution("eisen")
        kept = next((f for f in found.files or [] if Path(str(f)).name == "LICENSE" and "eisen" in str(f)), None)
        path = Path(str(found.locate_file(kept))) if kept is not None else beside
        return (path if path.is_file() else beside).read_bytes()
    except (metadata.PackageNotFoundError, OSError):
        return beside.read_bytes() if beside.is_file() else f"eisen: {licence_of('eisen')}\n".encode()


def _content(path: Path) -> bytes:
    if not path.is_file():
        raise MissingFileError(f"there is no licence {path}", file=str(path), to_do="correct the path after --licence")
    content = path.read_bytes()
    try:
        content.decode()
    except UnicodeDecodeError:
        content = b"\0"
    if b"\0" in content or len(content) > _LARGEST:
        raise ArgumentError(f"the licence {path} is no text", expected="a text file in UTF-8", file=str(path))
    return content


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9_\-.]", "_", name).lstrip("_.-") or "licence"
