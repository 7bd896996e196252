"""Numbers as a page shows them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from eisen_cli.show.tables import duration, number

__all__ = ["STATUS_KINDS", "ago", "bytes_text", "clock", "duration", "log_line", "number", "rate_text"]

STATUS_KINDS: Mapping[str, str] = {
    "running": "accent",
    "waiting": "accent",
    "complete": "good",
    "interrupted": "warn",
    "failed": "bad",
    "dead": "bad",
}
"""The kind of chip for each status."""


def bytes_text(n_bytes: float) -> str:
    """Return an amount of memory.

    Example:
        >>> bytes_text(300 * 2**20), bytes_text(1.5 * 2**30)
        ('300 MiB', '1.50 GiB')
    """
    return f"{n_bytes / 2**30:.2f} GiB" if n_bytes >= 2**30 else f"{n_bytes / 2**20:.0f} MiB"


def rate_text(value: float) -> str:
    """Return a learning rate in few characters.

    Example:
        >>> rate_text(0.008), rate_text(0.00012345), rate_text(0.0)
        ('0.008', '1.23e-04', '0')
    """
    if value and abs(value) < 1e-3:
        return f"{value:.2e}"
    return f"{value:.4g}" if math.isfinite(value) else str(value)


def clock(text: Any) -> str:
    """Return a time of the log as a clock of this machine shows it.

    Example:
        >>> clock("no time")
        ''
    """
    try:
        return datetime.fromisoformat(str(text)).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return ""


def ago(text: Any, now: datetime | None = None) -> str:
    """Return how long ago something was.

    Example:
        >>> ago("2026-01-01T10:00:00+00:00", datetime(2026, 1, 3, tzinfo=UTC))
        '38 h ago'
    """
    try:
        then = datetime.fromisoformat(str(text))
    except ValueError:
        return ""
    seconds = max(((now or datetime.now(UTC)) - then).total_seconds(), 0.0)
    for size, unit in ((172800, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / (86400 if unit == 'd' else size):.0f} {unit} ago"
    return "just now"


def log_line(event: Mapping[str, Any]) -> str:
    """Return a line of ``log.jsonl`` for people.

    Example:
        >>> log_line({"event": "epoch", "epoch": 2, "phase": "Training", "losses": {"dice": 0.5}, "seconds": 3})
        'epoch 3 Training  dice 0.5000  3.0 s'
    """
    kind = str(event.get("event", ""))
    words = [clock(event.get("time"))]
    if kind == "epoch" and isinstance(event.get("epoch"), int):
        words.append(f"epoch {event['epoch'] + 1} {event.get('phase', '')}")
        for values in (event.get("losses"), event.get("metrics")):
            words += [f"{name} {number(value)}" for name, value in (values or {}).items() if value is not None]
        words += [duration(event["seconds"])] if isinstance(event.get("seconds"), (int, float)) else []
        words += ["best so far"] if event.get("best") and event.get("phase") != "Training" else []
        words += ["(from the checkpoint)"] if event.get("from_checkpoint") else []
        return "  ".join(word for word in words if word)
    words.append({"end": "complete", "interrupt": "interrupted", "error": "failed"}.get(kind, kind))
    if kind == "start":
        words.append(str(event.get("command", "")))
        words += [f"from epoch {event['first_epoch'] + 1}"] if event.get("first_epoch") else []
        words += [f"to epoch {event['epochs']}"] if event.get("epochs") else []
    words += [str(event["error"])] if event.get("error") else []
    words += [str(event["message"])] if event.get("message") else []
    return "  ".join(word for word in words if word)
