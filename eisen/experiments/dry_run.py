"""A dry run: build everything, look at every step, push one batch through, write nothing."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter
from typing import Any

from eisen._core import random
from eisen._core.errors import ArgumentError, ConfigError, EisenError, Problem, nearest
from eisen._core.types import DataPoint
from eisen.config import Experiment, Phase
from eisen.experiments.describe_fields import describe_fields
from eisen.experiments.dry_batch import follow_batch, forward_backward, numbers
from eisen.experiments.dry_watch import Stage, Watch, watched
from eisen.experiments.evaluating import evaluation_of
from eisen.experiments.parts import PhaseParts, build_model, build_phase, seed_of
from eisen.experiments.records import CheckReport, StepReport
from eisen.experiments.reproduce import Commands
from eisen.transforms import Compose

__all__ = ["check"]


def check(
    experiment: Experiment,
    data_dir: str | Path = "./data",
    phase: str | None = None,
    case: int | str | None = None,
    epoch: int = 0,
    watch: Watch | None = None,
) -> CheckReport:
    """Build everything a phase needs, read one case and push its batch through, and report what came out of each step.

    Nothing is written. Case, batch and random numbers are those the run would have in this epoch; the weights are
    those of a new model.

    Args:
        experiment: The configuration, from `eisen.config.read_config`.
        data_dir: Folder of the data.
        phase: ``"Training"``, ``"Validation"``, ``"Testing"`` or ``"Prediction"``; default is the first the
            configuration has.
        case: Number of the case from 0, or a part of its name; default is the first case.
        epoch: Epoch whose random numbers are used, from 0.
        watch: Is told of every step as it begins and ends; with that, what came before an error is known as well.

    Raises:
        ConfigError: If the configuration lacks the phase or a part of it.
        ArgumentError: If there is no such case.
        EisenError: Whatever is wrong, with the command that shows it again.
    """
    watch = watch or Watch()
    chosen = _phase(experiment, phase)
    evaluation_of(experiment, chosen)
    try:
        model = build_model(experiment)
        parts = build_phase(experiment, chosen, model, Path(data_dir), None)
        parts.loader.n_workers = 0
        index = find_case(parts.loader.dataset, case)
        watch.opened(parts.loader.dataset, index)
        steps = _steps(parts, index, epoch, seed_of(experiment), watch)
        return _pushed_through(experiment, parts, index, epoch, steps, watch)
    except EisenError as error:
        if error.card.case:
            command = Commands(experiment, Path(data_dir)).check(chosen.name, epoch, error.card.case)
            raise error.note(reproduce=command) from error.__cause__
        raise


def find_case(dataset: Any, case: int | str | None) -> int:
    """Return the number of a case.

    Args:
        dataset: A map-style dataset.
        case: Its number, or a part of its name; None is the first.

    Raises:
        ArgumentError: If there is none, or more than one.
    """
    n = len(dataset)
    if case is None or isinstance(case, int):
        index = case or 0
        if not -n <= index < n:
            raise ArgumentError(f"there is no case {index}", expected=f"a number from 0 to {n - 1}")
        return index % n
    names = [dataset.case_name(i) if hasattr(dataset, "case_name") else f"#{i}" for i in range(n)]
    found = [i for i, name in enumerate(names) if case in name]
    if len(found) != 1:
        what = f"{len(found)} cases have '{case}' in their name" if found else f"no case has '{case}' in its name"
        shown = ", ".join(names[i] for i in (found or range(n))[:5])
        raise ArgumentError(what, expected=f"one case, e.g. one of {shown}", to_do=nearest(case, names))
    return found[0]


def _phase(experiment: Experiment, name: str | None) -> Phase:
    """Return the phase by name; a missing Prediction phase is what `predict` would use instead."""
    from eisen.experiments.predict import prediction_phase

    if name == "Prediction":
        return prediction_phase(experiment)
    usable = [phase for phase in experiment.phases.values() if phase.datasets and name in (None, phase.name)]
    if not usable:
        has = ", ".join(experiment.phases) or "none"
        problem = Problem(name or "Training", "check: there is no such phase with Datasets", f"it has: {has}")
        raise ConfigError([problem])
    return usable[0]


def _steps(parts: PhaseParts, index: int, epoch: int, seed: int, watch: Watch) -> list[StepReport]:
    """Run the chain step by step where it can be taken apart; errors come from the ordinary way of reading."""
    dataset = parts.loader.dataset
    chain, name = getattr(dataset, "transform", None), type(dataset).__name__
    watch.begins("dataset", name, parts.phase.datasets[0].where)
    if not isinstance(chain, Compose) or not hasattr(dataset, "read"):
        return []
    reports = []
    with random.sample(seed, epoch, index):
        data: DataPoint = dataset.read(index)
        reports.append(StepReport(0, name, "", describe_fields(data)))
        watch.ended(Stage("dataset", name, parts.phase.datasets[0].where, reports[0].fields, data))
        for number, (step, place) in enumerate(zip(chain.transforms, chain.places, strict=True)):
            name = type(step).__name__
            watch.begins("step", name, place)
            started = perf_counter()
            try:
                with random.step(number):
                    after = step(data)
            except Exception:  # read again below, where the card gets all its facts
                return reports
            seconds = perf_counter() - started
            reports.append(StepReport(number + 1, name, place, describe_fields(after, before=data), seconds))
            watch.ended(Stage("step", name, place, reports[-1].fields, after, 0, seconds))
            data = after
    return reports


def _pushed_through(
    experiment: Experiment, parts: PhaseParts, index: int, epoch: int, steps: list[StepReport], watch: Watch
) -> CheckReport:
    loader, workflow = parts.loader, parts.workflow
    if steps and len(steps) > len(loader.dataset.transform.transforms):
        watch.begins("batch", "batch", "")
    batch, name = _batch_with(loader, index, epoch)
    shown, element = describe_fields(batch), batch.cases.index(name)
    watch.ended(Stage("batch", "batch", "", shown, batch, element))
    batch, batch_steps = follow_batch(workflow, batch, epoch, watch, element)
    started = perf_counter()
    with watched(workflow, watch, _places(experiment, parts), element):
        outputs, losses, metrics, norm = forward_backward(workflow, batch, trains=parts.name == "Training")
    return CheckReport(
        phase=parts.name,
        case=name,
        n_cases=len(loader.dataset),
        n_batches=len(loader),
        steps=steps,
        batch=shown,
        batch_steps=batch_steps,
        outputs=describe_fields(outputs),
        losses=numbers(losses),
        metrics=numbers(metrics),
        n_parameters=sum(p.numel() for p in workflow.model.parameters() if p.requires_grad),
        gradient_norm=norm,
        seconds=perf_counter() - started,
        repairs=list(experiment.repairs),
    )


def _places(experiment: Experiment, parts: PhaseParts) -> dict[int, str]:
    """Return where model, losses and metrics stand in the configuration, by their `id`."""
    workflow, phase = parts.workflow, parts.phase
    modules = [workflow.model, *workflow.losses, *workflow.metrics]
    entries = [experiment.models[0], *phase.losses, *phase.metrics]
    return {id(module): entry.where for module, entry in zip(modules, entries, strict=False)}


def _batch_with(loader: Any, index: int, epoch: int) -> tuple[Any, str]:
    """Return the batch of an epoch that holds a case, and the name of the case."""
    members = [indices for _, indices in loader._keys(epoch)]
    number = next((i for i, indices in enumerate(members) if index in indices), None)
    if number is None:  # a sampler that does not draw the case in this epoch
        batch = next(loader._read_here([(epoch, (index,))]))
        return batch, batch.cases[0]
    loader.set_epoch(epoch)
    loader.start_at(number)
    batch = next(iter(loader))
    return batch, batch.cases[members[number].index(index)]
