"""The frame around every command that writes results: start, log, Ctrl-C, end."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from time import perf_counter
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from eisen._core.errors import EisenError
from eisen.config import Experiment
from eisen.experiments import provenance
from eisen.experiments.artifacts import Artifacts, now
from eisen.experiments.hearing import hearing
from eisen.experiments.interrupt import Interrupt
from eisen.experiments.listening import PassListener, Stopped
from eisen.experiments.observer import Observer
from eisen.experiments.progress.progress import Progress
from eisen.experiments.records import EpochRow, RunResult
from eisen.experiments.reproduce import Commands
from eisen.experiments.splits.choice import keep_split
from eisen.experiments.splits.overlap import shared_cases

if TYPE_CHECKING:
    from eisen.evaluation import Results
    from eisen.experiments.parts import PhaseParts
    from eisen.utils.distributed import Distribution
    from eisen.utils.evaluating import WorkflowEvaluation
    from eisen.utils.events import BatchEnd

__all__ = ["Session"]

_DEAF_SECONDS = 3.0


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
        distribution: The processes that do it together; only the main one writes.
    """

    def __init__(
        self,
        command: str,
        experiment: Experiment,
        data_dir: Path,
        artifacts: Artifacts,
        observer: Observer,
        distribution: Distribution | None = None,
    ) -> None:
        self.command, self.experiment, self.data_dir = command, experiment, data_dir
        self.artifacts, self.observer = artifacts, observer
        self.commands = Commands(experiment, data_dir, artifacts.root, artifacts.config)
        self.result = RunResult()
        self.facts: dict[str, Any] = {}
        self._fingerprint: provenance.Fingerprint | None = None
        self._hooks: list[Any] = []
        self.distribution = distribution
        is_alone = distribution is None or distribution.is_alone
        self._interrupt = Interrupt(self._say_stopping, deaf_seconds=0.0 if is_alone else _DEAF_SECONDS)
        self._started = perf_counter()
        self._is_leaving = False
        self._phase = ""
        self._reading: dict[str, str] = {}
        self._heard = ExitStack()
        self.progress: Progress | None = None
        self._costs: dict[tuple[str, int], dict[str, Any]] = {}

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and shows."""
        return self.distribution is None or self.distribution.is_main

    @property
    def interrupted(self) -> bool:
        """True after Ctrl-C."""
        return self._interrupt.requested

    def agree(self, *flags: bool) -> list[bool]:
        """Tell for each flag whether it is set in any process; if one was interrupted, all are.

        Args:
            *flags: Flags of this process.
        """
        if self.distribution is None or self.distribution.is_alone:
            return list(flags)
        interrupted, *agreed = self.distribution.any_of(self.interrupted, *flags)
        self._interrupt.requested = self._interrupt.requested or interrupted
        return agreed

    @property
    def record(self) -> Path:
        """The file that says what was run."""
        return self.artifacts.run_json if self.command == "train" else self.artifacts.root / f"{self.command}.json"

    def fingerprint(self, parts: Sequence[PhaseParts], seed: int) -> provenance.Fingerprint:
        """Return everything the result of this run depends on; it is made once.

        Args:
            parts: The phases that will run.
            seed: The seed.
        """
        if self._fingerprint is None and not self.is_main:
            self._fingerprint = provenance.Fingerprint()
        if self._fingerprint is None:
            datasets = {part.name: part.loader.dataset for part in parts}
            self._fingerprint = provenance.fingerprint(self.experiment, datasets, self.data_dir, seed)
        return self._fingerprint

    def begin(self, parts: Sequence[PhaseParts], seed: int, **facts: Any) -> None:
        """Write the record and the first line of the log.

        Args:
            parts: The phases that will run.
            seed: The seed.
            **facts: What else belongs into the record.
        """
        if not self.is_main:
            return
        self._hooks = [hook for part in parts for hook in part.hooks]
        config = self.experiment.path
        made = self.fingerprint(parts, seed)
        self.facts = {
            "command": self.command,
            "status": "running",
            "started": now(),
            "config_file": Path(config).name,
            "seed": seed,
            **facts,
            "git": provenance.git_state(Path(config).parent if config else Path()),
            "repairs": list(self.experiment.repairs),
            **made.facts,
        }
        if self.command == "train":
            names = provenance.names_document(made.names, self.data_dir, self.artifacts.root)
            self.artifacts.write_json(self.artifacts.root / provenance.NAMES_FILE, names)
        keep_split(self.experiment, self.artifacts.root)
        self.artifacts.write_json(self.artifacts.config, self.facts["config"])
        self.artifacts.write_json(self.record, self.facts)
        log = {key: self.facts[key] for key in ("command", "seed", "config_digest", *facts)}
        self.artifacts.append("start", **log)
        if self.progress is not None:
            self.progress.plan(parts, facts.get("epochs", 1), self.experiment.hyper.validate_every)
        if warning := shared_cases(parts, self.data_dir):
            self.say(warning)

    def run_epoch(
        self, parts: PhaseParts, epoch: int, after_batch: Callable[[BatchEnd], bool] | None = None
    ) -> EpochRow | None:
        """Run one pass over the data of a phase, or what is left of it; None when it was stopped before the end.

        Args:
            parts: The phase.
            epoch: Number of the epoch, from 0.
            after_batch: Called after every batch; True stops there. None stops after Ctrl-C.
        """
        stops, self._phase = after_batch or self._is_to_stop, parts.name
        listener = PassListener(self.observer, len(parts.loader), stops, self._count)
        self.observer.on_phase_start(parts.name, epoch, listener.n_batches)
        subscription = parts.workflow.subscribe(listener)
        if self.progress is not None:
            self.progress.begin_pass(parts, epoch)
        started = perf_counter()
        if hasattr(parts.workflow, "epoch"):
            parts.workflow.epoch = epoch
        try:
            with suppress(Stopped), self.commands.noted(parts.name, epoch):
                parts.workflow.run()
        finally:
            subscription.remove()
        if listener.event is None or (after_batch is None and self.interrupted):
            return None
        event = listener.event
        if self.progress is not None:
            self._costs[parts.name, epoch] = self.progress.end_pass()
        seconds, n_skipped = perf_counter() - started, parts.workflow.guard.n_skipped
        losses, metrics = dict(event.losses), dict(event.metrics)
        return EpochRow(parts.name, epoch, losses, metrics, seconds, event.n_batches, n_skipped)

    def log_row(self, row: EpochRow, **facts: Any) -> None:
        """Add a finished pass to the result and the log."""
        self.result.rows.append(row)
        if not self.is_main:
            return
        self.artifacts.append("epoch", **vars(row), **self._costs.pop((row.phase, row.epoch), {}), **facts)

    def evaluated(self, evaluation: WorkflowEvaluation, phase: str) -> Results:
        """Write what was measured case by case in a finished pass, and return it.

        Args:
            evaluation: It has listened to the pass.
            phase: Name of the phase.
        """
        from eisen.evaluation import aggregate
        from eisen.experiments.evaluating import FOLDER, write_evaluation

        several = self.distribution if self.distribution is not None and not self.distribution.is_alone else None
        results = evaluation.finish(None if several is None else several.gather)
        self.result.evaluation = aggregate(results)
        if self.is_main:
            folder = self.artifacts.root / FOLDER / phase.lower()
            for path, what in write_evaluation(results, folder, f"{phase}: {self.facts['config_file']}", self.facts):
                self.written(path, what, announce=False)
        return results

    def written(self, path: Path, what: str, *, announce: bool = True) -> None:
        """Note something that was written."""
        if (path, what) not in self.result.artifacts:
            self.result.artifacts.append((path, what))
        if announce:
            self.observer.on_artifact(path, what)

    def say(self, text: str) -> None:
        """Tell whoever watches, here or on a page.

        Args:
            text: One line.
        """
        if self.progress is not None:
            self.progress.message = text
        self.observer.on_message(text)

    def _hear(self, text: str) -> None:
        """Tell how the phase that runs reads ahead, and keep it for the record."""
        self._reading[self._phase or self.command] = text
        self.say(f"{self._phase}: {text}" if self._phase else text)

    def _count(self, event: BatchEnd) -> None:
        """Let the record of the progress know that a batch is done, and stop when somebody asks for it there."""
        if self.progress is None:
            return
        self.progress.after_batch(event)
        if self.progress.asked_by is not None and not self.interrupted:
            self._interrupt.request()
            self.say(f"stopping after this batch: asked by {self.progress.asked_by}")

    def _is_to_stop(self, _event: BatchEnd) -> bool:
        self.agree()
        return self.interrupted

    def _say_stopping(self) -> None:
        if self._is_leaving or self._failure_elsewhere() is not None:  # torchrun ends all processes when one has failed
            return
        with suppress(RuntimeError):  # the signal may come in the middle of another write to the screen
            self.say("stopping after this batch; Ctrl-C again stops at once")

    def _told(self, error: BaseException) -> str:
        if self.distribution is not None and self.distribution.is_lost(error):
            return "another process of this run has ended, or cannot be reached"
        return f"{type(error).__name__}: {first_line(error)}"

    def _failure_elsewhere(self) -> str | None:
        """Return what another process has failed with."""
        failure = None if self.distribution is None else self.distribution.failure()
        return None if failure is None else f"process {failure[0]}: {failure[1]}"

    def __enter__(self) -> Self:
        self._interrupt.__enter__()
        is_watched = type(self.observer).on_message is not Observer.on_message
        self._heard.enter_context(hearing(self._hear if is_watched else None))
        if self.is_main:
            n_processes = 1 if self.distribution is None else self.distribution.size
            self.progress = Progress(self.artifacts, self.command, n_processes)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_leaving = True
        self._heard.close()
        is_failure = error is not None and not isinstance(error, KeyboardInterrupt)
        self.result.interrupted = not is_failure and (self.interrupted or error is not None)
        self.result.seconds = perf_counter() - self._started
        try:
            if self.facts:
                self._end(error)
        except EisenError:
            if error is None:
                raise
        finally:  # not earlier: torchrun sends SIGTERM to all processes as soon as one has ended
            if self.progress is not None:
                self.progress.finish(self._status(error), self._failure(error), error)
            self._interrupt.__exit__(kind, error, trace)

    def _status(self, error: BaseException | None) -> str:
        return "interrupted" if self.result.interrupted else "failed" if error is not None else "complete"

    def _failure(self, error: BaseException | None) -> str:
        return "" if error is None else self._failure_elsewhere() or self._told(error)

    def _end(self, error: BaseException | None) -> None:
        """Write how it ended; an error on the way must not hide the one that ended the run."""
        status, seconds = self._status(error), round(self.result.seconds, 3)
        self.facts |= {"status": status, "finished": now(), "seconds": seconds, "best": self.result.best}
        self.facts["epochs_complete"] = self.result.n_epochs
        self.facts["results"] = [vars(row) for row in self.result.rows[-4:]]
        if self._reading:
            self.facts["reading"] = self._reading
        if self.command == "train":
            self.facts["weights_digest"] = provenance.saved_digests(self.artifacts.best, self.artifacts.checkpoint)
        if error is not None:
            self.facts["error"] = self._failure(error)
        self.artifacts.write_json(self.record, self.facts)
        event = {"interrupted": "interrupt", "failed": "error", "complete": "end"}[status]
        extra = {"error": self.facts["error"]} if event == "error" else {}
        self.artifacts.append(event, seconds=seconds, best=self.result.best, **extra)
        for hook in self._hooks:
            if callable(getattr(hook, "on_run_end", None)):
                hook.on_run_end(status, error)


def first_line(error: BaseException) -> str:
    """Return the first line of what an error says."""
    return str(error).partition("\n")[0]
