"""The cases of a configuration: the data sets of its phases, with the files that its readers open."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from eisen._core.errors import ConfigError, Problem
from eisen.config import Experiment, Phase, build, read_config
from eisen.config.around import case_entry
from eisen.datasets.doctor.listed import declared_labels
from eisen.datasets.doctor.names import patient_of, patient_pattern, stem_of
from eisen.datasets.doctor.study import Case, Study

__all__ = ["from_config"]

_REORIENTING = ("Orient", "Resampl", "Canonical")


def from_config(path: Path, data_dir: Path, pattern: re.Pattern[str] | None) -> Study:
    """Return the cases of all phases of a configuration.

    Args:
        path: The configuration.
        data_dir: Folder of the data.
        pattern: Finds the patient in a file name; None: the ``group`` of the data sets, else the usual ways.

    Raises:
        ConfigError: If the configuration is wrong, or no phase reads files.
        EisenError: If a data set cannot be built.
    """
    experiment = read_config(path)
    phases = [phase for phase in experiment.phases.values() if phase.datasets]
    if experiment.split is not None:  # tests are then cases of Training and Validation
        phases = [phase for phase in phases if phase.name != "Testing"]
    study = Study(path, f"configuration {path.name}", [], experiment.hyper.labels)
    for phase in phases:
        _add_phase(study, phase, data_dir, pattern)
    if experiment.split is not None:
        study.cases = _pooled(study.cases)
    if not study.cases:
        raise ConfigError([_nothing(experiment)])
    study.empty_label = next((p.hyper.empty_label for p in phases if p.hyper.empty_label), "error")
    study.reorients = frozenset(phase.name for phase in phases if _reorients(phase))
    return study


def _pooled(cases: Iterable[Case]) -> list[Case]:
    """Return the cases of an experiment with a frozen split: those of Training and Validation together, each once."""
    pool: dict[Any, Case] = {}
    for case in cases:
        shared = replace(case, phase="Training") if case.phase == "Validation" else case
        pool.setdefault((shared.phase, *case.files.items()), shared)
    return list(pool.values())


def _nothing(experiment: Experiment) -> Problem:
    what = "no phase has a dataset whose cases name files that a reader opens"
    return Problem("Training.Datasets", what, "Datasets and Readers with the same fields", experiment.path)


def _add_phase(study: Study, phase: Phase, data_dir: Path, pattern: re.Pattern[str] | None) -> None:
    entry = case_entry(phase.datasets[0])  # its cases, not patches of them
    dataset = build(entry, "Datasets", data_dir=str(data_dir), transform=None)
    if study.labels is None:
        study.labels = declared_labels(getattr(dataset, "attributes", {}))
    own = entry.params.get("group") if pattern is None else None
    cases = [*_cases(study, dataset, phase, data_dir, pattern or patient_pattern(own))]
    study.cases += cases
    if any(entry.params.get("split") for entry in phase.readers):
        study.choosy |= {phase.name}
    if any(case.labels() for case in cases):
        study.labelled |= {phase.name}


def _cases(study: Study, dataset: Any, phase: Phase, data_dir: Path, pattern: re.Pattern[str]) -> Iterator[Case]:
    places = dict(_fields_read(phase, data_dir))
    look = getattr(dataset, "peek", None) or dataset.__getitem__
    for number in range(len(dataset)):
        entry = look(number)
        values = entry if isinstance(entry, dict) else {}
        found = {name: _path_of(study, places[name], values.get(name)) for name in places}
        files = {name: path for name, path in found.items() if path is not None}
        if files:
            first = next(iter(files.values()))
            yield Case(stem_of(first), phase.name, files, patient_of(first, data_dir, pattern))


def _path_of(study: Study, folder: Path, value: Any) -> Path | None:
    """Return the path that a field names; of a list of DICOM files the first, which then stands for its series."""
    if isinstance(value, str | os.PathLike):
        return Path(os.path.normpath(folder / value))
    if not isinstance(value, list | tuple) or not value or not isinstance(value[0], str | os.PathLike):
        return None
    from eisen.io.dicom import list_dicom_series

    path = Path(os.path.normpath(folder / value[0]))
    if path.is_file():
        beside = list_dicom_series(path.parent, recursive=False)
        study.series[path] = [series for series in beside if str(path) in series.files]
    return path


def _fields_read(phase: Phase, data_dir: Path) -> Iterator[tuple[str, Path]]:
    """Yield the fields that the readers open, and the folder their file names are relative to."""
    for entry in phase.readers:
        reader = build(entry, "Readers", data_dir=str(data_dir))
        for name in getattr(reader, "fields", ()):
            yield name, Path(getattr(reader, "data_dir", data_dir))


def _reorients(phase: Phase) -> bool:
    """Tell whether the steps of a phase bring the axes of all images into one order."""
    turned = any(entry.params.get("canonical") for entry in phase.readers)
    return turned or any(word in entry.name for entry in phase.transforms for word in _REORIENTING)
