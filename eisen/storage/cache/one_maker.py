"""One process at a time makes a case; the others wait, or make another one meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from eisen.storage.cache.place import written_to

try:
    import fcntl

    _HAS_LOCKS = True
except ImportError:  # systems without it make a case twice where two processes want it at once
    _HAS_LOCKS = False

__all__ = ["one_maker"]


@contextmanager
def one_maker(path: Path, root: Path, *, wait: bool = True) -> Iterator[bool]:
    """Be the only process that makes a file; a process that dies loses its turn.

    Args:
        path: The file.
        root: Folder of the cache, for messages.
        wait: Whether to wait for whoever is at it.

    Yields:
        Whether it is our turn; always True after waiting.

    Raises:
        ArtifactError: If nothing can be written there.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with one_maker(folder / "a.case", folder) as mine, one_maker(folder / "a.case", folder, wait=False) as also:
        ...     mine, also
        (True, False)
    """
    if not _HAS_LOCKS:
        yield True
        return
    lock = path.with_suffix(".lock")
    with written_to(root):
        lock.parent.mkdir(parents=True, exist_ok=True)
        file = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    mine = _locked(file, wait=wait)
    try:
        if mine:
            _remove_parts(path)
        yield mine
    finally:
        if mine:
            with suppress(OSError):
                lock.unlink()
            with suppress(OSError):
                fcntl.flock(file, fcntl.LOCK_UN)  # also where a forked process has the file open
        os.close(file)


def _locked(file: int, *, wait: bool) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _remove_parts(path: Path) -> None:
    """Remove what a process has left behind that was killed while it wrote this case; it is our turn now."""
    for part in path.parent.glob(f".{path.name}.*.part"):
        with suppress(OSError):
            part.unlink()
