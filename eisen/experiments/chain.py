"""From Readers, Transforms and BatchTransforms to the chains that make data points and batches."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eisen.config import Experiment, Phase, build
from eisen.experiments.data_checks import CheckContent, CheckGrids
from eisen.experiments.splits.pool import build_part
from eisen.transforms import BatchCompose, Compose

__all__ = ["build_batch_chain", "build_chain", "build_dataset"]


def build_chain(phase: Phase, data_dir: Path) -> Compose:
    """Build the chain of a phase: its readers, a check of what was read, its transforms, a check of the grids.

    Every step knows its place in the configuration; the two checks have none.

    Args:
        phase: What the configuration says.
        data_dir: Folder of the data.
    """
    readers = [(build(entry, "Readers", data_dir=str(data_dir)), entry.where) for entry in phase.readers]
    transforms = [(build(entry, "Transforms"), entry.where) for entry in phase.transforms]
    fields = [field for reader, _ in readers for field in getattr(reader, "fields", ())]
    content = CheckContent(fields, _label_values(phase), phase.hyper.empty_label or "error")
    steps: list[tuple[Any, str]] = [*readers, *([(content, "")] if fields else []), *transforms, (CheckGrids(), "")]
    return Compose([step for step, _ in steps], [place for _, place in steps])


def build_batch_chain(phase: Phase, chain: Any, seed: int) -> BatchCompose | None:
    """Build the chain for whole batches; None if the phase has no BatchTransforms.

    Its steps are numbered on from the chain of single cases, so a random step draws the same in either of the two.

    Args:
        phase: What the configuration says.
        chain: The chain of single cases, from `build_chain`.
        seed: Seed of the run.
    """
    if not phase.batch_transforms:
        return None
    steps = [build(entry, "BatchTransforms") for entry in phase.batch_transforms]
    places = [entry.where for entry in phase.batch_transforms]
    before = len(chain.transforms) - 1 if isinstance(chain, Compose) else 0  # without the check of the grids
    return BatchCompose(steps, places, seed=seed, first_step=before)


def build_dataset(experiment: Experiment, phase: Phase, data_dir: Path) -> Any:
    """Build the dataset of a phase with its chain; in an experiment with a split, of the phase's part of the fold."""
    chain = build_chain(phase, data_dir)
    if experiment.split is not None and (part := build_part(experiment, phase, data_dir, chain)) is not None:
        return part
    return build(phase.datasets[0], "Datasets", data_dir=str(data_dir), transform=chain)


def _label_values(phase: Phase) -> list[int] | None:
    return None if phase.hyper.labels is None else sorted(phase.hyper.labels)
