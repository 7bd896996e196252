"""One run of a campaign: what is trained, where, and how it ended."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from eisen._core.atomic import atomic_write
from eisen._core.errors import CorruptFileError
from eisen.config import Experiment, read_config

__all__ = ["Status", "Task", "TaskOutcome"]

Status = Literal["complete", "failed", "interrupted"]
"""How a task ended."""


@dataclass(frozen=True)
class Task:
    """One ordinary run of ``eisen train``, and for a fold the measuring of its test cases.

    Args:
        name: Name in tables, e.g. ``"seed-1/fold-0"``.
        folder: Its artifact folder, an ordinary one.
        config: The configuration file.
        data_dir: Folder of the data.
        epochs: How many epochs.
        overrides: ``PATH=VALUE`` texts.
        measures: Whether the cases of the fold's test part are measured after the training.
        force: Go on although the configuration has changed since.

    Example:
        >>> task = Task("fold-0", "out/fold-0", "config.json", "data", epochs=5)
        >>> Task.from_facts(task.facts()) == task
        True
    """

    name: str
    folder: str
    config: str
    data_dir: str
    epochs: int
    overrides: tuple[str, ...] = ()
    measures: bool = False
    force: bool = False

    @property
    def root(self) -> Path:
        """The artifact folder."""
        return Path(self.folder)

    def experiment(self) -> Experiment:
        """Read the configuration of this task.

        Raises:
            ConfigError: If it is wrong.
        """
        return read_config(self.config, self.overrides, epochs=self.epochs)

    def facts(self) -> dict[str, Any]:
        """Return the task as plain data."""
        return asdict(self)

    @classmethod
    def from_facts(cls, facts: Mapping[str, Any]) -> Task:
        """Return the task that plain data describe."""
        return cls(**{**facts, "overrides": tuple(facts["overrides"])})


@dataclass(frozen=True)
class TaskOutcome:
    """How a task ended.

    Args:
        name: Name of the task.
        folder: Its artifact folder.
        status: ``"complete"``, ``"failed"`` or ``"interrupted"``.
        seconds: How long it took this time.
        n_epochs: How many epochs are complete.
        best: The best value of the training, as in ``run.json``.
        reused: True when nothing had to be done, because it was complete before.
        error: Of a failed task, the entries of its error card and its ``"type"``.

    Example:
        >>> TaskOutcome("fold-0", "out/fold-0", "complete").is_complete
        True
    """

    name: str
    folder: str
    status: Status
    seconds: float = 0.0
    n_epochs: int = 0
    best: dict[str, Any] = field(default_factory=dict)
    reused: bool = False
    error: dict[str, str] = field(default_factory=dict)

    @property
    def is_complete(self) -> bool:
        """True when the task has everything it was to make."""
        return self.status == "complete"

    def write(self, path: Path) -> None:
        """Write it as JSON.

        Raises:
            ArtifactError: If it cannot be written.
        """
        with atomic_write(path, "w") as file:
            json.dump(asdict(self), file, indent=2)

    @classmethod
    def read(cls, path: Path) -> TaskOutcome:
        """Read it from JSON.

        Raises:
            CorruptFileError: If the file is not what `write` makes.
        """
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise CorruptFileError(f"{path} is no outcome of a task: {error}", file=str(path)) from error
