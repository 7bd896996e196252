"""The typed configuration: what `eisen.config.read_config` returns."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from eisen._core.digest import json_digest
from eisen._core.sizes import MEMORY
from eisen.config.sections import PHASES, attribute_of
from eisen.config.windows import WindowSettings

__all__ = ["DURATION", "Entry", "Experiment", "Hyperparameters", "Phase", "SplitChoice"]

DURATION = r"^\s*(\d+(\.\d+)?\s*(d|h|min|m|s)\s*)+$"
"""How lengths of time are written: "2h30m", "10min", "45 s"."""

_STRICT = ConfigDict(extra="forbid", arbitrary_types_allowed=True)


@dataclass(frozen=True, config=_STRICT)
class Entry:
    """One module of a configuration: which class, and with which parameters.

    Args:
        type: Dotted path of the class.
        params: Its parameters by name, without `input_names` and `output_names`.
        where: Place in the file, e.g. ``"Training.Transforms[2]"``.
        input_names: Fields that a model, loss or metric reads.
        output_names: Fields that it adds.

    Example:
        >>> Entry("torch.optim.Adam", {"lr": 1e-3}, "Training.Optimizer[0]").name
        'Adam'
    """

    type: str
    params: dict[str, Any] = field(default_factory=dict)
    where: str = ""
    input_names: tuple[str, ...] = ()
    output_names: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The last part of the dotted path."""
        return self.type.rpartition(".")[2]

    def resolved(self) -> dict[str, Any]:
        """Return the entry as it stands in a file."""
        names = {"input_names": list(self.input_names), "output_names": list(self.output_names)}
        return {"type": self.type, "params": {**{k: v for k, v in names.items() if v}, **self.params}}


@dataclass(frozen=True, config=_STRICT)
class Hyperparameters:
    """Settings of a run that belong to no module.

    Args:
        batch_size: Cases per batch.
        n_workers: Processes or threads that read data; 0 reads in the main process.
        seed: Start of all random numbers, from 0; None leaves it to the run.
        epochs: Passes over the training data; None leaves it to the run.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``; None leaves it to the workflow.
        precision: ``"fp32"``, ``"bf16"`` or ``"fp16"``; None leaves it to the workflow.
        labels: Names of the label values, e.g. ``{1: "anterior", 2: "posterior"}``.
        empty_label: What to do with a case whose label is empty: ``"error"``, ``"warn"`` or ``"allow"``.
        threads: Threads that compute the model on a CPU; None leaves it to PyTorch.
        validate_every: Validate after every so many epochs, and after the last one.
        accumulate: Batches whose gradients are averaged before the weights change.
        clip_norm: Largest norm of all gradients together.
        clip_value: Largest magnitude of a single gradient.
        compile: Let PyTorch compile the model.
        channels_last: Order images and weights with the channels innermost, 2-D and 3-D.
        ema: Validate, save and test the exponential moving average of the weights with this decay, e.g. 0.999.
        swa: Validate, save and test the mean of the weights from this epoch on, counted from 0.
        freeze: Names of weights that are not trained, with ``*``, e.g. ``["encoder.*"]``.
        on_non_finite: When a loss is NaN or infinite: ``"raise"`` stops, ``"skip"`` leaves the batch out and counts,
            ``"ignore"`` goes on.
        max_time: Stop after this time with a usable model and a checkpoint: ``"2h30m"``, or a number of minutes.
        best: What the best epoch is judged by, e.g. ``"max dice - 0.1 * dice_ce"`` or ``"min Training.loss"``.
        checkpoint_every: Write a checkpoint in the middle of an epoch after so many batches, or so much time
            (``"10min"``, the default).
        distribution: With several processes: ``"ddp"`` (a copy of the model in each) or ``"fsdp"`` (shares of it).
        deterministic: Let PyTorch use repeatable algorithms only; on a GPU that may be slower.
        workers: What reads data: ``"processes"``, ``"threads"``, or ``"auto"``, which measures what is faster.
        sliding_window: Validate, test and predict through overlapping windows of a size, see `SlidingWindow`.
        memory: How much memory the results of a prediction may take, e.g. ``"4GB"``; what needs more is computed slab
            by slab.
    """

    batch_size: Annotated[int, Field(ge=1)] = 4
    n_workers: Annotated[int, Field(ge=0)] = 4
    seed: Annotated[int, Field(ge=0, lt=2**63)] | None = None
    epochs: Annotated[int, Field(ge=1)] | None = None
    device: Annotated[str, Field(pattern=r"^(auto|cpu|mps|cuda(:\d+)?)$")] | None = None
    precision: Literal["fp32", "bf16", "fp16"] | None = None
    labels: Annotated[dict[int, str], Field(json_schema_extra={"propertyNames": {"pattern": r"^-?\d+$"}})] | None = None
    empty_label: Literal["error", "warn", "allow"] | None = None
    threads: Annotated[int, Field(ge=1)] | None = None
    validate_every: Annotated[int, Field(ge=1)] = 1
    accumulate: Annotated[int, Field(ge=1)] | None = None
    clip_norm: Annotated[float, Field(gt=0)] | None = None
    clip_value: Annotated[float, Field(gt=0)] | None = None
    compile: bool | None = None
    channels_last: bool | None = None
    ema: Annotated[float, Field(ge=0, lt=1)] | None = None
    swa: Annotated[int, Field(ge=0)] | None = None
    freeze: list[str] | None = None
    on_non_finite: Literal["raise", "skip", "ignore"] | None = None
    max_time: Annotated[float, Field(gt=0)] | Annotated[str, Field(pattern=DURATION)] | None = None
    best: str | None = None
    checkpoint_every: Annotated[int, Field(ge=1)] | Annotated[str, Field(pattern=DURATION)] | None = None
    distribution: Literal["ddp", "fsdp"] | None = None
    deterministic: bool | None = None
    workers: Literal["processes", "threads", "auto"] = "processes"
    sliding_window: WindowSettings | None = None
    memory: Annotated[str, Field(pattern=MEMORY)] | None = None


