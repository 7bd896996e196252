"""What is in the cache, and taking out of it what is not wanted any more."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from eisen._core.errors import CorruptFileError
from eisen.storage.cache.file import read_facts
from eisen.storage.cache.place import cache_root
from eisen.storage.cache.recipe import Recipe

__all__ = ["CacheEntry", "clean_cache", "list_cache", "to_clean"]

_NAME = re.compile(r"[0-9a-f]{24}")
_PART = re.compile(r"[0-9a-f]{2}")
_PART_SECONDS = 3600
"""Nobody takes an hour for one file: older ones were left behind."""


@dataclass(frozen=True)
class CacheEntry:
    """The cases that were made with one recipe.

    Args:
        path: Their folder.
        n_cases: How many there are.
        n_bytes: What they take on the disk.
        last_used: When one of them was last used, in seconds since 1970.
        steps: The steps whose result they are.
        dataset: The data set they are from, and those inside of it.
        command: The command line that began the folder, and where it ran.
        outdated: What has changed in eisen, its libraries or its code since; with an entry here it will not be used
            again.
    """

    path: Path
    n_cases: int
    n_bytes: int
    last_used: float
    steps: str
    dataset: str
    command: str = ""
    outdated: list[str] = field(default_factory=list)


def list_cache(folder: str | os.PathLike[str] | None = None) -> list[CacheEntry]:
    """Return what is in the cache, last used first.

    Args:
        folder: Of the cache; None: the usual one, see `cache_root`.

    Example:
        >>> import tempfile
        >>> list_cache(tempfile.mkdtemp())
        []
    """
    entries = [_entry(path) for path in _folders(cache_root(folder))]
    return sorted(entries, key=lambda entry: entry.last_used, reverse=True)


def to_clean(
    folder: str | os.PathLike[str] | None = None, *, older_than_days: float | None = None, unused: bool = False
) -> list[Path]:
    """Return the cases that would be removed; without conditions all.

    Args:
        folder: Of the cache; None: the usual one.
        older_than_days: Only those not used for so long.
        unused: Only those that cannot be used again: made by another version or other code of eisen or its libraries,
            or of files that are gone. With both conditions what meets either.
    """
    return [case for path in _folders(cache_root(folder)) for case in _chosen(path, older_than_days, unused)]


def clean_cache(cases: Sequence[Path]) -> int:
    """Remove cases, and the folders that are empty then. Trainings that use them now go on.

    Args:
        cases: What `to_clean` returned.

    Returns:
        Bytes that are free now.

    Example:
        >>> clean_cache([])
        0
    """
    freed = 0
    for case in cases:
        with suppress(OSError):
            size = case.stat().st_size
            case.unlink()
            freed += size
        with suppress(OSError):
            case.with_suffix(".seen").unlink()
    for root in {case.parents[2] for case in cases}:
        for folder in _folders(root):
            _remove_empty(folder)
    return freed


def _folders(root: Path) -> list[Path]:
    """Return the folders of recipes; nothing else that may lie there is looked at, or touched."""
    if not root.is_dir():
        return []
    return sorted(path for path in root.iterdir() if _NAME.fullmatch(path.name) and path.is_dir())


def _cases(folder: Path) -> Iterator[os.DirEntry[str]]:
    for part in _parts(folder):
        with suppress(OSError), os.scandir(part) as entries:
            yield from (entry for entry in entries if entry.name.endswith(".case") and entry.name[0] != ".")


def _parts(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if _PART.fullmatch(path.name) and path.is_dir())
    except OSError:
        return []


def _entry(path: Path) -> CacheEntry:
    stats = []
    for case in _cases(path):
        with suppress(OSError):
            stats.append(case.stat())
    loaded = Recipe.load(path)
    times = [stat.st_mtime for stat in stats]
    with suppress(OSError):
        times.append((path / "used").stat().st_mtime)
    common = (path, len(stats), sum(stat.st_size for stat in stats), max(times, default=0.0))
    if loaded is None:
        return CacheEntry(*common, "?", "?", "", ["its recipe cannot be read"])
    recipe, made_by = loaded
    command = f"{made_by.get('command', '')} (in {made_by.get('in', '?')})"
    return CacheEntry(*common, recipe.summary, recipe.dataset, command, recipe.outdated())


def _chosen(folder: Path, days: float | None, unused: bool) -> Iterator[Path]:
    cases = [(Path(entry.path), entry.stat().st_mtime) for entry in _cases(folder)]
    loaded = Recipe.load(folder) if unused else None
    dead = unused and (loaded is None or bool(loaded[0].outdated()))
    every = dead or (days is None and not unused)
    limit = time.time() - (days or 0) * 86400
    for case, used in cases:
        if every or (days is not None and used < limit) or (unused and _files_are_gone(case)):
            yield case


def _files_are_gone(case: Path) -> bool:
    try:
        files = read_facts(case).get("files", [])
    except (OSError, CorruptFileError):
        return True
    return any(not Path(facts["path"]).exists() for facts in files)


def _remove_empty(folder: Path) -> None:
    """Remove what was left behind in a folder of a recipe, and the folder if no case is left in it."""
    for part in _parts(folder):
        for path in list(part.iterdir()):
            if path.suffix in (".part", ".lock") and time.time() - path.stat().st_mtime > _PART_SECONDS:
                path.unlink(missing_ok=True)
        with suppress(OSError):
            part.rmdir()
    if not _parts(folder):
        for name in ("recipe.json", "used"):
            (folder / name).unlink(missing_ok=True)
        with suppress(OSError):
            folder.rmdir()
