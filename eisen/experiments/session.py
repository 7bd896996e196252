"""The frame around every command that writes results: start, log, Ctrl-C, end."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from eisen._core.errors import EisenError
from eisen.config import Experiment
from eisen.experiments import provenance
from eisen.experiments.artifacts import Artifacts, now
from eisen.experiments.interrupt import Interrupt
from eisen.experiments.observer import Observer
from eisen.experiments.records import EpochRow, RunResult
from eisen.experiments.reproduce import Commands

if TYPE_CHECKING:
    from eisen.experiments.parts import PhaseParts
    from eisen.utils.events import BatchEnd, EpochEnd

__all__ = ["Session"]


class Session:
    """What one command of a run does around its work.

    While it is entered, Ctrl-C stops the workflow that runs after its batch. On the way out the record of the run
    (``run.json`` of training, ``validate.json``, ``test.json`` or ``predict.json`` of the others) says how it ended.

    Args:
        command: ``"train"``, ``"validate"``, ``"test"`` or ``"predict"``.
        experiment: The configuration.
        data_dir: Folder of the data.
        artifacts: The artifact folder.
        observer: Is told what happens.
    """

    def __init__(
        self, command: str, experiment: Experiment, data_dir: Path, artifacts: Artifacts, observer: Observer
    ) -> None:
        self.command, self.experiment, self.data_dir = command, experiment, data_dir
        self.artifacts, self.observer = artifacts, observer
        self.commands = Commands(experiment, data_dir, artifacts.root, artifacts.config)
        self.result = RunResult()
        self.facts: dict[str, Any] = {}
        self._interrupt = Interrupt(self._say_stopping)
        self._started = perf_counter()

    @property
    def interrupted(self) -> bool:
        """True after Ctrl-C."""
        return self._interrupt.requested

    @property
    def record(self) -> Path:
        """The file that says what was run."""
        return self.artifacts.run_json if self.command == "train" else self.artifacts.root / f"{self.command}.json"

    def begin(self, parts: Sequence[PhaseParts], seed: int, **facts: Any) -> None:
        """Write the record and the first line of the log.

        Args:
            parts: The phases that will run.
            seed: The seed.
            **facts: What else belongs into the record.
        """
        config = self.experiment.path
        self.facts = {
            "command": self.command,
            "status": "running",
            "started": now(),
            "config_file": Path(config).name,
            "config_digest": self.experiment.digest,
            "seed": seed,
            **facts,
            "data": {part.name: _data_facts(part, self.data_dir) for part in parts},
            "versions": provenance.package_versions(),
            "git": provenance.git_state(Path(config).parent if config else Path()),
            "machine": provenance.machine_facts(),
            "repairs": list(self.experiment.repairs),
            "config": self.experiment.resolved(),
        }
        self.artifacts.write_json(self.artifacts.config, self.facts["config"])
        self.artifacts.write_json(self.record, self.facts)
        log = {key: self.facts[key] for key in ("command", "seed", "config_digest", *facts)}
        self.artifacts.append("start", **log)

    def run_epoch(self, parts: PhaseParts, epoch: int) -> EpochRow | None:
        """Run one pass over the data of a phase; None when Ctrl-C stopped it before the end.

        Args:
            parts: The phase.
            epoch: Number of the epoch, from 0.
        """
        listener = _Listener(self.observer, len(parts.loader), self._interrupt)
        self.observer.on_phase_start(parts.name, epoch, listener.n_batches)
        subscription = parts.workflow.subscribe(listener)
        started = perf_counter()
        if hasattr(parts.workflow, "epoch"):
            parts.workflow.epoch = epoch
        try:
            with suppress(_Stopped), self.commands.noted(parts.name, epoch):
                parts.workflow.run()
        finally:
            subscription.remove()
        if self.interrupted or listener.event is None:
            return None
        event = listener.event
        seconds = perf_counter() - started
        return EpochRow(parts.name, epoch, dict(event.losses), dict(event.metrics), seconds, event.n_batches)

    def log_row(self, row: EpochRow, **facts: Any) -> None:
        """Add a finished pass to the result and the log."""
        self.result.rows.append(row)
        self.artifacts.append("epoch", **vars(row), **facts)

    def written(self, path: Path, what: str, *, announce: bool = True) -> None:
        """Note something that was written."""
        if (path, what) not in self.result.artifacts:
            self.result.artifacts.append((path, what))
        if announce:
            self.observer.on_artifact(path, what)

    def _say_stopping(self) -> None:
        with suppress(RuntimeError):  # the signal may come in the middle of another write to the screen
            self.observer.on_message("stopping after this batch; Ctrl-C again stops at once")

    def __enter__(self) -> Self:
        self._interrupt.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._interrupt.__exit__(kind, error, trace)
        self.result.interrupted = self.interrupted or isinstance(error, KeyboardInterrupt)
        self.result.seconds = perf_counter() - self._started
        if self.facts:
            try:
                self._end(error)
            except EisenError:
                if error is None:
                    raise

    def _end(self, error: BaseException | None) -> None:
        """Write how it ended; an error on the way must not hide the one that ended the run."""
        status = "interrupted" if self.result.interrupted else "failed" if error is not None else "complete"
        seconds = round(self.result.seconds, 3)
        self.facts |= {"status": status, "finished": now(), "seconds": seconds, "best": self.result.best}
        self.facts["epochs_complete"] = self.result.n_epochs
        self.facts["results"] = [vars(row) for row in self.result.rows[-4:]]
        if error is not None:
            self.facts["error"] = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
        self.artifacts.write_json(self.record, self.facts)
        event = {"interrupted": "interrupt", "failed": "error", "complete": "end"}[status]
        extra = {"error": self.facts["error"]} if event == "error" else {}
        self.artifacts.append(event, seconds=seconds, best=self.result.best, **extra)


class _Stopped(Exception):  # noqa: N818  - no error: the way out of an epoch that Ctrl-C ended
    """Ends an epoch between two batches.

    `workflow.stop` would end it too, but the epoch would be reported as if it were whole, and hooks would take the
    results of a part of the data for the best ones so far.
    """


class _Listener:
    """Counts batches, keeps the results of the epoch, and ends it after Ctrl-C."""

    def __init__(self, observer: Observer, n_batches: int, interrupt: Interrupt) -> None:
        self.n_batches = n_batches
        self.event: EpochEnd | None = None
        self._on_batch = observer.on_batch
        self._interrupt = interrupt

    def on_batch_end(self, event: BatchEnd) -> None:
        """Pass the count on."""
        self._on_batch(event.number + 1, self.n_batches)
        if self._interrupt.requested:
            raise _Stopped

    def on_epoch_end(self, event: EpochEnd) -> None:
        """Keep losses and metrics."""
        self.event = event


def _data_facts(parts: PhaseParts, data_dir: Path) -> dict[str, Any]:
    dataset = parts.loader.dataset
    cases = getattr(dataset, "cases", None)
    facts: dict[str, Any] = {"n_cases": len(dataset)}
    if isinstance(cases, Sequence):
        facts["digest"] = provenance.data_digest(cases, data_dir)
    return facts
