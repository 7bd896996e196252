"""Atomic writing for libraries that write to a name rather than to an open file."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from eisen._core.atomic import artifact_error
from eisen._core.errors import EisenError

__all__ = ["staged"]


@contextmanager
def staged(target: Path) -> Iterator[Path]:
    """Give a name to write to; what is written there takes the place of the target when all of it is on the disk.

    More than one file may be written: those beside the target first, the target, which refers to them, last. An older
    target is taken away before its companions are replaced, so at no time does a header stand beside voxels of another.

    Args:
        target: Where the file shall be. Its folder must exist.

    Yields:
        A path of the same name in a hidden folder on the same disk.

    Raises:
        ArtifactError: If it cannot be written; an older file stays as it was.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> with staged(folder / "scan.mha") as path:
        ...     _ = path.write_bytes(b"voxels")
        >>> [entry.name for entry in folder.iterdir()]
        ['scan.mha']
    """
    folder = target.with_name(f".{target.name[:64]}.{token_hex(4)}.part")
    try:
        folder.mkdir()
        yield folder / target.name
        _move(folder, target)
    except OSError as error:
        if isinstance(error, EisenError):
            raise
        raise artifact_error(error, target) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _move(folder: Path, target: Path) -> None:
    companions = sorted(path for path in folder.iterdir() if path.name != target.name)
    for path in (*companions, folder / target.name):
        _to_disk(path)
    if companions:
        target.unlink(missing_ok=True)
    for path in companions:
        path.replace(target.with_name(path.name))
    (folder / target.name).replace(target)
    if os.name == "posix":
        _to_disk(target.parent)


def _to_disk(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
