"""The cases of a configuration as they go into a store: read, and brought as far as every epoch has them alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from eisen._core.errors import ConfigError, Problem
from eisen.config import Entry, Experiment, Phase
from eisen.config.around import case_entry
from eisen.datasets.steady import n_steady_steps
from eisen.experiments.chain import build_chain, build_dataset
from eisen.experiments.parts import needed_phase
from eisen.experiments.splits.fold_dataset import FoldDataset
from eisen.experiments.splits.pool import pool_of
from eisen.transforms import Compose

__all__ = ["CasesToStore", "cases_to_store"]

_POOLED = ("Training", "Validation")


@dataclass(frozen=True)
class CasesToStore:
    """The cases of a configuration, and what was left for the time when they are read back.

    Args:
        dataset: The cases, with the steps that give the same every time.
        config: The part of the configuration that made them.
        kept: Names of the transforms that were run.
        left_out: By phase, the names of those that were not.
        phases: Where the cases come from.
    """

    dataset: Any
    config: dict[str, Any]
    kept: list[str] = field(default_factory=list)
    left_out: dict[str, list[str]] = field(default_factory=dict)
    phases: tuple[str, ...] = _POOLED


def cases_to_store(experiment: Experiment, data_dir: str | Path, phase: str | None = None) -> CasesToStore:
    """Return the cases of a configuration as they go into a store.

    Only the front part of the transforms is run: up to the first step that is random, is somebody else's, or in which
    Training and Validation differ. The rest is for when the cases are read back.

    Args:
        experiment: The configuration.
        data_dir: Folder of the data.
        phase: One phase; None: Training and Validation together, each case once.

    Raises:
        ConfigError: If there is no such phase, or Training and Validation read their files in different ways.
        EmptyDatasetError: If there are no cases.
    """
    folder = Path(data_dir)
    if phase is not None:
        part = _of_cases(needed_phase(experiment, phase, "eisen data create"))
        dataset = build_dataset(experiment, part, folder)
        n_kept = _n_front(build_chain(part, folder), part)
        dataset.transform = _front(part, folder, n_kept)
        return _described(dataset, [part], n_kept)
    phases = [experiment.phases[name] for name in _POOLED if name in experiment.phases]
    phases = [part for part in phases if part.datasets] or [needed_phase(experiment, "Training", "eisen data create")]
    phases = [_of_cases(part) for part in phases]
    _demand_same_readers(phases, experiment.path)
    n_kept = min(_n_front(build_chain(part, folder), part) for part in phases)
    n_kept = _n_alike([part.transforms for part in phases], n_kept)
    pool = pool_of(experiment, folder)
    return _described(FoldDataset(pool, pool.names, _front(phases[0], folder, n_kept)), phases, n_kept)


def _of_cases(phase: Phase) -> Phase:
    """Return a phase with the data set of its cases, not with patches of them."""
    return replace(phase, datasets=[case_entry(phase.datasets[0])])


def _n_front(chain: Compose, phase: Phase) -> int:
    """Return how many of the transforms of a phase give the same every time; behind a random reader none does."""
    before = len(chain.transforms) - len(phase.transforms) - 1
    return min(max(n_steady_steps(chain) - before, 0), len(phase.transforms))


def _front(phase: Phase, folder: Path, n_kept: int) -> Compose:
    """Return the chain with its first transforms only."""
    chain = build_chain(phase, folder)
    stop = len(chain.transforms) - 1 - len(phase.transforms) + n_kept
    return Compose(chain.transforms[:stop], chain.places[:stop])


def _n_alike(transforms: Sequence[Sequence[Entry]], limit: int) -> int:
    for number, entries in enumerate(zip(*transforms, strict=False)):
        if number == limit or any(_of(entry) != _of(entries[0]) for entry in entries):
            return number
    return min(limit, *(len(entries) for entries in transforms))


def _demand_same_readers(phases: Sequence[Phase], file: str) -> None:
    read = [[_of(entry) for entry in phase.readers] for phase in phases]
    if any(readers != read[0] for readers in read):
        problem = Problem(
            "Validation.Readers",
            "Training and Validation read their files in different ways",
            "the same readers, or one store for each phase: --phase Training",
            file,
        )
        raise ConfigError([problem])


def _of(entry: Entry) -> tuple[str, dict[str, Any]]:
    return entry.type, entry.params


def _described(dataset: Any, phases: Sequence[Phase], n_kept: int) -> CasesToStore:
    config = {
        phase.name: {
            "Datasets": [entry.resolved() for entry in phase.datasets],
            "Readers": [entry.resolved() for entry in phase.readers],
            "Transforms": [entry.resolved() for entry in phase.transforms[:n_kept]],
        }
        for phase in phases
    }
    left_out = {phase.name: [entry.name for entry in phase.transforms[n_kept:]] for phase in phases}
    kept = [entry.name for entry in phases[0].transforms[:n_kept]]
    return CasesToStore(dataset, config, kept, left_out, tuple(phase.name for phase in phases))
