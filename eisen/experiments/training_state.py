"""What a checkpoint of a training holds, and going on from it."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen._core import random
from eisen._core.errors import TrainingError
from eisen.experiments.best import Best
from eisen.experiments.checkpoint import load_checkpoint
from eisen.experiments.hook_state import hook_state, restore_hook
from eisen.experiments.optimizers import optimizer_state
from eisen.experiments.provenance import Fingerprint, check_resume
from eisen.experiments.records import EpochRow
from eisen.experiments.weights import bare_module, fit_state

if TYPE_CHECKING:
    from eisen.experiments.training import Trainer
    from eisen.utils import EisenModuleWrapper
    from eisen.utils.distributed import Distribution

__all__ = ["FORMAT", "resumed", "training_state", "weights_of"]

FORMAT = 2
"""Version 1 had one optimizer, and nothing of the middle of an epoch."""


def weights_of(model: EisenModuleWrapper, distribution: Distribution | None = None) -> dict[str, Any]:
    """Return the weights of a model by name, without any wrapper, and whole where they are spread over processes.

    Args:
        model: The model.
        distribution: The processes; all of them have to call it.
    """
    weights = dict(bare_module(model).state_dict())
    return weights if distribution is None else dict(distribution.full_state(weights))


def training_state(trainer: Trainer) -> dict[str, Any]:
    """Return everything that is needed to go on, as tensors, numbers, text, lists and dicts.

    Args:
        trainer: The training, between two batches.
    """
    average, experiment = trainer.average, trainer.session.experiment
    with average.suspended() if average is not None else nullcontext():
        model = weights_of(trainer.model, trainer.session.distribution)
        phases = {part.name: part.workflow.state_dict() for part in trainer.phases}
    return {
        "format": FORMAT,
        "model": model,
        "optimizers": _optimizer_states(trainer),
        "epoch": trainer.epoch,
        "best": trainer.best.facts(),
        "seed": trainer.seed,
        "config": json.dumps(experiment.resolved()),
        "config_digest": experiment.digest,
        "fingerprint": json.dumps(trainer.fingerprint.facts),
        "phases": phases,
        "hooks": {part.name: [hook_state(hook) for hook in part.hooks] for part in trainer.phases},
        "history": "\n".join(trainer.history.lines),
        "within": _within(trainer),
    }


def _optimizer_states(trainer: Trainer) -> dict[str, Any]:
    states = {name: optimizer_state(each) for name, each in trainer.training.optimizers.items()}
    distribution = trainer.session.distribution
    return states if distribution is None else dict(distribution.full_state(states))


def _within(trainer: Trainer) -> dict[str, Any]:
    """Return where in an epoch the training is; empty between two epochs."""
    if not trainer.done and trainer.progress is None:
        return {}
    return {
        "done": json.dumps([vars(row) for row in trainer.done]),
        "progress": trainer.progress,
        "rates": trainer.rates,
        "random": random.snapshot(),
        "random_of_others": _random_of_others(trainer),
    }


def _random_of_others(trainer: Trainer) -> list[dict[str, Any]]:
    """Return the state of the generators of the processes from the second one on."""
    distribution = trainer.session.distribution
    return [] if distribution is None else distribution.gather(random.snapshot())[1:]


def resumed(trainer: Trainer, path: Path, *, force: bool) -> None:
    """Let a training go on from a checkpoint.

    Args:
        trainer: A training that has not run yet.
        path: The checkpoint.
        force: Go on although something has changed that matters.

    Raises:
        TrainingError: If the checkpoint does not fit.
    """
    state, source = _read(trainer, path)
    say = trainer.session.say
    if source != path:
        say(f"{path.name} is damaged; continuing from {source.name}")
    _demand_unchanged(trainer, state, path.parent, force)
    fit_state(trainer.model, state["model"], str(source), trainer.session.distribution)
    _restore_optimizers(trainer, state.get("optimizers") or {"default": state["optimizer"]}, source)
    trainer.epoch = int(state["epoch"])
    trainer.best = Best(**state["best"]) if state["best"] else Best()
    trainer.history.lines = state.get("history", "").splitlines()
    for part in trainer.phases:
        if part.name in state["phases"]:
            _restore("workflow", part.workflow.load_state_dict, state["phases"][part.name], source)
        part.workflow.epoch = trainer.epoch
        for hook, saved in zip(part.hooks, state["hooks"].get(part.name, []), strict=False):
            restore_hook(hook, saved)
    _enter(trainer, state.get("within") or {})
    at = f" and {trainer.progress['batch']} batches" if trainer.progress else ""
    say(f"continuing after {trainer.epoch} whole epochs{at} of {source}")


def _read(trainer: Trainer, path: Path) -> tuple[dict[str, Any], Path]:
    """Read the checkpoint; the main process does it for all, so nobody else has to see its folder."""
    distribution = trainer.session.distribution
    if distribution is None:
        return load_checkpoint(path)
    found: tuple[dict[str, Any], Path] = distribution.broadcast(load_checkpoint(path) if distribution.is_main else None)
    return found


def _demand_unchanged(trainer: Trainer, state: dict[str, Any], folder: Path, force: bool) -> None:
    if not trainer.session.is_main:
        return
    saved = json.loads(state.get("fingerprint", "null")) or {
        "config": json.loads(state["config"]),
        "seed": state["seed"],
    }
    old = Fingerprint.of(saved, folder)
    check_resume(old, trainer.fingerprint, force, trainer.session.say)


def _enter(trainer: Trainer, within: dict[str, Any]) -> None:
    """Take up the middle of an epoch."""
    if not within:
        return
    trainer.done = [EpochRow(**row) for row in json.loads(within["done"])]
    trainer.progress, trainer.rates, trainer.random = within["progress"], within["rates"], _own_random(trainer, within)
    for row, part in zip(trainer.done, trainer.phases, strict=False):
        part.workflow.epoch = row.epoch + 1


def _own_random(trainer: Trainer, within: dict[str, Any]) -> dict[str, Any] | None:
    """Return the state of this process's generators; None if the checkpoint has none: then they are seeded anew."""
    distribution = trainer.session.distribution
    states: list[dict[str, Any]] = [within["random"], *within.get("random_of_others", [])]
    rank = 0 if distribution is None else distribution.rank
    return states[rank] if rank < len(states) else None


def _restore_optimizers(trainer: Trainer, states: dict[str, Any], source: Path) -> None:
    own = trainer.training.optimizers
    if set(own) != set(states):
        raise TrainingError(
            f"{source} has the optimizers {', '.join(states)}, the configuration has {', '.join(own)}",
            expected="the same optimizers",
            to_do="start again without --resume, or put the old ones back",
            file=str(source),
        )
    for name, optimizer in own.items():
        distribution = trainer.session.distribution
        load = optimizer.load_state_dict if distribution is None else partial(distribution.load_optimizer, optimizer)
        _restore("optimizer", load, states[name], source)


def _restore(what: str, load: Callable[[Any], Any], state: Any, source: Path) -> None:
    try:
        load(state)
    except (ValueError, KeyError, RuntimeError) as error:
        raise TrainingError(
            f"the state of the {what} in {source} does not fit: {error}",
            expected=f"a checkpoint of a run with the same {what}",
            to_do=f"start again without --resume, or put the old {what} back",
            file=str(source),
        ) from error
