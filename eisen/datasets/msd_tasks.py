"""The ten tasks of the Medical Segmentation Decathlon: where they are, and how to bring one to this machine."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from eisen._core.atomic import artifact_error
from eisen._core.errors import ArgumentError, CorruptFileError, nearest
from eisen.datasets.download import check_checksum, fetch
from eisen.datasets.unpack import unpack

__all__ = ["MIRROR", "TASKS", "bring_task"]

_log = logging.getLogger(__name__)

MIRROR = "https://msd-for-monai.s3-us-west-2.amazonaws.com"
"""The public bucket that holds the tasks as single files."""

TASKS = {
    "Task01_BrainTumour": "240a19d752f0d9e9101544901065d872",
    "Task02_Heart": "06ee59366e1e5124267b774dbd654057",
    "Task03_Liver": "a90ec6c4aa7f6a3d087205e23d4e6397",
    "Task04_Hippocampus": "9d24dba78a72977dbd1d2e110310f31b",
    "Task05_Prostate": "35138f08b1efaef89d7424d2bcc928db",
    "Task06_Lung": "8afd997733c7fc0432f71255ba4e52dc",
    "Task07_Pancreas": "4f7080cfca169fa8066d17ce6eb061e4",
    "Task08_HepaticVessel": "641d79e80ec66453921d997fbf12a29c",
    "Task09_Spleen": "410d4a301da4e5b2f6f86ec3ddba524e",
    "Task10_Colon": "bad7a188931dc2f6acf72b08eb6202d0",
}
"""MD5 of the archive of each task."""


def bring_task(folder: Path, json_file: str, url: str = "", checksum: str = "") -> None:
    """Download and unpack a task, unless its folder is there already.

    Processes that ask for the same folder wait for each other, so that it is downloaded once.

    Args:
        folder: Where the task shall be. Without `url`, its name says which task, e.g. ``Task04_Hippocampus``.
        json_file: The file that lists the cases; the folder is complete when it is there.
        url: Archive of another data set in the format of the decathlon; empty: the task from `MIRROR`.
        checksum: Of that archive; empty: known for the ten tasks, else not checked.

    Raises:
        ArgumentError: If the name of the folder is none of the tasks, or there is something else in it.
        MissingFileError: If it cannot be downloaded.
        CorruptFileError: If what was downloaded is damaged.
        ArtifactError: If it cannot be written.
    """
    folder = folder.absolute()
    if (folder / json_file).exists():
        return
    address, expected = (url, checksum) if url else _known(folder.name, checksum)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise artifact_error(error, folder) from error
    with _alone(folder.with_name(f".{folder.name}.lock")):
        if not (folder / json_file).exists():
            _demand_free(folder, json_file)
            _bring(folder, Path(json_file).name, address, expected)


def _demand_free(folder: Path, json_file: str) -> None:
    """Raise if there is something else where the task shall be; to be asked while nobody else brings it."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ArgumentError(
            f"{folder} is there, but without {json_file}",
            expected="a complete task, or nothing: a folder that is in use is never written into",
            to_do="remove or rename it, or name another folder",
        )


def _known(name: str, checksum: str) -> tuple[str, str]:
    """Return address and checksum of the task of that name."""
    if name not in TASKS:
        raise ArgumentError(
            f"which task to download? The folder is called '{name}'",
            expected=f"a data_dir whose last part is one of {', '.join(TASKS)}; or download='https://...'",
            to_do=nearest(name, TASKS),
        )
    return f"{MIRROR}/{name}.tar", checksum or TASKS[name]


def _bring(folder: Path, landmark: str, url: str, checksum: str) -> None:
    archive = folder.with_name(f"{folder.name}.tar")
    if not archive.exists():
        _log.info("downloading %s to %s", url, archive)
        fetch(url, archive, checksum)
    try:
        check_checksum(archive, checksum)  # again: it may have been put there by hand
        unpack(archive, folder, landmark)
    except CorruptFileError as error:
        raise error.note(
            file=str(archive), to_do=f"remove {archive} and run again, or get the task from medicaldecathlon.com"
        ) from None
    archive.unlink()


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Let one process after the other through (where the system knows file locks)."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        with suppress(OSError):
            lock.unlink()
        os.close(handle)
