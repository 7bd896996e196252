"""From the entries of a configuration to the objects of a phase."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen._core.errors import ArgumentError, ConfigError, Problem
from eisen.config import Entry, Experiment, Phase, build, locate
from eisen.experiments.chain import build_batch_chain, build_dataset
from eisen.experiments.optimizers import build_optimizers
from eisen.experiments.schedules import build_schedule
from eisen.experiments.weights import bare_module
from eisen.experiments.windows import sliding_window
from eisen.experiments.workflow_entry import workflow_entry

if TYPE_CHECKING:
    import torch

    from eisen.datasets.loading import Loader
    from eisen.utils import EisenModuleWrapper
    from eisen.utils.distributed import Distribution
    from eisen.utils.workflows import GenericWorkflow

__all__ = ["DEFAULT_SEED", "PhaseParts", "build_model", "build_phase", "needed_phase", "seed_of"]

DEFAULT_SEED = 0
"""Used when the configuration has no ``.Seed``, so that every run can be repeated."""


@dataclass
class PhaseParts:
    """The objects of one phase.

    Args:
        phase: What the configuration says.
        loader: Batches of its data.
        workflow: One pass over them.
        optimizer: In Training; several by name.
        hooks: What listens to the workflow; held here because some signals hold their receivers weakly.
    """

    phase: Phase
    loader: Loader
    workflow: GenericWorkflow
    optimizer: torch.optim.Optimizer | Mapping[str, torch.optim.Optimizer] | None = None
    hooks: list[Any] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Name of the phase."""
        return self.phase.name

    @property
    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """The optimizers by name; the only one is called ``"default"``."""
        from eisen.utils.workflows.update import named_optimizers

        return named_optimizers(self.optimizer)


def seed_of(experiment: Experiment) -> int:
    """Return the seed of a run."""
    seed = experiment.hyper.seed
    return DEFAULT_SEED if seed is None else seed


def needed_phase(experiment: Experiment, name: str, command: str) -> Phase:
    """Return a phase that a command cannot do without.

    Raises:
        ConfigError: If the configuration does not have it.
    """
    phase = experiment.phases.get(name)
    if phase is None or not phase.datasets:
        missing = f"the section '{name}' is missing" if phase is None else f"'{name}' has no Datasets"
        has = ", ".join(experiment.phases) or "none"
        raise ConfigError(
            [Problem(name, f"{command}: {missing}", f"a phase with a dataset; the phases are: {has}", experiment.path)]
        )
    return phase


def build_model(experiment: Experiment) -> EisenModuleWrapper:
    """Seed everything and build the one model that all phases share."""
    from eisen._core import random

    if not experiment.models:
        problem = Problem("General.Models", "there is no model", "one entry with type and params", experiment.path)
        raise ConfigError([problem])
    import torch

    if experiment.hyper.threads is not None:
        torch.set_num_threads(experiment.hyper.threads)
    if experiment.hyper.deterministic:
        _compute_repeatably()
    random.seed(seed_of(experiment))
    return wrapped(experiment.models[0], "Models")


def _compute_repeatably() -> None:
    """Let PyTorch use algorithms only that give the same bits every time; the others raise an error."""
    import torch

    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(True)
    torch.backends.cudnn.benchmark = False


def wrapped(entry: Entry, role: str) -> EisenModuleWrapper:
    """Build a model, loss or metric and name what goes in and comes out."""
    from eisen.utils import EisenModuleWrapper

    return EisenModuleWrapper(build(entry, role), list(entry.input_names), list(entry.output_names))


