"""``eisen data check STORE``: whether a store is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eisen_cli.process import cores
from eisen_cli.show.screen import Screen

__all__ = ["check_store_file", "is_store"]

_SIGNATURE = b"\x89HDF\r\n\x1a\n"
_ENDINGS = (".h5", ".hdf5", ".hdf")
_MOST_JOBS = 8


def is_store(path: Path) -> bool:
    """Tell whether a path is an HDF5 file rather than a configuration or a folder, whether it can be opened or not.

    Args:
        path: The path; it need not be there.
    """
    if path.suffix.lower() in _ENDINGS and not path.is_dir():
        return True
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_SIGNATURE)) == _SIGNATURE


def check_store_file(screen: Screen, path: Path, jobs: int | None) -> dict[str, Any]:
    """Check a store and show what was found.

    Args:
        screen: Where to write.
        path: The store.
        jobs: How many arrays to read at the same time; None: one per core, at most 8.

    Returns:
        What was found, for machines.
    """
    from eisen.storage import check_store
    from eisen_cli.show.bar import Bar
    from eisen_cli.show.store_check import show_store_check

    with Bar(screen) as bar:
        check = check_store(
            path, jobs=jobs or min(cores(), _MOST_JOBS), progress=lambda done, n: bar.move("arrays", done, n)
        )
    show_store_check(screen, check)
    return {"status": "ok" if check.is_whole else "damaged", **vars(check)}
