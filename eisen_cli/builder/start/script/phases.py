"""The parts of a script: a function that lists the cases of a phase, and what is made around the model."""

from __future__ import annotations

from typing import Any

from eisen.config import Entry, Experiment, Phase, locate
from eisen.config.around import case_entry
from eisen.config.signature import signature_of
from eisen.experiments.windows import sliding_window
from eisen.experiments.workflow_entry import workflow_entry
from eisen_cli.builder.start.script.code import Call, Raw, assignment, written
from eisen_cli.builder.start.script.expressions import call_of, wrapped_call
from eisen_cli.builder.start.script.names import Names

__all__ = ["cases_function", "loader_lines", "modules_lines", "workflow_lines"]

_SIDES = ("split", "validation_fraction", "split_seed", "group")
_CHECKS = "eisen.experiments.data_checks"


def cases_function(experiment: Experiment, phase: Phase, names: Names) -> list[str]:
    """Return a function that gives the cases of a phase, read and changed.

    Args:
        experiment: The configuration.
        phase: One of its phases.
        names: Takes the imports.
    """
    folder = Raw("folder")
    readers = [call_of(entry, "Readers", names, data_dir=folder) for entry in phase.readers]
    steps = [*readers, *_content_check(phase, names)]
    steps += [call_of(entry, "Transforms", names) for entry in phase.transforms]
    steps.append(Call(names.of(f"{_CHECKS}.CheckGrids")))
    chain = Call(names.of("eisen.transforms.Compose"), [Raw("steps")])
    dataset = _dataset(experiment, phase, names, chain)
    head = [
        f"def {phase.name.lower()}_cases(folder):",
        f'    """Return the cases of {phase.name}: what is read, and how."""',
    ]
    return [*head, *assignment("steps", steps), *written(dataset, "    return ", "    ")]


def _content_check(phase: Phase, names: Names) -> list[Call]:
    """Return the check that a run puts behind its readers; random steps behind it are numbered on from it."""
    fields = [field for entry in phase.readers for field in _fields_of(entry)]
    if not fields:
        return []
    labels = None if phase.hyper.labels is None else sorted(phase.hyper.labels)
    known = {"labels": labels} if labels is not None else {}
    empty = {"empty": phase.hyper.empty_label} if phase.hyper.empty_label else {}
    return [Call(names.of(f"{_CHECKS}.CheckContent"), [fields], {**known, **empty})]


def _fields_of(entry: Entry) -> list[str]:
    fields = entry.params.get("fields")
    if fields is None:
        fields = getattr(signature_of(locate(entry.type)).parameters.get("fields"), "default", ())
    return [str(field) for field in fields] if isinstance(fields, list | tuple) else []


def _dataset(experiment: Experiment, phase: Phase, names: Names, chain: Call) -> Call:
    folder, entry = Raw("folder"), phase.datasets[0]
    if experiment.split is None or phase.name == "Prediction":
        return call_of(entry, "Datasets", names, data_dir=folder, transform=chain)
    inner = case_entry(entry)
    rows = {name: value for name, value in inner.params.items() if name not in _SIDES}
    part = {"Training": "training", "Validation": "validation", "Testing": "test"}[phase.name]
    cases = call_of(Entry(inner.type, rows), "Datasets", names, data_dir=folder)
    some = Call(names.of("eisen.datasets.SubsetDataset"), [cases, Raw(f"FOLD.{part}")])
    if inner is entry:
        return Call(some.name, some.args, {"transform": chain})
    outer = {name: Raw("None") if name == "dataset" else value for name, value in entry.params.items()}
    made = call_of(Entry(entry.type, outer), "Datasets", names, data_dir=folder, transform=chain)
    return Call(made.name, (), {**made.kwargs, "dataset": some})


