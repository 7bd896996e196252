"""The epochs of a training run, and continuing them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eisen._core import random
from eisen._core.errors import TrainingError
from eisen.experiments.best import Best
from eisen.experiments.checkpoint import load_checkpoint, save_checkpoint, save_state
from eisen.experiments.differences import differences
from eisen.experiments.hook_state import numbers_of, restore_numbers
from eisen.experiments.optimizers import optimizer_state
from eisen.experiments.parts import PhaseParts
from eisen.experiments.records import EpochRow
from eisen.experiments.session import Session
from eisen.experiments.summaries import Summaries
from eisen.experiments.weights import bare_module, fit_state

if TYPE_CHECKING:
    import torch

    from eisen.utils import EisenModuleWrapper

__all__ = ["Trainer"]


class Trainer:
    """Runs epochs and keeps what is needed to continue them.

    Every epoch starts by seeding with (seed, epoch), so it needs nothing from the epoch before but the state in the
    checkpoint. A checkpoint is written before the first epoch and after every whole one; a run that was stopped in
    the middle of an epoch repeats that epoch from its start.

    Args:
        session: The frame of the run.
        model: The model.
        training: The Training phase.
        validation: The Validation phase, or None.
        seed: The seed of the run.
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
        self.epoch = 0
        self.best = Best()
        self._rates: list[float] = []

    def run(self, n_epochs: int) -> None:
        """Train until so many epochs are complete, those before a resume included.

        Args:
            n_epochs: How many epochs.
        """
        artifacts = self.session.artifacts
        self.session.result.n_epochs = self.epoch
        self._check_schedule(n_epochs)
        if self.epoch == 0:
            self.save()
        self.session.written(artifacts.checkpoint, "last checkpoint", announce=False)
        with Summaries(artifacts.summaries, self.epoch) as summaries:
            while self.epoch < n_epochs and not self.session.interrupted:
                rows = self._one_epoch(n_epochs)
                if rows is None:
                    break
                self._finish_epoch(rows, n_epochs, summaries)
                if any(_says_stop(hook) for part in self.phases for hook in part.hooks):
                    self.session.observer.on_message(f"a hook ended the training after epoch {self.epoch}")
                    break
        self._leave(n_epochs)

    def resume(self, path: Path) -> None:
        """Take up the state of a checkpoint.

        Args:
            path: The checkpoint.

        Raises:
            TrainingError: If it belongs to another model, optimizer or scheduler.
        """
        state, source = load_checkpoint(path)
        say = self.session.observer.on_message
        if source != path:
            say(f"{path.name} is damaged; continuing from {source.name}")
        for line in differences(json.loads(state["config"]), self.session.experiment.resolved()):
            say(f"the configuration has changed since the checkpoint: {line}")
        if state["seed"] != self.seed:
            say(f"the seed has changed since the checkpoint: {state['seed']} -> {self.seed}")
        fit_state(self.model, state["model"], str(source))
        _restore("optimizer", self._optimizer, state["optimizer"], source)
        self.epoch = int(state["epoch"])
        self.best = Best(**state["best"]) if state["best"] else Best()
        for part in self.phases:
            if part.name in state["phases"]:
                _restore("workflow", part.workflow, state["phases"][part.name], source)
            part.workflow.epoch = self.epoch
            for hook, numbers in zip(part.hooks, state["hooks"].get(part.name, []), strict=False):
                restore_numbers(hook, numbers)
        say(f"continuing after epoch {self.epoch} of {source}")

    def save(self) -> None:
        """Write the checkpoint."""
        save_checkpoint(self.session.artifacts.checkpoint, self._state())

    def _check_schedule(self, n_epochs: int) -> None:
        """A schedule that counts batches cannot go on beyond its end."""
        schedule = self.training.workflow.schedule
        steps = getattr(schedule.scheduler, "total_steps", None) if schedule is not None else None
        per_epoch = len(self.training.loader)
        if steps is not None and self.epoch < n_epochs and n_epochs * per_epoch > steps:
            raise TrainingError(
                f"the learning rate schedule ends after {steps // per_epoch} epochs, and {n_epochs} are asked for",
                expected=f"at most {steps // per_epoch} epochs of {per_epoch} batches",
                to_do="start a new run, or give the scheduler its total_steps in the configuration",
            )

    def _due(self, n_epochs: int) -> list[PhaseParts]:
        """Return the phases of this epoch: validation may come every few epochs, and always after the last."""
        done = self.epoch + 1
        every = self.session.experiment.hyper.validate_every
        return self.phases if done % every == 0 or done == n_epochs else [self.training]

    def _one_epoch(self, n_epochs: int) -> list[EpochRow] | None:
        random.seed(int(np.random.SeedSequence((self.seed, self.epoch)).generate_state(1)[0]))
        self._rates = [float(group["lr"]) for group in self._optimizer.param_groups]
        rows = []
        for part in self._due(n_epochs):
            row = self.session.run_epoch(part, self.epoch)
            if row is None:
                return None
            rows.append(row)
        return rows

    def _finish_epoch(self, rows: list[EpochRow], n_epochs: int, summaries: Summaries) -> None:
        session, epoch, rates = self.session, self.epoch, self._rates
        is_judged = len(rows) == len(self.phases)
        is_best = is_judged and self.best.update(rows)
        self.epoch = session.result.n_epochs = epoch + 1
        session.result.best = self.best.facts()
        if is_best:
            self._save_best()
        self.save()
        for row in rows:
            learning_rates = rates if row.phase == "Training" else None
            summaries.add(row, learning_rates)
            session.log_row(row, **({"learning_rates": rates} if learning_rates else {}), best=is_best)
        session.observer.on_epoch(epoch, n_epochs, rows)

    def _save_best(self) -> None:
        best = self.session.artifacts.best
        save_state(best, _weights(self.model))
        self.session.written(best, "best model")

    def _leave(self, n_epochs: int) -> None:
        """At the end there is a model, also when no epoch could be called the best."""
        artifacts, session = self.session.artifacts, self.session
        if self.best.epoch < 0 and self.epoch >= n_epochs:
            self._save_best()
        if artifacts.best.exists():
            session.written(artifacts.best, "best model", announce=False)
        for path, what in ((artifacts.summaries, "TensorBoard curves"), (artifacts.log, "log")):
            if path.exists():
                session.written(path, what, announce=False)
        if session.interrupted:
            where = f"{self.epoch} whole epochs are in {artifacts.checkpoint}"
            session.observer.on_message(f"interrupted; {where}, --resume repeats epoch {self.epoch + 1} from its start")

    @property
    def _optimizer(self) -> torch.optim.Optimizer:
        assert self.training.optimizer is not None, "the Training phase is built with one"
        return self.training.optimizer

    def _state(self) -> dict[str, Any]:
        return {
            "format": 1,
            "model": _weights(self.model),
            "optimizer": optimizer_state(self._optimizer),
            "epoch": self.epoch,
            "best": self.best.facts(),
            "seed": self.seed,
            "config": json.dumps(self.session.experiment.resolved()),
            "config_digest": self.session.experiment.digest,
            "phases": {part.name: part.workflow.state_dict() for part in self.phases},
            "hooks": {part.name: [numbers_of(hook) for hook in part.hooks] for part in self.phases},
        }


def _weights(model: EisenModuleWrapper) -> dict[str, Any]:
    return dict(bare_module(model).state_dict())


def _says_stop(hook: Any) -> bool:
    is_stop = getattr(hook, "is_stop", None)
    return bool(is_stop()) if callable(is_stop) else False


def _restore(what: str, target: Any, state: Any, source: Path) -> None:
    try:
        target.load_state_dict(state)
    except (ValueError, KeyError, RuntimeError) as error:
        raise TrainingError(
            f"the state of the {what} in {source} does not fit: {error}",
            expected=f"a checkpoint of a run with the same {what}",
            to_do=f"start again without --resume, or put the old {what} back",
            file=str(source),
        ) from error
