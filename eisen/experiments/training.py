"""The epochs of a training run, and continuing them."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from eisen._core import random
from eisen.experiments.best import Best
from eisen.experiments.checkpoint import save_checkpoint, save_state
from eisen.experiments.duration import seconds_of
from eisen.experiments.history import History
from eisen.experiments.judgement import Judgement
from eisen.experiments.parts import PhaseParts
from eisen.experiments.records import EpochRow
from eisen.experiments.schedules import demand_room, remark_on_length
from eisen.experiments.session import Session
from eisen.experiments.summaries import Summaries
from eisen.experiments.training_state import resumed, training_state, weights_of

if TYPE_CHECKING:
    from eisen.utils import EisenModuleWrapper
    from eisen.utils.events import BatchEnd

__all__ = ["Trainer"]

_SAVE_EVERY = "10min"


class Trainer:
    """Runs epochs and keeps what is needed to continue them.

    Every epoch starts by seeding with (seed, epoch), so it needs nothing from the epoch before but the state in the
    checkpoint. A checkpoint is written before the first epoch, after every whole one, every now and then in the middle
    of one, and when the run is asked to stop; the run that continues has the bits it would have had.

    Args:
        session: The frame of the run.
        model: The model.
        training: The Training phase.
        validation: The Validation phase, or None.
        seed: The seed of the run.

    Attributes:
        epoch: Number of whole epochs.
        done: Results of those phases of the present epoch that are over.
        progress: Where the present phase is, None at its start.
        random: State of the generators to go on with, None at the start of an epoch.
    """

    def __init__(
        self,
        session: Session,
        model: EisenModuleWrapper,
        training: PhaseParts,
        validation: PhaseParts | None,
        seed: int,
    ) -> None:
        self.session, self.model, self.seed = session, model, seed
        self.training = training
        self.phases = [training] if validation is None else [training, validation]
        self.fingerprint = session.fingerprint(self.phases, seed)
        self.epoch, self.best = 0, Best()
        self.history = History(session.artifacts.history)
        self.done: list[EpochRow] = []
        self.progress: dict[str, Any] | None = None
        self.random: dict[str, Any] | None = None
        self.rates: dict[str, list[float]] = {}
        self._time_is_up = False
        self._judgement = _judgement(session.experiment.hyper.best, self.phases)
        self._pace = _Pace(session.experiment.hyper.checkpoint_every, session.experiment.hyper.max_time)
        if validation is not None:
            _watch(training, validation)

    def run(self, n_epochs: int) -> None:
        """Train until so many epochs are complete, those before a resume included.

        Args:
            n_epochs: How many epochs.
        """
        artifacts = self.session.artifacts
        self.session.result.n_epochs = self.epoch
        if self.epoch < n_epochs:
            n_steps = -(-len(self.training.loader) // self.training.workflow.stepping.accumulate)
            demand_room(self.training.workflow.schedule, n_epochs, n_steps)
            if self.epoch and (remark := remark_on_length(self.training.workflow.schedule, n_epochs, n_steps)):
                self.session.say(remark)
        if self.epoch == 0 and not self._is_within:
            self.save()
        self.session.written(artifacts.checkpoint, "last checkpoint", announce=False)
        with Summaries(artifacts.summaries, self.epoch) as summaries:
            while self.epoch < n_epochs and not self._is_ended_by_hook() and not self._is_to_stop():
                if not self._one_epoch(n_epochs):
                    break
                self._finish_epoch(n_epochs, summaries)
        self._leave(n_epochs)

    def _is_ended_by_hook(self) -> bool:
        """Tell whether a hook has had enough, before a resume too, and say so; the same in all processes."""
        hooks = [hook for part in self.phases for hook in part.hooks]
        (is_ended,) = self.session.agree(self.epoch > 0 and not self._is_within and any(map(_says_stop, hooks)))
        if is_ended:
            self.session.say(f"a hook ended the training after epoch {self.epoch}{self._why()}")
        return is_ended

    def _why(self) -> str:
        """Return what the hooks that ended the training say about it."""
        hooks = [hook for part in self.phases for hook in part.hooks if _says_stop(hook)]
        reasons = [str(hook.reason) for hook in hooks if getattr(hook, "reason", "")]
        return f": {'; '.join(reasons)}" if reasons else ""

    def resume(self, path: Path, *, force: bool = False) -> None:
        """Take up the state of a checkpoint.

        Args:
            path: The checkpoint.
            force: Go on although configuration, data or code have changed.

        Raises:
            TrainingError: If it belongs to another model, optimizer or scheduler, or something changed.
        """
        resumed(self, path, force=force)
        if self.session.progress is not None:
            self.session.progress.go_on(self._n_batches_done)
        if self.session.is_main:
            self.history.write()
            for row in self.history.not_in(self.session.artifacts.log):
                self.session.artifacts.append("epoch", **row, from_checkpoint=True)

    def save(self) -> None:
        """Write the checkpoint; all processes bring their part, the main one writes."""
        state = training_state(self)
        if self.session.is_main:
            save_checkpoint(self.session.artifacts.checkpoint, state)
        self._pace.saved()

    @property
    def average(self) -> Any:
        """The average of the weights, or None."""
        return self.training.workflow.average

    @property
    def _is_within(self) -> bool:
        return bool(self.done) or self.progress is not None

    @property
    def _n_batches_done(self) -> int:
        """How many batches of training are behind it, those of all epochs."""
        is_first = self.progress is not None and not self.done
        within = self.progress["batch"] if is_first and self.progress is not None else 0
        n_batches = len(self.training.loader)
        return (self.epoch + bool(self.done)) * n_batches + int(within)

    def _is_to_stop(self) -> bool:
        """Tell whether the run has to stop, in all processes or in none."""
        (self._time_is_up,) = self.session.agree(self._pace.is_over)
        return self.session.interrupted or self._time_is_up

    def _due(self, n_epochs: int) -> list[PhaseParts]:
        """Return the phases of this epoch: validation may come every few epochs, and always after the last."""
        done = self.epoch + 1
        every = self.session.experiment.hyper.validate_every
        return self.phases if done % every == 0 or done == n_epochs else [self.training]

    def _one_epoch(self, n_epochs: int) -> bool:
        """Run the phases of an epoch, those that are left of it; False when it was stopped on the way."""
        if not self._is_within:
            self._seed_epoch()
            self.rates = _learning_rates(self.training)
        elif self.random is None:  # as it is in a process that the interrupted run did not have
            self._seed_epoch()
        for part in self._due(n_epochs)[len(self.done) :]:
            if self.done and self._is_to_stop():
                self.save()
                return False
            row = self._one_phase(part)
            if row is None:
                return False
            self.done.append(row)
        return True

    def _seed_epoch(self) -> None:
        """Seed the process for an epoch; the main one as if it were alone."""
        rank = 0 if self.session.distribution is None else self.session.distribution.rank
        key = (self.seed, self.epoch, rank) if rank else (self.seed, self.epoch)
        random.seed(int(np.random.SeedSequence(key).generate_state(1)[0]))

    def _one_phase(self, part: PhaseParts) -> EpochRow | None:
        """Run a phase, or the rest of it."""
        if self.progress is not None:
            part.workflow.continue_at(self.progress)
            self.progress = None
        if self.random is not None:
            random.restore(self.random)
            self.random = None
        uses_average = part is not self.training and self.average is not None
        with self.average.applied() if uses_average else nullcontext():
            return self.session.run_epoch(part, self.epoch, lambda event: self._after_batch(part, event))

    def _after_batch(self, part: PhaseParts, event: BatchEnd) -> bool:
        """Save in the middle of an epoch when it is time; return True to stop there."""
        self._time_is_up, is_due = self.session.agree(self._pace.is_over, self.session.is_main and self._pace.is_due())
        stops = self.session.interrupted or self._time_is_up
        if not (stops or is_due) or part.loader.after(event.number) >= len(part.loader):
            return False
        progress = part.workflow.progress()
        if progress is None:
            return False
        self.progress = progress
        self.save()
        self.progress = progress if stops else None
        return stops

    def _finish_epoch(self, n_epochs: int, summaries: Summaries) -> None:
        session, epoch, rows = self.session, self.epoch, self.done
        is_judged = len(rows) == len(self.phases)
        is_best = is_judged and self.best.update(rows, self._judgement)
        self.done, self.epoch = [], epoch + 1
        session.result.n_epochs = self.epoch
        session.result.best = self.best.facts()
        self.history.add(rows, self.rates, is_best=is_best)
        if is_best:
            self._save_best()
        self.save()
        if not session.is_main:
            session.result.rows += rows
            return
        self.history.write()
        for row in rows:
            rates = [rate for group in self.rates.values() for rate in group] if row.phase == "Training" else None
            summaries.add(row, rates)
            session.log_row(row, **({"learning_rates": rates} if rates else {}), best=is_best)
        session.observer.on_epoch(epoch, n_epochs, rows)

    def _save_best(self) -> None:
        best = self.session.artifacts.best
        with self.average.applied() if self.average is not None else nullcontext():
            weights = weights_of(self.model, self.session.distribution)
            if self.session.is_main:
                save_state(best, weights)
        self.session.written(best, "best model")

    def _leave(self, n_epochs: int) -> None:
        """At the end there is a model, also when no epoch could be called the best."""
        artifacts, session = self.session.artifacts, self.session
        if self.best.epoch < 0 and (self.epoch >= n_epochs or self._time_is_up):
            self._save_best()
        if artifacts.best.exists():
            session.written(artifacts.best, "best model", announce=False)
        for path, what in ((artifacts.summaries, "TensorBoard curves"), (artifacts.log, "log")):
            if path.exists():
                session.written(path, what, announce=False)
        if (session.interrupted or self._time_is_up) and self.epoch < n_epochs:
            why = "interrupted" if session.interrupted else "the time is up"
            session.say(f"{why}; --resume goes on {self._place()} with {artifacts.checkpoint}")

    def _place(self) -> str:
        if self.progress is not None:
            return f"at batch {self.progress['batch'] + 1} of epoch {self.epoch + 1}"
        return f"in the middle of epoch {self.epoch + 1}" if self.done else f"at epoch {self.epoch + 1}"


class _Pace:
    """When to write a checkpoint in the middle of an epoch, and when the time is up.

    Args:
        every: After so many batches, or so much time; None: ten minutes.
        limit: How long the run may take: text, or minutes; None: no limit.
    """

    def __init__(self, every: int | str | None, limit: float | str | None) -> None:
        every = every or _SAVE_EVERY
        self._batches = every if isinstance(every, int) else 0
        self._seconds = seconds_of(every) if isinstance(every, str) else 0.0
        seconds = seconds_of(limit) if isinstance(limit, str) else None if limit is None else 60.0 * limit
        self._end = None if seconds is None else perf_counter() + seconds
        self.saved()

    def saved(self) -> None:
        """A checkpoint was written."""
        self._count, self._last = 0, perf_counter()

    def is_due(self) -> bool:
        """Count a batch, and tell whether it is time for a checkpoint."""
        self._count += 1
        return self._count >= self._batches if self._batches else perf_counter() - self._last >= self._seconds

    @property
    def is_over(self) -> bool:
        """True when the run has taken as long as it may."""
        return self._end is not None and perf_counter() >= self._end


def _judgement(text: str | None, phases: list[PhaseParts]) -> Judgement | None:
    if text is None:
        return None
    names: dict[str, list[str]] = {"losses": [], "metrics": []}
    for part in phases:
        names["losses"] += getattr(part.workflow, "loss_names", ())
        for kind, found in names.items():
            found += [name for entry in getattr(part.phase, kind) for name in entry.output_names]
    return Judgement.parse(text, **names)


def _watch(training: PhaseParts, validation: PhaseParts) -> None:
    """Let schedules that look at a named metric take it from the validation."""
    from eisen.experiments.schedules import schedules_of

    for schedule in schedules_of(training.workflow.schedule):
        if schedule.monitor is not None:
            schedule.watch(validation.workflow)


def _learning_rates(part: PhaseParts) -> dict[str, list[float]]:
    return {name: [float(g["lr"]) for g in each.param_groups] for name, each in part.optimizers.items()}


def _says_stop(hook: Any) -> bool:
    is_stop = getattr(hook, "is_stop", None)
    return bool(is_stop()) if callable(is_stop) else False
