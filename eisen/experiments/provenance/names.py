"""``provenance.json``: the part of a run's record that names files, folders and processes."""

from __future__ import annotations

import json
import os
import platform
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from eisen._core.digest import text_digest

__all__ = ["NAMES_FILE", "data_dir_of", "is_alive", "names_document", "read_names"]

NAMES_FILE = "provenance.json"


def names_document(names: Mapping[str, Any], data_dir: str | Path, folder: str | Path) -> dict[str, Any]:
    """Return what belongs into ``provenance.json``: names of files and cases, where the data is, and who is at work.

    The folder of the data is kept as the user gave it: absolute, or relative to the artifact folder, so that a project
    can be moved. Of the machine only a digest is kept.

    Args:
        names: `Fingerprint.names`.
        data_dir: Folder of the data.
        folder: The artifact folder.

    Example:
        >>> names_document({}, "data", "runs/first")["data_dir"]
        '../../data'
    """
    place = str(data_dir)
    if not Path(place).is_absolute():
        place = os.path.relpath(place, folder)
    return {
        "note": "Names of files and folders, which run.json does not have. Leave this file out when you share a run.",
        "data_dir": Path(place).as_posix(),
        "process": {"pid": os.getpid(), "started": _process_start(os.getpid()), "machine": _machine()},
        "data": dict(names),
    }


def read_names(folder: str | Path) -> dict[str, Any]:
    """Return the content of ``provenance.json``; empty when it is absent or damaged.

    Args:
        folder: The artifact folder.

    Example:
        >>> read_names("nowhere")
        {}
    """
    try:
        content = json.loads((Path(folder) / NAMES_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def data_dir_of(folder: str | Path) -> Path | None:
    """Return the folder of the data of a run, or None when nobody wrote it down."""
    place = read_names(folder).get("data_dir")
    return Path(os.path.normpath(Path(folder) / place)) if isinstance(place, str) else None


def is_alive(folder: str | Path) -> bool | None:
    """Tell whether the process that wrote into a folder still runs; None when that cannot be known from here."""
    process = read_names(folder).get("process")
    if not isinstance(process, dict) or process.get("machine") != _machine():
        return None
    pid = process.get("pid")
    if not isinstance(pid, int) or pid <= 0:
        return None
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return None
    return process.get("started") == _process_start(pid)


def _process_start(pid: int) -> str:
    """Return when a process started, in ticks of the system: numbers of processes are used again."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def _machine() -> str:
    return text_digest(f"{platform.node()} {uuid.getnode()}")[:12]
