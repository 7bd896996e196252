"""What an artifact folder says about its task: new, unfinished, finished, or made with something else."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from eisen._core.errors import ArgumentError
from eisen.config import Experiment
from eisen.experiments.artifacts import Artifacts
from eisen.experiments.campaigns.task import Task
from eisen.experiments.parts import seed_of
from eisen.experiments.provenance.changed_config import config_changes

__all__ = ["TaskState", "comparable", "demand_unchanged", "state_of"]


@dataclass(frozen=True)
class TaskState:
    """Where a task stands before it is run.

    Args:
        kind: ``"new"``, ``"unfinished"`` (a checkpoint to continue from may be there) or ``"trained"``.
        changes: What is different from the configuration of the run in the folder, one line each.
        record: The record of that run, empty without one.
    """

    kind: Literal["new", "unfinished", "trained"]
    changes: tuple[str, ...] = ()
    record: Mapping[str, Any] | None = None


def state_of(task: Task, experiment: Experiment) -> TaskState:
    """Look into the folder of a task.

    Args:
        task: The task.
        experiment: Its configuration.
    """
    record = _record(Artifacts(task.folder).run_json)
    if record is None:
        return TaskState("new")
    changes = [line for line, serious in config_changes(record.get("config", {}), experiment.resolved()) if serious]
    seed = seed_of(experiment)
    if record.get("seed", seed) != seed:
        changes.append(f"General.Seed: {record['seed']} -> {seed}")
    wanted, trained = task.epochs, record.get("epochs")
    if isinstance(trained, int) and trained > wanted:
        changes.append(f"epochs: {trained} -> {wanted}")
    has_model = Artifacts(task.folder).best.is_file()
    is_trained = record.get("status") == "complete" and (trained == wanted or bool(changes)) and has_model
    return TaskState("trained" if is_trained else "unfinished", tuple(changes), record)


def demand_unchanged(states: Mapping[str, TaskState]) -> None:
    """Refuse to mix runs of different configurations in one campaign.

    Args:
        states: The state of every task by its name.

    Raises:
        ArgumentError: If a folder holds the run of another configuration; the card says what is different.
    """
    changed = {name: state.changes for name, state in states.items() if state.changes}
    if not changed:
        return
    first, lines = next(iter(changed.items()))
    more = f" (and {len(changed) - 1} more)" if len(changed) > 1 else ""
    raise ArgumentError(
        f"{first}{more} was trained with another configuration: {'; '.join(lines[:3])}{'; ...' if lines[3:] else ''}",
        expected="the same configuration for all runs of a campaign",
        to_do="choose another artifact folder, or go on with what is there with --force (force=True)",
    )


def _record(path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


def comparable(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a configuration without what may change: where the split lies, and how long to train.

    Args:
        document: The configuration as plain data.

    Example:
        >>> comparable({"Split": {"file": "/here/split.json", "fold": "0"}})
        {'Split': {'fold': '0'}}
    """
    plain: dict[str, Any] = json.loads(json.dumps(document))
    for name, part in plain.items():
        if not isinstance(part, dict):
            continue
        if name == "Split":
            part.pop("file", None)
        entries = part.get("Hyperparameters")
        if isinstance(entries, list):
            part["Hyperparameters"] = [entry for entry in entries if entry.get("type") != ".Epochs"]
    return plain
