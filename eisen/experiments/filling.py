"""The caches of a configuration, filled ahead of the training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eisen._core.errors import ConfigError, EisenError, Problem
from eisen.config import Experiment, Phase
from eisen.datasets.cached import CachedDataset
from eisen.experiments.chain import build_dataset
from eisen.experiments.parts import needed_phase

__all__ = ["Filled", "caches_of", "fill"]

_EXAMPLE = '{"type": "eisen.datasets.CachedDataset", "params": {"folder": true, "dataset": {...}}}'


@dataclass
class Filled:
    """What the filling of one cache came to.

    Args:
        phase: Whose data set it is.
        folder: Where its cases are.
        steps: The steps whose result is kept.
        n_cases: How many cases the data set has.
        n_kept_before: Those that were there already.
        n_bytes: What all of them take on the disk.
        failed: Cases that cannot be read, by name, and why.
    """

    phase: str
    folder: Path
    steps: list[str]
    n_cases: int
    n_kept_before: int
    n_bytes: int = 0
    failed: dict[str, str] = field(default_factory=dict)


def caches_of(
    experiment: Experiment, data_dir: str | Path, phase: str | None = None
) -> list[tuple[str, CachedDataset]]:
    """Return the data sets of a configuration that keep their cases on disk, each with the name of its phase.

    Args:
        experiment: The configuration.
        data_dir: Folder of the data.
        phase: One phase; None: all.

    Raises:
        ConfigError: If there is no such data set.
    """
    phases = experiment.phases.values() if phase is None else [needed_phase(experiment, phase, "cache fill")]
    found = [(part.name, kept) for part in phases if part.datasets for kept in _caches(experiment, part, data_dir)]
    if not found:
        where = f"{phase or 'Training'}.Datasets[0]"
        raise ConfigError(
            [Problem(where, "cache fill: no data set keeps its cases on disk", _EXAMPLE, experiment.path)]
        )
    return found


def fill(
    phase: str,
    cache: CachedDataset,
    n_threads: int = 1,
    progress: Callable[[int, int, float], None] | None = None,
) -> Filled:
    """Compute the cases of a cache that are not there yet.

    Args:
        phase: Whose data set it is.
        cache: The data set.
        n_threads: How many cases to compute at the same time.
        progress: As of `CachedDataset.fill`.

    Returns:
        What it came to; cases that cannot be read are in it and do not stop the others.

    Raises:
        ArtifactError: If the folder cannot be written to, or has too little room.
    """
    assert cache.place is not None, "a cache in memory ends with its process"
    steps = getattr(cache.transform, "transforms", [])[: cache.n_steps]
    done = Filled(phase, cache.place, [type(step).__name__ for step in steps], len(cache), cache.n_kept)
    cache.fill(n_threads, progress, lambda name, error: done.failed.update({name: _told(error)}))
    done.n_bytes = cache.n_bytes
    return done


def _caches(experiment: Experiment, phase: Phase, data_dir: str | Path) -> Iterator[CachedDataset]:
    """Yield the caches on disk of a phase, wherever they stand among its data sets."""
    for layer in _layers(build_dataset(experiment, phase, Path(data_dir))):
        if isinstance(layer, CachedDataset) and layer.place is not None:
            yield layer


def _layers(dataset: Any) -> Iterator[Any]:
    yield dataset
    for inside in (getattr(dataset, "dataset", None), *(getattr(dataset, "datasets", None) or ())):
        if inside is not None:
            yield from _layers(inside)


def _told(error: Exception) -> str:
    return error.card.what if isinstance(error, EisenError) else f"{type(error).__name__}: {error}"
