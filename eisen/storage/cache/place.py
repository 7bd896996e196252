"""Where the cache is, and the card for a place that cannot be written to."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from eisen._core.atomic import artifact_error
from eisen._core.errors import ArtifactError, EisenError

__all__ = ["cache_root", "gigabytes", "written_to"]


def cache_root(folder: str | os.PathLike[str] | bool | None = None) -> Path:
    """Return the folder of the cache.

    Args:
        folder: A folder of your own; True or None: the one the environment variable ``EISEN_CACHE`` names, else
            ``eisen`` in the cache folder of the user (``$XDG_CACHE_HOME`` or ``~/.cache``; ``~/Library/Caches`` on a
            Mac, ``%LOCALAPPDATA%`` on Windows).

    Example:
        >>> cache_root("/data/cache").name
        'cache'
    """
    if folder is not None and not isinstance(folder, bool):
        return Path(os.path.abspath(Path(folder).expanduser()))  # noqa: PTH100  # links stay
    named = os.environ.get("EISEN_CACHE")
    if named:
        return Path(os.path.abspath(Path(named).expanduser()))  # noqa: PTH100
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "eisen"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "eisen" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eisen"


def gigabytes(n_bytes: float) -> str:
    """Return a size as people say it.

    Example:
        >>> gigabytes(1.23e9), gigabytes(45.6e6), gigabytes(789)
        ('1.2 GB', '46 MB', '1 kB')
    """
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if n_bytes >= size:
            return f"{n_bytes / size:.2g} {unit}" if n_bytes < 100 * size else f"{n_bytes / size:.0f} {unit}"
    return f"{max(round(n_bytes / 1e3), 1 if n_bytes else 0)} kB"


@contextmanager
def written_to(root: Path) -> Iterator[None]:
    """Turn what goes wrong when something is written into the cache into a card that names its folder.

    Args:
        root: Folder of the cache.

    Raises:
        ArtifactError: If it is full, read-only, or no folder.

    Example:
        >>> with written_to(Path("/scratch/cache")):
        ...     raise PermissionError(13, "Permission denied")
        Traceback (most recent call last):
        eisen._core.errors.ArtifactError: the cache in /scratch/cache cannot be written: you may not write there...
    """
    try:
        yield
    except OSError as error:
        if isinstance(error, EisenError) and error.errno is None:
            raise  # a card that says everything
        where = Path(getattr(error, "filename", None) or getattr(getattr(error, "card", None), "file", "") or root)
        told = error if isinstance(error, ArtifactError) else artifact_error(error, where)
        reason = told.card.what.partition("could not be written: ")[2]
        in_the_way = _file_in_the_way(where) if told.errno in (errno.ENOTDIR, errno.EEXIST) else ""
        raise ArtifactError(
            f"the cache in {root} cannot be written: {reason}{f' ({in_the_way})' if in_the_way else ''}",
            file=str(root),
            to_do="name another folder, with the argument folder of CachedDataset or the environment variable "
            "EISEN_CACHE; 'eisen cache ls' and 'eisen cache clean' make room",
        ) from error


def _file_in_the_way(path: Path) -> str:
    """Return the file that stands where a folder should be."""
    return next((str(part) for part in (path, *path.parents) if part.is_file()), "")
