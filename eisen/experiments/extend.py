"""Whether a training that is there can go on for more epochs than it was started for."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from eisen._core.errors import ArgumentError, MissingFileError
from eisen.experiments.artifacts import Artifacts
from eisen.experiments.checkpoint import previous
from eisen.experiments.progress.record import is_alive, read_progress

__all__ = ["can_extend", "extended_epochs"]


def can_extend(artifacts: str | Path, n: int) -> str | None:
    """Tell why a training cannot go on for so many more epochs; None if nothing speaks against it.

    The weights of its checkpoint are not read, so it is quick. The run itself still compares configuration, data and
    code with the checkpoint before it goes on.

    Args:
        artifacts: Folder of the run.
        n: How many epochs more than are complete, at least 1.

    Example:
        >>> can_extend("/no/such/run", 3)
        'there is no checkpoint to go on from: train first'
    """
    if n < 1:
        return f"{n} more epochs are asked for: at least 1"
    record = read_progress(artifacts) or {}
    if record.get("status") == "running" and is_alive(record):
        return "the run is still at work: wait for it, or stop it first"
    if _newest(artifacts) is None:
        return "there is no checkpoint to go on from: train first"
    try:
        state = _state(artifacts)
    except ArgumentError as error:
        return error.card.what
    return _end_of_schedule(state, int(state["epoch"]) + n)


def extended_epochs(artifacts: str | Path, n: int) -> int:
    """Return how many epochs to ask for so that a training goes on for `n` more.

    Args:
        artifacts: Folder of the run.
        n: How many epochs more than are complete.

    Raises:
        MissingFileError: If there is no checkpoint.
        ArgumentError: If it cannot be read.
    """
    if _newest(artifacts) is None:
        raise MissingFileError(f"there is no checkpoint in {artifacts}", file=str(artifacts), to_do="train first")
    return int(_state(artifacts)["epoch"]) + n


def _newest(artifacts: str | Path) -> Path | None:
    path = Artifacts(artifacts).checkpoint
    return next((file for file in (path, previous(path)) if file.is_file()), None)


def _state(artifacts: str | Path) -> dict[str, Any]:
    """Return a checkpoint whose tensors stay on the disk."""
    import torch

    path = _newest(artifacts)
    try:
        state: Any = torch.load(path, map_location="cpu", weights_only=True, mmap=True)  # type: ignore[arg-type]
        if isinstance(state, dict) and "epoch" in state:
            return state
    except Exception as error:  # torch raises a dozen kinds for a damaged file
        raise ArgumentError(f"the checkpoint {path} cannot be read: {str(error).partition(chr(10))[0]}") from error
    raise ArgumentError(f"{path} is no checkpoint of a run")


def _end_of_schedule(state: Mapping[str, Any], n_epochs: int) -> str | None:
    training = state.get("phases", {}).get("Training", {})
    for schedule in _schedules(training.get("scheduler")):
        total, per_epoch = schedule.get("total_steps"), _steps_per_epoch(state, int(schedule.get("last_epoch", 0)))
        if isinstance(total, int) and per_epoch and n_epochs * per_epoch > total:
            return (
                f"its learning rate schedule ends after {total // per_epoch} epochs, and cannot be made longer: "
                f"start a new run of {n_epochs} epochs in another folder"
            )
    return None


def _schedules(saved: Any) -> Iterator[dict[str, Any]]:
    """Yield the states of single schedules: several are kept by the names of their optimizers."""
    if isinstance(saved, dict):
        several = [value for value in saved.values() if isinstance(value, dict) and "last_epoch" in value]
        yield from several or [saved]


def _steps_per_epoch(state: Mapping[str, Any], last: int) -> int | None:
    """Return how often a schedule is stepped in an epoch; None where the checkpoint does not tell."""
    within, epoch = state.get("within") or {}, int(state["epoch"])
    if not within:
        return last // epoch if epoch else None
    if json.loads(within["done"]):
        return last // (epoch + 1)
    if not epoch or last == epoch:
        return 1 if epoch else None
    whole = last - int(within["progress"]["batch"])
    return whole // epoch if whole > 0 and whole % epoch == 0 else None
