"""Files dropped into the browser: they come with a name and their content, and without their folder."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path, PurePosixPath

from eisen._core.atomic import atomic_write
from eisen._core.errors import ArgumentError
from eisen_cli.builder.server.folders import Folders

__all__ = ["STORABLE", "Dropped", "find_dropped", "found_together", "store_dropped"]

STORABLE = (".json", ".csv", ".tsv")
"""What may be stored in the data folder when it is not found there."""

_MOST_FILES = 200_000
_BLOCK = 1 << 20
_TRIED = 5


@dataclass(frozen=True)
class Dropped:
    """A file or folder that was dropped.

    Args:
        name: Its name, or its path within what was dropped (``Task04/dataset.json``).
        size: Its bytes.
        digest: SHA-256 of its content; "" where it is not known.
    """

    name: str
    size: int
    digest: str = ""

    @classmethod
    def of(cls, name: str, content: bytes) -> Dropped:
        """Return what is known of a file whose content came along."""
        return cls(name, len(content), sha256(content).hexdigest())

    @property
    def parts(self) -> tuple[str, ...]:
        """Names of its folders and itself, without any that lead up."""
        return tuple(part for part in PurePosixPath(self.name.replace("\\", "/")).parts if part not in ("/", ".", ".."))


def find_dropped(dropped: Dropped, folders: Folders) -> Path | None:
    """Return the same file within the allowed folders; None if it is not there.

    It has the same name and size, the same content where that is known, and of several the one whose folders are
    called most alike.

    Args:
        dropped: What was dropped.
        folders: Where to look.
    """
    if not dropped.parts:
        return None
    wanted, best, most = dropped.parts, None, 0
    for path in _called(wanted[-1], folders):
        alike = _alike(path.parts, wanted)
        if alike > most and _is_same(path, dropped):
            best, most = path, alike
        if most == len(wanted) and dropped.digest:
            break
    return best


def found_together(dropped: Sequence[Dropped], folders: Folders) -> Path | None:
    """Return what was dropped, as it lies in the allowed folders; None if it is not there.

    Of a folder that was dropped a few files are enough; the folder comes back, or the list in it that tells most.

    Args:
        dropped: The files, with their paths within what was dropped.
        folders: Where to look.
    """
    ranked = sorted(dropped, key=lambda each: (_rank(each), len(each.parts), each.name))
    for each in ranked[:_TRIED]:
        path = find_dropped(each, folders)
        if path is None:
            continue
        if len(each.parts) < 2 or _alike(path.parts, each.parts) < len(each.parts):
            return path
        return path.parents[len(each.parts) - 2]
    return None


def _rank(dropped: Dropped) -> int:
    """Return 0 for what lists cases, 1 for stores, 2 for the rest."""
    suffix = PurePosixPath(dropped.name).suffix.lower()
    return 0 if suffix in STORABLE else 1 if suffix in (".h5", ".hdf5", ".npz") else 2


def _called(name: str, folders: Folders) -> Iterator[Path]:
    """Yield the files of a name in the allowed folders, up to a number that keeps a browser waiting."""
    seen: set[str] = set()
    count = 0
    for root in folders:
        for parent, subs, files in os.walk(root):
            subs[:] = sorted(sub for sub in subs if not sub.startswith(".") and f"{parent}/{sub}" not in seen)
            seen.update(f"{parent}/{sub}" for sub in subs)
            count += len(files)
            if name in files and (path := Path(parent, name)) in folders:
                yield path
            if count > _MOST_FILES:
                return


def _alike(parts: Sequence[str], wanted: Sequence[str]) -> int:
    """Return how many names agree, from the end."""
    n = 0
    for one, other in zip(reversed(parts), reversed(wanted), strict=False):
        if one != other:
            break
        n += 1
    return n


def _is_same(path: Path, dropped: Dropped) -> bool:
    try:
        if path.stat().st_size != dropped.size:
            return False
        return not dropped.digest or _digest(path) == dropped.digest
    except OSError:
        return False


def _digest(path: Path) -> str:
    total = sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            total.update(block)
    return total.hexdigest()


def store_dropped(name: str, content: bytes, folder: Path, folders: Folders) -> Path:
    """Write a list or table that was dropped into a folder, under its name; nothing is ever overwritten.

    Args:
        name: Its name; folders in it are left out.
        content: Its bytes.
        folder: Where to.
        folders: What may be written into.

    Returns:
        The file.

    Raises:
        ArgumentError: If there is such a file with other content, it is no list or table, or the folder is outside.
    """
    parts = Dropped(name, 0).parts
    target = folders.resolve(folder / (parts[-1] if parts else ""))
    if target.suffix.lower() not in STORABLE:
        expected = f"a file that ends in {', '.join(STORABLE)}"
        raise ArgumentError(
            f"'{name:.100}' is not stored", expected=expected, to_do="put images into the folder yourself"
        )
    if target.exists():
        if target.is_file() and target.read_bytes() == content:
            return target
        what = f"there is another {target.name} in {target.parent}, and it is not overwritten"
        raise ArgumentError(what, to_do="rename one of the two")
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(target, "wb") as file:
        file.write(content)
    return target
