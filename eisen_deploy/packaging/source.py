"""What a package is made from: the artifact folder of a training, or of a cross-validation with all its models."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eisen._core.errors import ArgumentError, MissingFileError
from eisen.config import Experiment, locate, read_config
from eisen.experiments.artifacts import Artifacts
from eisen.experiments.prediction.ensemble import Ensemble
from eisen.experiments.runs import RunRecord, read_run

__all__ = ["TrainedRun", "open_run"]

_ENSEMBLE = "ensemble.json"


@dataclass(frozen=True)
class TrainedRun:
    """A run that is complete enough to be packed.

    Args:
        root: Its artifact folder.
        experiment: The configuration.
        ensemble: The weights.
        records: The records of the trainings they come from; those that are known.
        data_dir: Folder of the data; None: it is not there any more.
    """

    root: Path
    experiment: Experiment
    ensemble: Ensemble
    records: tuple[RunRecord, ...]
    data_dir: Path | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """What the record of the first training says; nothing if there is none."""
        return dict(self.records[0].facts) if self.records else {}


def open_run(
    artifacts: str | Path,
    *,
    models: Sequence[str | Path] = (),
    config: str | Path | None = None,
    data_dir: str | Path | None = None,
) -> TrainedRun:
    """Find out what is in an artifact folder.

    Args:
        artifacts: What `eisen train` or `eisen crossval` wrote.
        models: Weights instead of those of the folder, or one ``ensemble.json``.
        config: A configuration of the same model instead of that of the run, e.g. with a phase Prediction.
        data_dir: Folder of the data; None: where it was at the training.

    Raises:
        MissingFileError: If there is no run, no model, or no such folder of data.
        CorruptFileError: If the record of the run cannot be read.
        ConfigError: If the configuration names classes that are not installed here.
        ArgumentError: If the model cannot be served at all.
    """
    root = Path(artifacts)
    ensemble_file = root / _ENSEMBLE
    is_campaign = ensemble_file.is_file() and not Artifacts(root).run_json.is_file()
    first = _first_of(ensemble_file) if is_campaign else read_run(root)
    usual = ensemble_file if is_campaign else Artifacts(root).best
    ensemble = Ensemble.of(models or [usual])
    experiment = _experiment_of(first)
    if config is not None:
        experiment = _with(experiment, read_config(config))
    _demand_images(experiment)
    return TrainedRun(root, experiment, ensemble, _records(first, ensemble), _data_dir(first, data_dir))


def _first_of(ensemble_file: Path) -> RunRecord:
    """Return the record of the run whose configuration builds the models of an ensemble."""
    document = json.loads(ensemble_file.read_text(encoding="utf-8"))
    config = document.get("config") if isinstance(document, dict) else None
    if not isinstance(config, str):
        raise MissingFileError(
            f"{ensemble_file} does not say which configuration builds its models",
            to_do="name the artifact folder of one of the runs, and the ensemble with --model",
            file=str(ensemble_file),
        )
    return read_run((ensemble_file.parent / config).parent)


def _experiment_of(record: RunRecord) -> Experiment:
    """Return the configuration that was trained; later commands may have left another one in the folder."""
    experiment = read_config(record.facts["config"])
    return replace(experiment, path=str(Artifacts(record.folder).config))


def _with(trained: Experiment, given: Experiment) -> Experiment:
    """Return the configuration of a training with the model and the phases that another one has."""
    phases = {**trained.phases, **given.phases}
    general = given.general if given.models else trained.general
    return replace(trained, path=given.path, general=general, phases=phases)


def _records(first: RunRecord, ensemble: Ensemble) -> tuple[RunRecord, ...]:
    """Return the records of the runs that the weights lie in, in the order of the weights."""
    folders = [path.resolve().parent.parent for path in ensemble.members]
    found = [read_run(folder) for folder in folders if Artifacts(folder).run_json.is_file()]
    return tuple(found) or (first,)


def _data_dir(record: RunRecord, given: str | Path | None) -> Path | None:
    if given is not None:
        if not Path(given).is_dir():
            raise MissingFileError(
                f"there is no folder {given}", to_do="correct --data_dir, or leave it out", file=str(given)
            )
        return Path(given)
    known = record.data_dir
    return known if known is not None and known.is_dir() else None


def _demand_images(experiment: Experiment) -> None:
    """Refuse models whose input is no image of a request."""
    training = experiment.phases.get("Training")
    workflows = training.workflow if training is not None else []
    is_generator = any(getattr(locate(entry.type), "makes_inputs", False) for entry in workflows)
    if is_generator or any(entry.name == "GAN" for entry in experiment.models):
        raise ArgumentError(
            "the model of this run makes images from random numbers: there is nothing a request could bring",
            expected="a model that takes images: segmentation, classification, regression, reconstruction",
            to_do="'eisen generate' writes images of a generator",
        )
