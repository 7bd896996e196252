"""What a page knows about a run at one moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eisen_cli.builder.board.passes import Curves, Point
from eisen_cli.builder.board.status import Verdict

__all__ = ["RunView"]


@dataclass(frozen=True)
class RunView:
    """A run as it is now; pages show it and never change it.

    Args:
        folder: The artifact folder.
        verdict: How it is doing.
        record: ``run.json``.
        progress: ``progress.json``, when it is of the present training.
        curves: Results, learning rates and times per epoch.
        n_done: How many epochs have been trained.
        log: Lines of ``log.jsonl`` since the folder exists, as events.
        output: The last lines of ``output.log``.
        number: Grows with every change.
        generation: Grows when another run has taken over the folder.
    """

    folder: Path
    verdict: Verdict = field(default_factory=lambda: Verdict("none"))
    record: Mapping[str, Any] = field(default_factory=dict)
    progress: Mapping[str, Any] = field(default_factory=dict)
    curves: Curves = field(default_factory=Curves)
    n_done: int = 0
    n_asked: int | None = None
    best_epoch: int | None = None
    log: Sequence[Mapping[str, Any]] = ()
    output: Sequence[str] = ()
    number: int = 0
    generation: int = 0

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.name

    @property
    def status(self) -> str:
        """How it is doing, one word."""
        return self.verdict.status

    @property
    def is_running(self) -> bool:
        """Whether the training is at work."""
        return self.verdict.status == "running"

    @property
    def n_epochs(self) -> int | None:
        """How many epochs were asked for."""
        for value in (self.progress.get("n_epochs"), self.n_asked, self.record.get("epochs")):
            if isinstance(value, int):
                return value
        return None

    @property
    def fraction(self) -> float:
        """How much of the training is done, from 0 to 1; the batches of the present pass count as part of its epoch."""
        asked = self.n_epochs
        if not asked:
            return 0.0
        return min((self.n_done + (self._fraction_of_epoch if self.is_running else 0.0)) / asked, 1.0)

    @property
    def _fraction_of_epoch(self) -> float:
        batch, of = self.progress.get("batch"), self.progress.get("n_batches")
        epoch = self.progress.get("epoch")
        if not isinstance(batch, int) or not isinstance(of, int) or not of or epoch != self.n_done:
            return 0.0
        return 0.95 * batch / of if self.progress.get("phase") == "Training" else 0.97

    @property
    def eta_seconds(self) -> float | None:
        """How long it will still take; None when it is not known, or nothing runs."""
        if not self.is_running:
            return None
        said = self.progress.get("eta_seconds")
        if isinstance(said, (int, float)):
            return float(said)
        passes = [points for points in self.curves.times.values() if points]
        done, asked = self.n_done, self.n_epochs
        if not passes or not done or not asked or self.progress:
            return None
        return sum(value for points in passes for _, value in points) / done * (asked - done)

    @property
    def best(self) -> Mapping[str, Any]:
        """The best values so far: epoch from 0, phase, name, value; the epoch alone while the run goes on."""
        best = self.record.get("best")
        if isinstance(best, dict) and best and not self.is_running:
            return best
        return {} if self.best_epoch is None else {"epoch": self.best_epoch, **self._best_value(self.best_epoch)}

    def _best_value(self, epoch: int) -> dict[str, Any]:
        """Return what the epoch was judged by, as far as curves tell it: the mean of metrics, else of losses."""
        for title, curves in (("mean metric", self.curves.metrics), ("mean loss", self.curves.losses)):
            for phase in ("Validation", "Training"):
                found = {
                    name: value
                    for (its_phase, name), points in curves.items()
                    for at, value in points
                    if its_phase == phase and at == epoch + 1
                }
                values = [value for name, value in found.items() if "[" not in name] or list(found.values())
                if values and (phase == "Validation" or title == "mean loss"):
                    return {"phase": phase, "name": title, "value": sum(values) / len(values)}
        return {}

    @property
    def batch_losses(self) -> dict[tuple[str, str], list[Point]]:
        """Losses of the last batches as points (step, value)."""
        curve = self.progress.get("curve")
        if not isinstance(curve, dict) or not isinstance(curve.get("losses"), dict):
            return {}
        steps = curve.get("step") or []
        return {
            ("Training", str(name)): [
                (float(x), float(y)) for x, y in zip(steps, values, strict=False) if y is not None
            ]
            for name, values in curve["losses"].items()
        }

    @property
    def is_refused(self) -> bool:
        """Whether the run was to go on, and did not because something has changed since its checkpoint."""
        return self.status == "failed" and any("--force goes on with it" in line for line in self.output[-6:])
