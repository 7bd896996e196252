"""The lines of a script that make optimizers and their schedules."""

from __future__ import annotations

from typing import Any

from eisen.config import Entry, Phase, locate
from eisen_cli.builder.start.script.code import Call, Raw, assignment, quoted
from eisen_cli.builder.start.script.expressions import call_of
from eisen_cli.builder.start.script.names import Names

__all__ = ["chosen_weights", "optimizer_lines", "schedule_lines"]

_WEIGHTS = '''def weights_of(network, patterns):
    """Return the weights whose names fit one of the patterns."""
    named = network.named_parameters()
    return [w for name, w in named if any(fnmatchcase(name, p) or name.startswith(f"{p}.") for p in patterns)]'''


def chosen_weights(phase: Phase, names: Names) -> list[str]:
    """Return the function that finds weights by name, if an optimizer asks for some."""
    if not any("weights" in entry.params for entry in phase.optimizer):
        return []
    names.of("fnmatch.fnmatchcase")
    return _WEIGHTS.split("\n")


def optimizer_lines(phase: Phase, names: Names) -> list[str]:
    """Return the lines that make the optimizer of a training, or several by name."""
    made = [call_of(entry, "Optimizer", names, params=_weights(entry)) for entry in phase.optimizer]
    if len(made) == 1 and "name" not in phase.optimizer[0].params:
        return assignment("optimizer", made[0])
    return assignment("optimizers", dict(zip(_names(phase), made, strict=True)))


def _names(phase: Phase) -> list[str]:
    return [str(entry.params.get("name", f"optimizer {n}")) for n, entry in enumerate(phase.optimizer)]


def _weights(entry: Entry) -> Any:
    if "weights" in entry.params:
        return Call("weights_of", [Raw("network"), list(entry.params["weights"])])
    return Raw("network.parameters()")


def schedule_lines(phase: Phase, names: Names) -> list[str]:
    """Return the lines that make the schedules of a training; none if it has none."""
    if not phase.scheduler:
        return []
    accumulate = phase.hyper.accumulate or 1
    steps = "len(batches)" if accumulate == 1 else f"-(-len(batches) // {accumulate})"
    made = {_optimizer_of(entry, phase): _schedule(entry, phase, names, steps) for entry in phase.scheduler}
    if _is_single(phase):
        return assignment("schedule", next(iter(made.values())))
    return assignment("schedules", made)


def _is_single(phase: Phase) -> bool:
    return len(phase.optimizer) == 1 and "name" not in phase.optimizer[0].params


def _optimizer_of(entry: Entry, phase: Phase) -> str:
    only = _names(phase)[0] if len(phase.optimizer) == 1 else ""
    return str(entry.params.get("optimizer_name", only))


def _schedule(entry: Entry, phase: Phase, names: Names, steps: str) -> Call:
    from eisen.utils.workflows.schedule import natural_pace

    kind = locate(entry.type)
    every = entry.params.get("every") or (natural_pace(kind) if isinstance(kind, type) else "epoch")
    length = Raw(f"n_epochs * {steps}" if every == "batch" else "n_epochs")
    filled: dict[str, Any] = {"T_max": length}
    if not {"epochs", "steps_per_epoch"} & set(entry.params):
        filled["total_steps"] = length
    target = "optimizer" if _is_single(phase) else f"optimizers[{quoted(_optimizer_of(entry, phase))}]"
    made = call_of(entry, "Scheduler", names, optimizer=Raw(target), **filled)
    told = {key: entry.params[key] for key in ("every", "monitor") if entry.params.get(key)}
    return Call(names.of("eisen.utils.workflows.Schedule"), [made], told) if told else made
