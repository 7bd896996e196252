"""What the log of a run says about how it was continued."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from eisen.experiments.artifacts import Artifacts
from eisen.experiments.runs.record import RunRecord

__all__ = ["continued_notes", "start_weights"]

_WORDS = {"config_digest": "configuration", "seed": "seed", "epochs": "number of epochs"}


def continued_notes(run: RunRecord) -> Iterator[str]:
    """Yield a note for everything that was not the same in all parts of a run that was continued.

    Such a run cannot be repeated in one piece: the parts that were trained before know other values.

    Args:
        run: The run.

    Example:
        >>> from pathlib import Path
        >>> list(continued_notes(RunRecord(Path("nowhere"), {})))
        []
    """
    starts = _starts(run)
    for key, words in _WORDS.items():
        values = [start[key] for start in starts if key in start]
        if len(set(map(str, values))) > 1:
            yield f"the run was continued with another {words}; it is repeated with the last one"


def start_weights(run: RunRecord) -> dict[str, str] | None:
    """Return the file and digest of the weights the run started from; None when they were random.

    Args:
        run: The run.

    Example:
        >>> from pathlib import Path
        >>> start_weights(RunRecord(Path("nowhere"), {})) is None
        True
    """
    return next((start["start_weights"] for start in _starts(run) if "start_weights" in start), None)


def _starts(run: RunRecord) -> list[dict[str, Any]]:
    """Return the first lines of all parts of the run, from the last fresh start on."""
    found: list[dict[str, Any]] = []
    try:
        lines = Artifacts(run.folder).log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return found
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("event") == "start" and entry.get("command") == "train":
            found = [*found, entry] if entry.get("first_epoch") else [entry]
    return found
