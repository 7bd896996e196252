"""The folders that pages may look into; nothing else of the disk is shown or written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from eisen._core.errors import ArgumentError

__all__ = ["Folders"]


class Folders:
    """The folders a server was started for: that of the configuration, of the data, of the results.

    A link inside of them that leads out counts as where it leads to.

    Args:
        roots: The folders; those that do not exist yet may be among them.

    Example:
        >>> folders = Folders([Path("/scans")])
        >>> str(folders.resolve("/scans/a/../b.nii"))
        '/scans/b.nii'
        >>> "/etc/passwd" in folders
        False
    """

    def __init__(self, roots: Iterable[str | Path]) -> None:
        self.roots: list[Path] = []
        for root in roots:
            self.add(root)

    def add(self, root: str | Path) -> Path:
        """Allow one more folder, and return it with links resolved."""
        resolved = Path(root).expanduser().resolve()
        if resolved not in self.roots:
            self.roots.append(resolved)
        return resolved

    def resolve(self, path: str | Path) -> Path:
        """Return a path without links and dots; relative ones start at the first folder.

        Raises:
            ArgumentError: If it lies outside of the allowed folders.
        """
        try:
            resolved = (self.roots[0] / Path(path)).resolve() if self.roots else Path(path).resolve()
        except (OSError, ValueError, RuntimeError) as error:
            raise ArgumentError(
                f"{path!s:.200} is no path: {error}", expected="the path of a file or folder"
            ) from error
        if not any(resolved.is_relative_to(root) for root in self.roots):
            raise ArgumentError(
                f"{path!s:.200} is outside of the folders that this page may look into",
                expected=f"a path inside of {', '.join(map(str, self.roots))}",
                to_do="start the page with --folder to allow one more",
            )
        return resolved

    def __contains__(self, path: object) -> bool:
        try:
            self.resolve(str(path))
        except ArgumentError:
            return False
        return True

    def __iter__(self) -> Iterator[Path]:
        return iter(self.roots)