@dataclass(frozen=True, config=_STRICT)
class Phase:
    """One phase of an experiment, e.g. Training. Sections that the file does not have are empty lists.

    Args:
        name: ``"Training"``, ``"Validation"``, ``"Testing"`` or ``"Prediction"``.
        datasets: Where cases come from; the first is used.
        readers: Steps that open files.
        transforms: Steps behind the readers.
        batch_transforms: Steps on whole batches, on the device where the model computes.
        losses: What training minimises.
        metrics: What is reported.
        optimizer: What changes the weights; several share the weights out.
        scheduler: What changes the learning rate; one for each optimizer.
        sampler: What chooses the cases of each epoch; the first is used.
        workflow: What is done with each batch; the first is used.
        hooks: What listens to the workflow.
        hyper: Hyperparameters of the phase; what it does not set comes from General.
        options: Settings of the phase under ``"Options"``, as they stand in the file.
    """

    name: str
    datasets: list[Entry] = field(default_factory=list)
    readers: list[Entry] = field(default_factory=list)
    transforms: list[Entry] = field(default_factory=list)
    batch_transforms: list[Entry] = field(default_factory=list)
    losses: list[Entry] = field(default_factory=list)
    metrics: list[Entry] = field(default_factory=list)
    optimizer: list[Entry] = field(default_factory=list)
    scheduler: list[Entry] = field(default_factory=list)
    sampler: list[Entry] = field(default_factory=list)
    workflow: list[Entry] = field(default_factory=list)
    hooks: list[Entry] = field(default_factory=list)
    hyper: Hyperparameters = field(default_factory=Hyperparameters)
    options: dict[str, Any] = field(default_factory=dict)

    def entries(self, section: str) -> list[Entry]:
        """Return the entries of a section by its name in the file, e.g. ``"Datasets"``."""
        found: list[Entry] = getattr(self, attribute_of(section))
        return found


@dataclass(frozen=True, config=_STRICT)
class General:
    """What all phases share.

    Args:
        models: What is trained; the first is used.
        hyper: Settings that belong to no module.
    """

    models: list[Entry] = field(default_factory=list)
    hyper: Hyperparameters = field(default_factory=Hyperparameters)


@dataclass(frozen=True, config=_STRICT)
class SplitChoice:
    """Which fold of which frozen split an experiment uses.

    Args:
        file: The file of the split, as `eisen split` wrote it; relative to the configuration file, or absolute.
        fold: Name of the fold, e.g. ``"0"``.
    """

    file: Annotated[str, Field(min_length=1)]
    fold: Annotated[str, Field(min_length=1)]


@dataclass(frozen=True, config=_STRICT)
class Experiment:
    """A whole configuration, checked and repaired.

    Args:
        path: The file it came from; empty when it came from Python.
        general: What all phases share.
        phases: The phases the file has, by name, in the order in which they run.
        repairs: One line per thing that was understood differently from what the file says.
        document: The configuration after repairs and overrides, as plain data.
        split: Which cases train, validate and test; None leaves it to the datasets of the phases.
    """

    path: str = ""
    general: General = field(default_factory=General)
    phases: dict[str, Phase] = field(default_factory=dict)
    repairs: list[str] = field(default_factory=list)
    document: dict[str, Any] = field(default_factory=dict)
    split: SplitChoice | None = None

    @property
    def models(self) -> list[Entry]:
        """The models; the first is used."""
        return self.general.models

    @property
    def hyper(self) -> Hyperparameters:
        """The hyperparameters that all phases share."""
        return self.general.hyper

    def phase(self, name: str) -> Phase | None:
        """Return a phase by name, or None when the file does not have it."""
        return self.phases.get(name)

    def resolved(self) -> dict[str, Any]:
        """Return the configuration after repairs and overrides; reading it again gives the same experiment."""
        copy: dict[str, Any] = json.loads(json.dumps(self.document))
        return copy

    @property
    def digest(self) -> str:
        """SHA-256 of the resolved configuration; equal for files that differ in layout only."""
        return json_digest(self.document)


def in_running_order(phases: Mapping[str, Phase]) -> dict[str, Phase]:
    """Return phases in the order in which they run, whatever the order of the file."""
    return {name: phases[name] for name in PHASES if name in phases}
