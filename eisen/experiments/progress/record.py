"""``progress.json`` of a run: reading it, telling whether its process lives, asking that to stop."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Any

import psutil

from eisen._core.atomic import artifact_error
from eisen.experiments.artifacts import Artifacts, plain

__all__ = ["FORMAT", "identity", "is_alive", "put", "read_progress", "request_stop"]

FORMAT = 1
_SLACK_S = 2.0
"""Clocks are set while processes run: the start of one may be told a little differently later."""


def read_progress(artifacts: str | Path) -> dict[str, Any] | None:
    """Return what a run has last said about itself; None if it said nothing, or nothing that can be understood.

    Args:
        artifacts: Its folder.

    Example:
        >>> read_progress("/no/such/run") is None
        True
    """
    try:
        record = json.loads(Artifacts(artifacts).progress.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) and record.get("format") == FORMAT else None


def is_alive(record: Mapping[str, Any]) -> bool | None:
    """Tell whether the process that wrote a record is there; None for one of another machine, where only time tells.

    A number that another process has by now is not taken for it.

    Args:
        record: What `read_progress` gave.

    Example:
        >>> is_alive(identity()), is_alive({**identity(), "process_started": 0.0}), is_alive({"host": "elsewhere"})
        (True, False, None)
    """
    if record.get("host") != socket.gethostname():
        return None
    try:
        process = psutil.Process(int(record["pid"]))
        is_same = abs(process.create_time() - float(record["process_started"])) < _SLACK_S
        return bool(is_same and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.AccessDenied:
        return None
    except (psutil.Error, KeyError, TypeError, ValueError, OverflowError):
        return False


def request_stop(artifacts: str | Path, who: str = "") -> Path:
    """Ask the run in a folder to stop after its batch, as Ctrl-C does; it looks at most every few seconds.

    Works from another machine that shares the folder. The run removes the file when it has seen it.

    Args:
        artifacts: Its folder.
        who: Who asks; the run passes it on to whoever watches.

    Returns:
        The file that asks.

    Raises:
        ArtifactError: If nothing can be written there.
    """
    path = Artifacts(artifacts).stop_request
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{token_hex(4)}.part")
    try:
        temporary.write_text(who, encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink()
        raise artifact_error(error, path) from error
    return path


def identity() -> dict[str, Any]:
    """Return what tells this process from all others."""
    process = psutil.Process()
    return {"pid": process.pid, "host": socket.gethostname(), "process_started": process.create_time()}


def put(path: Path, record: Mapping[str, Any]) -> bool:
    """Replace a file as a whole; what cannot be written is left as it was.

    Unlike `eisen._core.atomic.atomic_write` it does not wait for the disk: after a loss of power an old record does.

    Args:
        path: The file.
        record: Its content.

    Returns:
        Whether it was written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{token_hex(4)}.part")
    try:
        temporary.write_text(_text(record), encoding="utf-8")
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, OSError):
            return False
        raise
    return True


def _text(record: Mapping[str, Any]) -> str:
    try:
        return json.dumps(record, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError):  # hardly ever: looking through everything first takes as long again
        return json.dumps(plain(record), ensure_ascii=False)
