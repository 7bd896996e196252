"""One writer at a time for a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from eisen._core.atomic import artifact_error
from eisen._core.errors import ArtifactError

fcntl: Any
try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

__all__ = ["only_writer"]


@contextmanager
def only_writer(target: Path) -> Iterator[None]:
    """Be the only one who writes a file; a second one is refused at once.

    The lock is that of the system on ``<target>.lock``, so it ends with the process that holds it, however that ends.

    Args:
        target: The file that is to be written.

    Raises:
        ArtifactError: If somebody writes it already, or the folder cannot be written.

    Example:
        >>> import tempfile
        >>> with only_writer(Path(tempfile.mkdtemp()) / "store.h5"):
        ...     pass
    """
    lock = target.with_name(f"{target.name}.lock")
    handle = _locked(lock, target)
    try:
        yield
    finally:
        with suppress(OSError):
            lock.unlink()
        os.close(handle)


def _locked(lock: Path, target: Path) -> int:
    """Return the open lock file; a file that its last owner removed while we were waiting for it is no lock."""
    while True:
        try:
            handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise artifact_error(error, target) from error
        try:
            _take(handle, target)
            with suppress(OSError):
                if os.fstat(handle).st_ino == lock.stat().st_ino:
                    os.truncate(handle, 0)
                    os.write(handle, f"{os.getpid()}\n".encode())
                    return handle
        except BaseException:
            os.close(handle)
            raise
        os.close(handle)


def _take(handle: int, target: Path) -> None:
    if fcntl is None:
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        with suppress(OSError):
            owner = os.pread(handle, 32, 0).decode("ascii", "replace").strip()
        raise ArtifactError(
            f"{target} is being written already" + (f", by process {owner}" if owner else ""),
            expected="one writer at a time",
            to_do="wait until it is done, or choose another name",
            file=str(target),
        ) from error
