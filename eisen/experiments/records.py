"""The records that experiments hand out: rows of results and reports of a dry run."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["CheckReport", "EpochRow", "FieldReport", "RunResult", "StepReport"]


@dataclass(frozen=True)
class EpochRow:
    """Losses and metrics of one phase in one epoch.

    Args:
        phase: ``"Training"``, ``"Validation"`` or ``"Testing"``.
        epoch: Number of the epoch, from 0.
        losses: Mean of every loss over the batches, by name.
        metrics: Mean of every metric over the batches, by name; classes as ``dice[anterior]``.
        seconds: How long it took.
        n_batches: How many batches there were.
        n_skipped: How many more were left out because their loss was not finite.
    """

    phase: str
    epoch: int
    losses: dict[str, float]
    metrics: dict[str, float]
    seconds: float = 0.0
    n_batches: int = 0
    n_skipped: int = 0


@dataclass
class RunResult:
    """What came out of a run.

    Args:
        rows: One row per epoch and phase, in order.
        best: The best values, e.g. ``{"epoch": 3, "phase": "Validation", "name": "mean metric", "value": 0.91}``.
        n_epochs: How many epochs are complete, those before a resume included.
        interrupted: True when the run was stopped by Ctrl-C.
        artifacts: Where everything was written: (path, what it is).
        predictions: The label maps, probability maps or images, after `Run.predict`.
        table: The table with one row per case, after `Run.predict`.
        calibration: Temperature, and ``nll``, ``ece``, ``accuracy`` before and after, after `Run.calibrate`.
        evaluation: Means of each label and metric, with the number of cases they do not speak of, where the
            configuration has a part ``"Evaluation"``; see `eisen.evaluation.Aggregate`.
        seconds: How long the run took.
    """

    rows: list[EpochRow] = field(default_factory=list)
    best: dict[str, float | int | str] = field(default_factory=dict)
    n_epochs: int = 0
    interrupted: bool = False
    artifacts: list[tuple[Path, str]] = field(default_factory=list)
    predictions: list[Path] = field(default_factory=list)
    table: Path | None = None
    calibration: dict[str, Any] = field(default_factory=dict)
    evaluation: list[Any] = field(default_factory=list)
    seconds: float = 0.0


@dataclass(frozen=True)
class FieldReport:
    """One field of a data point as it was after a step.

    Args:
        name: Name of the field.
        kind: Class of the value, e.g. ``"ndarray"`` or ``"str"``.
        shape: Shape of an array, else None.
        dtype: Type of its elements, else an empty string.
        minimum: Smallest value of a numeric array, else None.
        maximum: Largest value of a numeric array, else None.
        text: The value in short when it is no array.
        changed: True when the step made or changed the field.
    """

    name: str
    kind: str
    shape: tuple[int, ...] | None = None
    dtype: str = ""
    minimum: float | None = None
    maximum: float | None = None
    text: str = ""
    changed: bool = True


@dataclass(frozen=True)
class StepReport:
    """All fields of the data point after one step.

    Args:
        number: Number of the step, from 1; 0 is the case as the dataset lists it.
        name: Class of the step.
        place: Where it stands in the configuration, e.g. ``"Training.Transforms[2]"``; empty for automatic checks.
        fields: The fields, in the order of the data point.
        seconds: How long the step took.
    """

    number: int
    name: str
    place: str
    fields: list[FieldReport]
    seconds: float = 0.0


@dataclass(frozen=True)
class CheckReport:
    """Everything a dry run found out.

    Args:
        phase: The phase that was checked.
        case: Name of the case that was read.
        n_cases: How many cases the dataset has.
        n_batches: How many batches an epoch has.
        steps: The data point after every step.
        batch: The fields of the batch as the loader gives it.
        batch_steps: The whole batch after every step of BatchTransforms.
        outputs: The fields the model returned.
        losses: Value of every loss by name.
        metrics: Value of every metric by name.
        n_parameters: How many numbers of the model are trained.
        gradient_norm: Euclidean norm of all gradients; None in phases that do not train.
        seconds: How long the forward and backward pass took.
        repairs: What was understood differently from what the configuration says.
    """

    phase: str
    case: str
    n_cases: int
    n_batches: int
    steps: list[StepReport]
    batch: list[FieldReport]
    outputs: list[FieldReport]
    losses: dict[str, float]
    metrics: dict[str, float]
    n_parameters: int
    gradient_norm: float | None = None
    seconds: float = 0.0
    repairs: list[str] = field(default_factory=list)
    batch_steps: list[StepReport] = field(default_factory=list)
