"""What a folder holds, for choosing a file or folder in it; only inside of the allowed folders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from eisen._core.errors import ArgumentError

if TYPE_CHECKING:
    from eisen_cli.builder.server.folders import Folders

__all__ = ["Item", "crumbs_of", "items_of"]

_MOST = 2000


@dataclass(frozen=True)
class Item:
    """A file or folder to choose.

    Args:
        path: Its path.
        is_folder: Whether it is a folder.
        size: Bytes of a file; 0 for folders.
    """

    path: Path
    is_folder: bool
    size: int = 0

    @property
    def shown_size(self) -> str:
        """The size in words.

        Example:
            >>> Item(Path("a"), False, 1_500_000).shown_size, Item(Path("b"), True).shown_size
            ('1.5 MB', '')
        """
        if self.is_folder:
            return ""
        for limit, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
            if self.size >= limit:
                return f"{self.size / limit:.1f} {unit}"
        return f"{self.size} B"


def items_of(
    folders: Folders, folder: Path, *, only_folders: bool = False, suffixes: Sequence[str] = (), search: str = ""
) -> list[Item]:
    """Return what can be chosen in a folder: folders first, then files, by name; hidden ones are left out.

    Args:
        folders: What may be looked into.
        folder: The folder.
        only_folders: Leave files out.
        suffixes: Ends of the names of files, e.g. ``[".json"]``; all by default.
        search: Part of the name.

    Raises:
        ArgumentError: If the folder may not be looked into, or cannot be read.
    """
    inside = folders.resolve(folder)
    try:
        names = sorted(inside.iterdir(), key=lambda path: path.name.lower())
    except OSError as error:
        raise ArgumentError(f"{folder} cannot be read: {error.strerror or error}", expected="a folder") from error
    items = [_item(path) for path in names[:_MOST] if not path.name.startswith(".") and path in folders]
    kept = [item for item in items if search.lower() in item.path.name.lower()]
    ends = tuple(suffix.lower() for suffix in suffixes)
    files = [item for item in kept if not item.is_folder and (not ends or item.path.name.lower().endswith(ends))]
    return [item for item in kept if item.is_folder] + ([] if only_folders else files)


def crumbs_of(folders: Folders, folder: Path) -> list[Path]:
    """Return the allowed folders on the way to a folder, the outermost first."""
    inside = folders.resolve(folder)
    return [path for path in (*reversed(inside.parents), inside) if path in folders]


def _item(path: Path) -> Item:
    try:
        is_folder = path.is_dir()
        return Item(path, is_folder, 0 if is_folder else path.stat().st_size)
    except OSError:
        return Item(path, False)
