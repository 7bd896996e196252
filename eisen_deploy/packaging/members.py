"""Archives from strangers: every member is checked, then all of them are unpacked, or none."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

from eisen._core.atomic import artifact_error
from eisen._core.errors import ArtifactError, EisenError
from eisen_deploy.packaging.reading import Archive, opened
from eisen_deploy.packaging.zipchecks import Limits, Member

__all__ = ["Archive", "Limits", "Member", "checked", "opened", "unpack"]

_NEW = os.O_CREAT | os.O_EXCL | os.O_WRONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


def checked(path: str | os.PathLike[str], limits: Limits | None = None) -> list[Member]:
    """Check every member of an archive from a stranger, and return them.

    Args:
        path: The archive.
        limits: How much is allowed; None: `Limits()`.

    Raises:
        MissingFileError: If there is no such file.
        CorruptFileError: If it is refused; the card says which member, and why.

    Example:
        >>> import tempfile
        >>> from eisen_deploy.packaging.archive import write_archive
        >>> place = Path(tempfile.mkdtemp())
        >>> model = {"modelName": "small", "modelVersion": "1.0", "handler": "handlers.py"}
        >>> write_archive(place / "small.mar", {"handlers.py": b""}, manifest={"runtime": "python", "model": model})
        >>> [member.name for member in checked(place / "small.mar")]
        ['MAR-INF/MANIFEST.json', 'handlers.py', 'MAR-INF/digests.json']
    """
    with opened(path, limits) as archive:
        return archive.all_members


def unpack(
    path: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    limits: Limits | None = None,
    *,
    check: Callable[[Archive, Mapping[str, str]], None] | None = None,
) -> dict[str, str]:
    """Unpack an archive from a stranger; the folder appears when all of it is there and right, or not at all.

    Args:
        path: The archive.
        folder: The folder to make; an empty one may be there.
        limits: How much is allowed; None: `Limits()`.
        check: Called with the archive and the SHA-256 of every member before the folder gets its name; may raise.

    Returns:
        The SHA-256 of every member, by name.

    Raises:
        MissingFileError: If there is no such file.
        CorruptFileError: If it is refused; nothing is left then.
        ArtifactError: If the folder cannot be written.

    Example:
        >>> import tempfile
        >>> from eisen_deploy.packaging.archive import write_archive
        >>> place = Path(tempfile.mkdtemp())
        >>> model = {"modelName": "small", "modelVersion": "1.0", "handler": "handlers.py"}
        >>> write_archive(place / "small.mar", {"handlers.py": b""}, manifest={"runtime": "python", "model": model})
        >>> sorted(unpack(place / "small.mar", place / "small"))
        ['MAR-INF/MANIFEST.json', 'MAR-INF/digests.json', 'handlers.py']
        >>> (place / "small" / "handlers.py").exists()
        True
    """
    target = Path(folder)
    if target.is_symlink() or (target.exists() and not (target.is_dir() and not any(target.iterdir()))):
        raise ArtifactError(
            f"{target} is there already", file=str(target), to_do="choose a folder that is new, or empty"
        )
    with opened(path, limits) as archive, _beside(target) as work:
        digests = {name: _written(archive, member, work / name) for name, member in archive.members.items()}
        if check is not None:
            check(archive, digests)
        work.replace(target)
    return digests


@contextmanager
def _beside(target: Path) -> Iterator[Path]:
    """Make a private folder beside the target; it is removed unless it was given the name of the target."""
    work = target.with_name(f".{target.name[:64]}.{token_hex(8)}.part")
    try:
        work.mkdir(mode=0o700)
        yield work
    except OSError as error:
        raise error if isinstance(error, EisenError) else artifact_error(error, target) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _written(archive: Archive, member: Member, place: Path) -> str:
    place.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with os.fdopen(os.open(place, _NEW, 0o644), "wb") as file:
        for chunk in archive.chunks(member):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()