def build_phase(
    experiment: Experiment,
    phase: Phase,
    model: EisenModuleWrapper,
    data_dir: Path,
    artifact_dir: Path | None,
    *,
    n_epochs: int = 1,
    keeps_models: bool = True,
    distribution: Distribution | None = None,
) -> PhaseParts:
    """Build everything a phase needs around a model.

    Args:
        experiment: The configuration.
        phase: One of its phases.
        model: The model that all phases share.
        data_dir: Folder of the data.
        artifact_dir: Where hooks write; None builds no hooks.
        n_epochs: How many epochs there will be, for schedules that need to know.
        keeps_models: False leaves out the hooks that keep the best model: they would replace it by the one looked at.
        distribution: The processes that do it together; None for one. Hooks are built in the main one only.

    Raises:
        ConfigError: If a part is missing.
        EmptyDatasetError: If there is no case.
    """
    loader = build_loader(experiment, phase, data_dir)
    losses, metrics = ([wrapped(entry, role) for entry in phase.entries(role)] for role in ("Losses", "Metrics"))
    optimizer = None
    if phase.name == "Training":
        if not _makes_losses(phase):
            _demand(experiment, phase, "Losses", phase.losses)
        _demand(experiment, phase, "Optimizer", phase.optimizer)
        optimizer = build_optimizers(phase.optimizer, bare_module(model), phase.hyper.freeze or ())
    injected = {"model": model, "data_loader": loader, "losses": losses, "metrics": metrics}
    if optimizer is not None:
        injected["optimizer"] = optimizer
    workflow = build(workflow_entry(phase), "Workflow", **injected)
    if phase.name != "Training":
        workflow.windows = sliding_window(phase.hyper)
    if phase.batch_transforms:
        chain = getattr(loader.dataset, "transform", None)
        workflow.batch_transform = build_batch_chain(phase, chain, seed_of(experiment))
    if distribution is not None:
        loader.divide(
            distribution.rank, distribution.size, "cases" if phase.name == "Training" else "batches", even=True
        )
        workflow.distribute(distribution)
    parts = PhaseParts(phase, loader, workflow, optimizer)
    if phase.scheduler:
        steps = -(-len(loader) // (phase.hyper.accumulate or 1))
        workflow.schedule = build_schedule(phase.scheduler, optimizer, n_epochs, steps)
    if artifact_dir is not None and (distribution is None or distribution.is_main):
        entries = [entry for entry in phase.hooks if keeps_models or not _keeps_models(entry)]
        parts.hooks = _hooks(entries, workflow, phase.name, artifact_dir)
    return parts


def build_loader(experiment: Experiment, phase: Phase, data_dir: Path) -> Loader:
    """Build dataset and loader of a phase; only Training is shuffled.

    Raises:
        ArgumentError: If a training batch is larger than the dataset; elsewhere one smaller batch does no harm.
    """
    from eisen.datasets.loading import Loader

    dataset, is_training = build_dataset(experiment, phase, data_dir), phase.name == "Training"
    batch_size = phase.hyper.batch_size
    if is_training and batch_size > len(dataset) > 0:
        raise ArgumentError(
            f"a training batch of {batch_size} is larger than the dataset of {len(dataset)}",
            expected=f".BatchSize of at most {len(dataset)}",
            to_do=f"--set Training.BatchSize={len(dataset)}, or look for missing cases in the dataset",
            config=phase.datasets[0].where,
        )
    return Loader(
        dataset,
        batch_size=batch_size,
        shuffle=is_training,
        sampler=build(phase.sampler[0], "Sampler") if phase.sampler else None,
        n_workers=phase.hyper.n_workers,
        workers=phase.hyper.workers,
        seed=seed_of(experiment),
    )


def _demand(experiment: Experiment, phase: Phase, section: str, entries: Sequence[Entry]) -> None:
    if not entries:
        where = f"{phase.name}.{section}"
        raise ConfigError([Problem(where, "training needs at least one entry here", "", experiment.path)])


def _makes_losses(phase: Phase) -> bool:
    """Tell whether the workflow brings its own losses, as that of a GAN does."""
    return any(getattr(locate(entry.type), "makes_losses", False) for entry in phase.workflow)


def _keeps_models(entry: Entry) -> bool:
    from eisen.utils.artifacts.best import BestModelHook

    kind = locate(entry.type)
    return isinstance(kind, type) and issubclass(kind, BestModelHook)


def _hooks(entries: Sequence[Entry], workflow: GenericWorkflow, phase: str, artifact_dir: Path) -> list[Any]:
    place = {"workflow_id": workflow.id, "phase": phase, "artifacts_dir": str(artifact_dir)}
    return [build(entry, "Hooks", **place) for entry in entries]
