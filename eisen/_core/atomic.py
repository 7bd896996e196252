"""Writing a file so that it is either the old one or the new one, whatever happens in between."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from secrets import token_hex
from typing import IO, Any

from eisen._core.errors import ArgumentError, ArtifactError, EisenError

__all__ = ["artifact_error", "atomic_write", "publish", "remove_leftovers"]

_REASONS: dict[int | None, tuple[str, str]] = {
    errno.ENOSPC: ("the disk is full", "free some space, or choose a folder on another disk"),
    errno.EDQUOT: ("your disk quota is used up", "free some space, or choose a folder on another disk"),
    errno.EROFS: ("the file system is read-only", "choose a folder you may write to"),
    errno.EACCES: ("you may not write there", "choose a folder you may write to, or change its permissions"),
    errno.EPERM: ("you may not write there", "choose a folder you may write to, or change its permissions"),
    errno.ENOENT: ("its folder does not exist", "make the folder first, or correct the path"),
    errno.ENOTDIR: ("part of the path is a file, not a folder", "choose another path, or remove that file"),
    errno.EEXIST: ("a file of that name is in the way", "choose another path, or remove that file"),
    errno.EISDIR: ("it is a folder, not a file", "choose another name"),
    errno.ENAMETOOLONG: ("the name is too long", "choose a shorter name"),
}


@contextmanager
def atomic_write(path: str | os.PathLike[str], mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a file for writing that appears under its name only when it is complete.

    What is written goes to a temporary file in the same folder, which reaches the disk and then takes the name
    in one step. When anything fails, the temporary file is removed and an older file of that name stays as it was.

    Args:
        path: Where the file shall be. Its folder must exist.
        mode: ``"wb"`` for bytes or ``"w"`` for UTF-8 text.

    Yields:
        The open file.

    Raises:
        ArtifactError: If it cannot be written; the card names the path and the reason (disk full, read-only, ...).

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     target = Path(folder) / "run.json"
        ...     with atomic_write(target, "w") as file:
        ...         _ = file.write("{}")
        ...     target.read_text(encoding="utf-8")
        '{}'
    """
    if mode not in ("w", "wb"):
        raise ArgumentError(f"atomic_write: mode is {mode!r}", expected="'wb' or 'w'")
    target = Path(path)
    temporary = target.with_name(f".{target.name[:64]}.{os.getpid()}.{token_hex(4)}.part")
    raw: _RawFile | None = None
    try:
        raw = _RawFile(temporary, "x")
        buffer = io.BufferedWriter(raw)
        with io.TextIOWrapper(buffer, encoding="utf-8") if mode == "w" else buffer as file:
            yield file
            _to_disk(file)
        _keep_permissions(target, temporary)
        temporary.replace(target)
        _sync_folder(target.parent)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        cause = raw.failure if raw is not None and raw.failure is not None else error
        if isinstance(cause, OSError) and not isinstance(cause, EisenError):
            raise artifact_error(cause, target) from error
        raise


def publish(temporary: Path, target: Path) -> None:
    """Give a complete file its name: it reaches the disk, then takes the place of an older one in one step.

    Args:
        temporary: The complete file, closed, on the same disk.
        target: The name it shall have.

    Raises:
        OSError: If that cannot be done.

    Example:
        >>> import tempfile
        >>> folder = Path(tempfile.mkdtemp())
        >>> _ = (folder / "new").write_text("{}")
        >>> publish(folder / "new", folder / "run.json")
        >>> [path.name for path in folder.iterdir()]
        ['run.json']
    """
    handle = os.open(temporary, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    _keep_permissions(target, temporary)
    temporary.replace(target)
    _sync_folder(target.parent)


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files of processes of this machine that were killed while they wrote.

    Args:
        folder: Where they wrote; folders inside are left alone.
    """
    for path in folder.glob(".*.part"):
        parts = path.name.split(".")
        if len(parts) >= 5 and parts[-3].isdecimal() and not _is_alive(int(parts[-3])):
            with suppress(OSError):
                path.unlink()


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # somebody else's process, or a system that cannot tell
        return True
    return True


class _RawFile(io.FileIO):
    """Remembers why writing failed: `torch.save` hides a full disk behind a RuntimeError of its own."""

    failure: OSError | None = None

    def write(self, data: Any) -> int | None:  # type: ignore[override]  # typeshed's Buffer is of Python 3.12
        try:
            return super().write(data)
        except OSError as error:
            self.failure = error
            raise


def artifact_error(error: OSError, path: str | os.PathLike[str]) -> ArtifactError:
    """Return the card for a file or folder that could not be written.

    Example:
        >>> print(artifact_error(OSError(errno.ENOSPC, "No space left"), "/out/model.pt").card.what)
        /out/model.pt could not be written: the disk is full
    """
    reason, to_do = _REASONS.get(error.errno, (error.strerror or str(error), "check the folder and try again"))
    card = ArtifactError(f"{path} could not be written: {reason}", file=str(path), to_do=to_do)
    card.errno = error.errno
    return card


def _to_disk(file: IO[Any]) -> None:
    file.flush()
    os.fsync(file.fileno())


def _keep_permissions(old: Path, new: Path) -> None:
    """Give the new file the permissions of the one it replaces, if there is one."""
    with suppress(OSError):
        new.chmod(old.stat().st_mode & 0o777)


def _sync_folder(folder: Path) -> None:
    """Make the new name itself reach the disk; systems that cannot open a folder do without."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
