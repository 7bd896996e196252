"""The results of all epochs, in a file that says the same whether or not the run was ever interrupted."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eisen._core.atomic import atomic_write
from eisen.experiments.artifacts import plain
from eisen.experiments.records import EpochRow

__all__ = ["History"]


class History:
    """One line per epoch and phase: losses, metrics, learning rates. No times and nothing else that differs by chance.

    The file is replaced as a whole after every epoch, and the checkpoint holds all lines; so runs with the same
    configuration, data and seed have the same file, byte for byte.

    Args:
        path: The file, JSON lines.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[str] = []

    def add(self, rows: Sequence[EpochRow], rates: Mapping[str, Sequence[float]], *, is_best: bool) -> None:
        """Add an epoch.

        Args:
            rows: Its results, one per phase.
            rates: Learning rates of the parameter groups, by optimizer.
            is_best: Whether it is the best so far.
        """
        for row in rows:
            facts: dict[str, Any] = {"epoch": row.epoch, "phase": row.phase, "losses": row.losses}
            facts |= {"metrics": row.metrics, "n_batches": row.n_batches}
            if row.n_skipped:
                facts["n_skipped"] = row.n_skipped
            if row.phase == "Training":
                facts["learning_rates"] = {name: list(values) for name, values in rates.items()}
            facts["best"] = is_best
            self.lines.append(json.dumps(plain(facts), ensure_ascii=False))

    def write(self) -> None:
        """Write the file.

        Raises:
            ArtifactError: If it cannot be written.
        """
        if not self.lines:
            self.path.unlink(missing_ok=True)
            return
        with atomic_write(self.path, "w") as file:
            file.writelines(f"{line}\n" for line in self.lines)

    def not_in(self, log: Path) -> list[dict[str, Any]]:
        """Return the lines whose epoch and phase a diary lacks: the run may have been killed just before it wrote them.

        Args:
            log: ``log.jsonl`` of the run.
        """
        known = set()
        if log.exists():
            events = map(_event, log.read_text(encoding="utf-8").splitlines())
            known = {(event.get("epoch"), event.get("phase")) for event in events if event.get("event") == "epoch"}
        rows = map(json.loads, self.lines)
        return [row for row in rows if (row["epoch"], row["phase"]) not in known]


def _event(line: str) -> dict[str, Any]:
    """Return a line of the diary; the last one may be torn."""
    try:
        event: dict[str, Any] = json.loads(line)
    except ValueError:
        return {}
    return event
