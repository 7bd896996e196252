"""Unpacking an archive so that its folder is either complete or not there."""

from __future__ import annotations

import shutil
import tarfile
import tempfile
from pathlib import Path

from eisen._core.atomic import artifact_error
from eisen._core.errors import CorruptFileError, EisenError

__all__ = ["unpack"]


def unpack(archive: Path, folder: Path, landmark: str) -> Path:
    """Unpack a tar archive and give its folder of data a name, in one step at the end.

    Members that would land outside (``..``, links) and devices are refused, absolute names become relative; the ``._``
    files that macOS adds are left out.

    Args:
        archive: The archive, compressed or not.
        folder: Name of the folder to make; nothing, or an empty folder, may be there.
        landmark: A file in the archive, e.g. ``"dataset.json"``: the folder it is in is the folder of data.

    Returns:
        The folder.

    Raises:
        CorruptFileError: If it is no archive, holds dangerous members, or lacks the landmark.
        ArtifactError: If it cannot be written.
    """
    try:
        work = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", suffix=".part", dir=folder.parent))
    except OSError as error:
        raise artifact_error(error, folder) from error
    try:
        with tarfile.open(archive) as tar:
            tar.extractall(work, filter=_plain_members)  # noqa: S202  # the filter refuses what leaves the folder
        found = sorted(work.rglob(landmark), key=lambda path: len(path.parts))
        if not found:
            raise CorruptFileError(f"{archive.name} holds no {landmark}", expected=f"a folder with {landmark} in it")
        found[0].parent.replace(folder)
    except (tarfile.TarError, EOFError) as error:
        raise CorruptFileError(f"{archive.name} cannot be unpacked: {error}", expected="a tar archive") from error
    except OSError as error:
        raise error if isinstance(error, EisenError) else artifact_error(error, folder) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return folder


def _plain_members(member: tarfile.TarInfo, place: str) -> tarfile.TarInfo | None:
    if Path(member.name).name.startswith("._"):
        return None
    return tarfile.data_filter(member, place)
