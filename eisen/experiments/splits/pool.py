"""The cases of an experiment, from which each phase is given those of its part of a fold."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from eisen._core.errors import DataError, EmptyDatasetError, nearest
from eisen.config import Experiment, Phase, build
from eisen.config.around import built_around, case_entry
from eisen.experiments.splits.choice import chosen_fold, loaded
from eisen.experiments.splits.listed import Listed, Source, joined

__all__ = ["build_part", "phase_in_file", "pool_of", "source_of"]

_POOLED = ("Training", "Validation")
_SIDES = ("split", "validation_fraction", "split_seed", "group")
"""Parameters of data sets that choose among listed cases, and do not change what is listed."""


def pool_of(experiment: Experiment, data_dir: str | Path, first: str = "Training") -> Listed:
    """Return all cases of the data sets of Training and Validation by name, each once.

    Args:
        experiment: The configuration.
        data_dir: Folder of the data.
        first: Phase whose data set a case is taken from when both list it.

    Raises:
        EmptyDatasetError: If there is no such data set.
        DataError: If one of them lists a case twice.
    """
    names = sorted(_POOLED, key=lambda name: name != first)
    phases = [experiment.phases[name] for name in names if name in experiment.phases]
    sources = [source_of(phase, data_dir) for phase in phases if phase.datasets]
    if not sources:
        raise EmptyDatasetError(
            "there are no cases to split", expected="Datasets in Training or Validation", file=experiment.path
        )
    return joined(sources)


def source_of(phase: Phase, data_dir: str | Path, dataset: Any = None) -> Source:
    """Return the data set of a phase that lists its cases, without readers, transforms, and patches or a cache of them.

    Args:
        phase: The phase.
        data_dir: Folder of the data.
        dataset: Its data set when that is built already.
    """
    entry = case_entry(phase.datasets[0])
    if dataset is None:
        dataset = build(entry, "Datasets", data_dir=str(data_dir), transform=None)
    ours = hasattr(dataset, "peek")  # in a data set of somebody else these parameters may mean anything
    rows = {name: value for name, value in entry.params.items() if name not in _SIDES or not ours}
    identity = json.dumps([entry.type, rows], sort_keys=True, default=str)
    label = str(entry.params.get("phase", "case"))
    return Source(dataset, label, identity, entry.where or phase.name, str(data_dir))


def phase_in_file(phase: Phase) -> str:
    """Return the phase that a phase is in the configuration; `predict` uses others under the name Prediction."""
    return phase.datasets[0].where.partition(".")[0] or phase.name


def build_part(experiment: Experiment, phase: Phase, data_dir: Path, chain: Any) -> Any:
    """Return the data set of a phase in an experiment with a split; None where the split does not reach.

    It holds the cases of the part; patches of them, or a cache, stand around it as the configuration says.

    Args:
        experiment: The configuration.
        phase: The phase.
        data_dir: Folder of the data.
        chain: What is done to a case of this phase when it is read.

    Raises:
        DataError: If cases of the split and of the data are not the same.
        EmptyDatasetError: If the fold has no cases for this phase.
    """
    role = phase_in_file(phase)
    fold = chosen_fold(experiment)
    if fold is None or role not in ("Training", "Validation", "Testing"):
        return None
    from eisen.experiments.splits.fold_dataset import FoldDataset

    pool = pool_of(experiment, data_dir, first=role)
    compare(experiment, pool)
    names = fold.part(role)
    if not names:
        raise EmptyDatasetError(
            f"fold '{fold.name}' of the split has no cases for {role}",
            expected="at least one case",
            to_do=f"make a split that has some, or remove {role} from the configuration",
            config="Split.fold",
        )
    entry = phase.datasets[0]
    if case_entry(entry) is entry:
        return FoldDataset(pool, names, chain)
    return built_around(entry, FoldDataset(pool, names), data_dir=str(data_dir), transform=chain)


def compare(experiment: Experiment, pool: Listed) -> None:
    """Raise if the cases of a split and those of the data are not the same.

    A split with folds of one's own may leave cases out.

    Args:
        experiment: The configuration; it has a split.
        pool: The cases of the data.

    Raises:
        DataError: If a case of one is not in the other.
    """
    splits = loaded(experiment)
    assert experiment.split is not None
    known = set(pool.entries)
    absent = [name for name in splits.cases if name not in known]
    if absent:
        raise DataError(
            f"{_count(absent)} of the split cannot be found in the data, e.g. '{absent[0]}'",
            expected="all cases of the split in the data sets of Training and Validation",
            to_do=nearest(absent[0], pool.names) or "check the data folder, or make a new split: 'eisen split'",
            case=absent[0],
            file=experiment.split.file,
            config="Split.file",
        )
    new = [] if splits.kind == "explicit" else [name for name in pool.names if name not in splits.cases]
    if new:
        raise DataError(
            f"{_count(new)} of the data missing in the split, e.g. '{new[0]}'",
            expected="the cases that were there when the split was made",
            to_do="make a new split: 'eisen split', or take the new cases out of the data sets",
            case=new[0],
            file=experiment.split.file,
            config="Split.file",
        )


def _count(names: Sequence[str]) -> str:
    return f"{len(names)} case{'s' if len(names) > 1 else ''}"