def loader_lines(phase: Phase, names: Names) -> list[str]:
    """Return the line that makes the loader of a phase."""
    hyper, is_training = phase.hyper, phase.name == "Training"
    options: dict[str, Any] = {"batch_size": hyper.batch_size}
    if is_training:
        options["shuffle"] = True
    if phase.sampler:
        options["sampler"] = call_of(phase.sampler[0], "Sampler", names)
    options |= {"n_workers": hyper.n_workers, "seed": Raw("SEED")}
    if hyper.workers != "processes":
        options["workers"] = hyper.workers
    cases = Call(f"{phase.name.lower()}_cases", [Raw("folder")])
    return assignment(
        "batches" if is_training else f"{phase.name.lower()}_batches",
        Call(names.of("eisen.datasets.Loader"), [cases], options),
    )


def modules_lines(phase: Phase, role: str, names: Names) -> list[str]:
    """Return the lines that make the losses or metrics of a phase; none if it has none."""
    entries = phase.entries(role)
    made = [wrapped_call(entry, role, names) for entry in entries]
    return assignment(_variable(phase, role), made) if made else []


def _variable(phase: Phase, role: str) -> str:
    return role.lower() if phase.name == "Training" else f"{phase.name.lower()}_{role.lower()}"


def workflow_lines(phase: Phase, names: Names, **more: Any) -> list[str]:
    """Return the lines that make the workflow of a phase, and tell it about windows and steps for batches.

    Args:
        phase: The phase.
        names: Takes the imports.
        **more: Code for what belongs to training only.
    """
    entry = workflow_entry(phase)
    average = _average(phase, names) if "average" in entry.params else None
    params = {name: value for name, value in entry.params.items() if name != "average"}
    is_training = phase.name == "Training"
    given: dict[str, Any] = {
        "model": Raw("model"),
        "data_loader": Raw("batches" if is_training else f"{phase.name.lower()}_batches"),
        **{role.lower(): Raw(_variable(phase, role)) if phase.entries(role) else [] for role in ("Losses", "Metrics")},
        **more,
    }
    made = call_of(Entry(entry.type, params, entry.where), "Workflow", names, **given)
    arguments = {name: value for name, value in made.kwargs.items() if value != []}
    if average is not None:
        arguments["average"] = average
    if "scheduler" in more:
        arguments["scheduler"] = more["scheduler"]
    name = phase.name.lower()
    lines = assignment(name, Call(made.name, (), arguments))
    windows = None if is_training else sliding_window(phase.hyper)
    if windows is not None and phase.hyper.sliding_window is not None:
        lines += assignment(f"{name}.windows", _windows(phase, names))
    return lines + _batch_steps(phase, names, name)


def _average(phase: Phase, names: Names) -> Call:
    hyper = phase.hyper
    kind, value = ("EMA", hyper.ema) if hyper.ema is not None else ("SWA", hyper.swa)
    return Call(names.of(f"eisen.utils.workflows.{kind}"), [value])


def _windows(phase: Phase, names: Names) -> Call:
    """Return the sliding window of a phase, without what is so anyway."""
    settings, memory = phase.hyper.sliding_window, phase.hyper.memory
    assert settings is not None
    usual = type(settings)([1, 1]).arguments()
    given = {name: value for name, value in settings.arguments().items() if value != usual[name]}
    if memory and settings.memory is None:
        given["memory"] = memory
    return Call(names.of("eisen.patches.SlidingWindow"), (), given)


def _batch_steps(phase: Phase, names: Names, name: str) -> list[str]:
    """Return the steps on whole batches, numbered on from those on single cases, as random steps want it."""
    if not phase.batch_transforms:
        return []
    steps = [call_of(entry, "BatchTransforms", names) for entry in phase.batch_transforms]
    before = len(phase.readers) + len(_content_check(phase, names)) + len(phase.transforms)
    options = {"seed": Raw("SEED"), "first_step": before}
    return assignment(f"{name}.batch_transform", Call(names.of("eisen.transforms.BatchCompose"), [steps], options))
