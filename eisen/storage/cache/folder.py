"""The cases in one folder of the cache: those made with one recipe."""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from typing import Any

from eisen._core.atomic import atomic_write
from eisen._core.errors import ArtifactError, CorruptFileError
from eisen.storage.cache.file import CachedCase, read_case, write_case
from eisen.storage.cache.one_maker import one_maker
from eisen.storage.cache.place import gigabytes, written_to
from eisen.storage.cache.recipe import Recipe
from eisen.storage.cache.sources import Facts, changed_files
from eisen.storage.cache.values import Packed

__all__ = ["CaseFolder"]

_log = logging.getLogger("eisen.cache")


class CaseFolder:
    """Cases made with one recipe; many processes may read and write it at the same time.

    Args:
        root: Folder of the cache; made when absent.
        recipe: What the cases are made with.

    Raises:
        ArtifactError: If the folder cannot be made.

    Example:
        >>> import tempfile
        >>> from eisen.storage.cache.values import pack
        >>> folder = CaseFolder(Path(tempfile.mkdtemp()), Recipe.of([], []))
        >>> folder.find("00ff", []) is None
        True
        >>> folder.keep("00ff", pack({"age": 61}), {"files": []})
        >>> folder.find("00ff", []).value
        {'age': 61}
    """

    def __init__(self, root: Path, recipe: Recipe) -> None:
        self.root, self.recipe = root, recipe
        self.path = root / recipe.digest
        self._make()

    def file(self, key: str) -> Path:
        """Return where a case is, or would be."""
        return self.path / key[:2] / f"{key}.case"

    def find(
        self,
        key: str,
        sources: Sequence[Path] | None = None,
        *,
        name: str = "",
        verify: bool = False,
        level: int = logging.WARNING,
    ) -> CachedCase | None:
        """Return a case if it is there and still right; else the log says what is wrong with it.

        Args:
            key: What tells it from other cases.
            sources: The files it would be made of now; None: they have been looked at before.
            name: How people call it, for the log.
            verify: Whether to compare the content of its files, and of the cached voxels, whatever their times say.
            level: How loud to say it.
        """
        path = self.file(key)
        try:
            case = read_case(path, verify=verify)
        except FileNotFoundError:
            return None
        except (CorruptFileError, OSError, ValueError, KeyError, TypeError) as error:
            _log.log(level, "%s is computed again: %s", name or key, str(error).partition("\n")[0])
            return None
        if sources is None:
            return case
        why = self._changes(path, case.facts, sources, verify)
        if why:
            _log.log(level, "%s is computed again: %s", name or key, why)
            return None
        with suppress(OSError):
            os.utime(path)  # when it was used last, for `eisen cache clean`
        return case

    def keep(self, key: str, packed: Packed, facts: Mapping[str, Any]) -> None:
        """Write a case; it is there completely or not at all.

        Args:
            key: What tells it from other cases.
            packed: The data point.
            facts: What is known about it, with the facts of its files as ``"files"``.

        Raises:
            ArtifactError: If it cannot be written.
        """
        path = self.file(key)
        with suppress(OSError):
            _seen_file(path).unlink()
        if not (self.path / "recipe.json").is_file():  # somebody has cleaned up
            self._make()
        with written_to(self.root):
            path.parent.mkdir(exist_ok=True)
            write_case(path, packed, facts)

    def turn(self, key: str, *, wait: bool = True) -> AbstractContextManager[bool]:
        """Be the only process that makes a case; a process that dies loses its turn.

        Args:
            key: The case.
            wait: Whether to wait for whoever is at it.

        Returns:
            Context that says whether it is our turn; always True after waiting.
        """
        return one_maker(self.file(key), self.root, wait=wait)

    def missing(self, keys: Sequence[str]) -> list[int]:
        """Return the positions of the keys of which there is no file."""
        return [number for number, key in enumerate(keys) if not self.file(key).is_file()]

    def n_bytes(self, keys: Sequence[str]) -> int:
        """Return the size of the files of those keys that have one."""
        size = 0
        for key in keys:
            with suppress(OSError):
                size += self.file(key).stat().st_size
        return size

    def demand_space(self, n_cases: int, n_bytes: int) -> tuple[int, int]:
        """Return how many bytes cases need, and how many there are, or refuse.

        Args:
            n_cases: Cases to write.
            n_bytes: Size of one.

        Raises:
            ArtifactError: If the disk has less.
        """
        needed, free = n_cases * n_bytes, shutil.disk_usage(self.path).free
        if needed > free:
            raise ArtifactError(
                f"{n_cases} cases need about {gigabytes(needed)} in the cache, and the disk has {gigabytes(free)} left",
                file=str(self.root),
                to_do="make room ('eisen cache ls', 'eisen cache clean'), or name a folder on another disk: the "
                "argument folder, or the environment variable EISEN_CACHE",
            )
        return needed, free

    def explain(self, keys: Sequence[str]) -> str:
        """Return why the cases of an older recipe cannot be used, in words; "" where there are none of these cases.

        Args:
            keys: Some of the cases.
        """
        others = [folder for folder in self.root.glob("*") if folder != self.path and _has(folder, keys)]
        for folder in sorted(others, key=_used, reverse=True):
            loaded = Recipe.load(folder)
            if loaded is not None:
                changes = "; ".join(loaded[0].differences(self.recipe))
                return changes or "something else in the recipe"
        return ""

    def _changes(self, path: Path, facts: Facts, sources: Sequence[Path], verify: bool) -> str:
        """Return what has changed in the files of a case, in words."""
        known = facts.get("files", [])
        seen = _read_seen(path)  # copied or touched since it was cached, and found to be the same
        same = {f["path"]: f["sha256"] for f in seen} == {f["path"]: f["sha256"] for f in known}
        why, fresh = changed_files(seen if same else known, sources, verify=verify)
        if fresh:
            with suppress(ArtifactError), atomic_write(_seen_file(path), "w") as file:
                file.write(json.dumps(fresh))
        return why

    def _make(self) -> None:
        with written_to(self.root):
            self.path.mkdir(parents=True, exist_ok=True)
            if Recipe.load(self.path) is None:
                self.recipe.save(self.path)
        with suppress(OSError):
            (self.path / "used").touch()


def _seen_file(path: Path) -> Path:
    """Return where it is noted which times the unchanged files of a case have now."""
    return path.with_suffix(".seen")


def _read_seen(path: Path) -> list[Facts]:
    try:
        seen = json.loads(_seen_file(path).read_text(encoding="utf-8"))
        return seen if isinstance(seen, list) and all({"path", "stat", "sha256"} <= set(f) for f in seen) else []
    except (OSError, ValueError, TypeError):
        return []


def _has(folder: Path, keys: Sequence[str]) -> bool:
    return any((folder / key[:2] / f"{key}.case").is_file() for key in keys)


def _used(folder: Path) -> float:
    try:
        return (folder / "used").stat().st_mtime
    except OSError:
        return 0.0
