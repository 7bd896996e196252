"""Training steps without a training: nothing is written, nobody listens, nothing is kept."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen._core.errors import NonFiniteLossError
from eisen.config import Experiment
from eisen.experiments.parts import PhaseParts, build_model, build_phase, needed_phase

if TYPE_CHECKING:
    from eisen.utils.workflows import GenericWorkflow

__all__ = ["batches_for_ever", "loss_of_step", "training_parts", "undisturbed"]


def training_parts(experiment: Experiment, data_dir: str | Path, command: str, **changes: Any) -> PhaseParts:
    """Build the Training phase of a configuration without its hooks and its schedule.

    Args:
        experiment: The configuration.
        data_dir: Folder of the data.
        command: Who asks, for messages.
        **changes: Other hyperparameters than those of the configuration.

    Raises:
        ConfigError: If there is no Training phase, or it lacks a part.
        EmptyDatasetError: If there is no case.
    """
    phase = needed_phase(experiment, "Training", command)
    phase = replace(phase, scheduler=[], hooks=[], metrics=[], hyper=replace(phase.hyper, **changes))
    return build_phase(experiment, phase, build_model(experiment), Path(data_dir), None)


def batches_for_ever(loader: Any) -> Iterator[Any]:
    """Yield batches, epoch after epoch.

    Args:
        loader: A loader, or any iterable of batches.
    """
    epoch = 0
    while True:
        if hasattr(loader, "set_epoch"):
            loader.set_epoch(epoch)
        yield from loader
        epoch += 1


def loss_of_step(workflow: GenericWorkflow, batch: Any) -> float:
    """Do one training step and return the sum of its losses; NaN when it is no number.

    Args:
        workflow: The workflow.
        batch: A batch from its loader.
    """
    from eisen.utils.workflows.guard import total_loss

    try:
        _, losses, _ = workflow(workflow.prepare(batch))
        workflow.guard.flush()
    except NonFiniteLossError:
        return math.nan
    total = total_loss(losses)
    return math.nan if total is None else float(total.detach())


@contextmanager
def undisturbed(workflow: GenericWorkflow) -> Iterator[None]:
    """Put a workflow into training mode, and afterwards put back weights, optimizers, schedule, metrics and mode.

    Args:
        workflow: The workflow. Its schedule rests meanwhile, and its metrics are not computed.
    """
    import torch

    from eisen.utils.workflows.update import named_optimizers

    model = workflow.model
    before = {name: value.detach().clone() for name, value in model.state_dict().items()}
    optimizers = named_optimizers(workflow.optimizer)
    states = {name: copy.deepcopy(optimizer.state_dict()) for name, optimizer in optimizers.items()}
    parts = {name: getattr(workflow, name) for name in ("schedule", "metrics", "average")}
    scaler = workflow.precision.scaler
    scale = None if scaler is None else scaler.state_dict()
    was_training = model.training
    workflow.schedule, workflow.metrics, workflow.average = None, [], None
    try:
        with torch.random.fork_rng(), torch.enable_grad():
            model.train(True)
            yield
    finally:
        workflow.stepping.forget()
        workflow.guard.forget()
        for name, value in parts.items():
            setattr(workflow, name, value)
        model.load_state_dict(before)
        for name, optimizer in optimizers.items():
            optimizer.zero_grad(set_to_none=True)
            optimizer.load_state_dict(states[name])
        if scaler is not None and scale is not None:
            scaler.load_state_dict(scale)
        model.train(was_training)
