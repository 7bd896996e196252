"""Which label value each output channel stands for."""

from __future__ import annotations

from collections.abc import Sequence

from eisen.config import Experiment

__all__ = ["channel_values"]


def channel_values(experiment: Experiment) -> dict[int, list[int]]:
    """Return which label value each output channel stands for, by the number of channels.

    A model that was trained on `LabelMapToOneHot` has one channel per entry of its `classes`. Channels nothing is
    known about count from 0.
    """
    found: dict[int, list[int]] = {}
    for phase in experiment.phases.values():
        for entry in (*phase.transforms, *phase.batch_transforms):
            classes = entry.params.get("classes") if entry.name == "LabelMapToOneHot" else None
            if isinstance(classes, Sequence) and all(isinstance(c, (int, float)) and c == int(c) for c in classes):
                found.setdefault(len(classes), [int(c) for c in classes])
    return found
