"""The learning rate schedules of a training, from the entries under ``Scheduler``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from eisen._core.errors import ConfigError, EisenError, Problem, TrainingError, nearest
from eisen.config import Entry, build, locate

if TYPE_CHECKING:
    from eisen.utils.workflows import Schedule, Schedules

__all__ = ["build_schedule", "demand_room", "remark_on_length", "schedules_of"]

_ONLY = "default"


def build_schedule(entries: Sequence[Entry], optimizer: Any, n_epochs: int, n_steps: int) -> Schedule | Schedules:
    """Build the schedules of the optimizers of a phase.

    Args:
        entries: The entries; with several optimizers each names its own with ``optimizer_name``.
        optimizer: The optimizer, or several by name.
        n_epochs: How many epochs there will be; how long the training is need not stand in the file.
        n_steps: How many times the weights change in an epoch.

    Raises:
        ConfigError: If an entry names no optimizer, or two name the same.
    """
    from eisen.utils.workflows import Schedules

    optimizers = dict(optimizer) if isinstance(optimizer, Mapping) else {_ONLY: optimizer}
    built: dict[str, Schedule] = {}
    for entry in entries:
        name = _name(entry, optimizers)
        if name in built:
            raise ConfigError([Problem(entry.where, f"the optimizer '{name}' has two schedules", "one for each")])
        built[name] = _schedule(entry, optimizers[name], n_epochs, n_steps)
    return built[_ONLY] if list(built) == [_ONLY] else Schedules(built)


def _name(entry: Entry, optimizers: Mapping[str, Any]) -> str:
    name = entry.params.get("optimizer_name", next(iter(optimizers)) if len(optimizers) == 1 else "")
    if name not in optimizers:
        expected = nearest(name, optimizers) or f'"optimizer_name": one of {", ".join(optimizers)}'
        what = f"there is no optimizer '{name}'" if name else "it does not say whose learning rate it changes"
        raise ConfigError([Problem(f"{entry.where}.params", what, expected)])
    return str(name)


def _schedule(entry: Entry, optimizer: Any, n_epochs: int, n_steps: int) -> Schedule:
    from eisen.utils.workflows import Schedule
    from eisen.utils.workflows.schedule import natural_pace

    kind = locate(entry.type)
    every = entry.params.get("every") or (natural_pace(kind) if isinstance(kind, type) else "epoch")
    length = n_epochs * n_steps if every == "batch" else n_epochs
    filled = {"T_max": length}
    if not {"epochs", "steps_per_epoch"} & set(entry.params):
        filled["total_steps"] = length
    try:
        return Schedule(build(entry, "Scheduler", optimizer=optimizer, **filled), every, entry.params.get("monitor"))
    except EisenError as error:
        raise error.note(config=entry.where) from error.__cause__


def schedules_of(schedule: Schedule | Schedules | None) -> list[Schedule]:
    """Return the single schedules."""
    return [] if schedule is None else list(getattr(schedule, "schedules", {"": schedule}).values())


def demand_room(schedule: Schedule | Schedules | None, n_epochs: int, n_steps: int) -> None:
    """Raise if a schedule that knows its length ends before the training does.

    Args:
        schedule: The schedules.
        n_epochs: How many epochs there will be.
        n_steps: How many times the weights change in an epoch.

    Raises:
        TrainingError: If it does.
    """
    for each in schedules_of(schedule):
        total = getattr(each.scheduler, "total_steps", None)
        per_epoch = n_steps if each.every == "batch" else 1
        if total is not None and n_epochs * per_epoch > total:
            raise TrainingError(
                f"the learning rate schedule ends after {total // per_epoch} epochs, and {n_epochs} are asked for",
                expected=f"at most {total // per_epoch} epochs of {n_steps} steps",
                to_do=f"start a new run of {n_epochs} epochs in another --artifact_dir, without --resume: "
                "a schedule that has begun cannot be made longer",
            )


def remark_on_length(schedule: Schedule | Schedules | None, n_epochs: int, n_steps: int) -> str:
    """Return what to know about a schedule that was made for fewer epochs and does not mind; empty if there is nothing.

    Args:
        schedule: The schedules.
        n_epochs: How many epochs there will be.
        n_steps: How many times the weights change in an epoch.
    """
    for each in schedules_of(schedule):
        length = getattr(each.scheduler, "T_max", None)
        per_epoch = n_steps if each.every == "batch" else 1
        if isinstance(length, int) and n_epochs * per_epoch > length:
            name = type(each.scheduler).__name__
            return f"{name} was made for {length // per_epoch} epochs: after them the learning rate rises again"
    return ""
