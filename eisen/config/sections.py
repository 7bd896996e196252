"""The words of a configuration file: phases, sections, hyperparameters, and what each role is given."""

from __future__ import annotations

import re
from typing import Any, Literal

__all__ = [
    "ALIASES",
    "ALSO",
    "GENERAL",
    "HOLDING",
    "HYPER",
    "INJECTED",
    "PHASES",
    "RESERVED",
    "SAME",
    "SECTIONS",
    "SETTINGS",
    "SETTINGS_HELP",
    "SINGULAR",
    "SPLIT",
    "TOP_LEVEL",
    "WIRED",
    "attribute_of",
]

GENERAL = ("Hyperparameters", "Models")
"""Sections of General."""

_COMMON = (
    "Hyperparameters",
    "Datasets",
    "Readers",
    "Transforms",
    "BatchTransforms",
    "Losses",
    "Metrics",
    "Workflow",
    "Hooks",
)

SECTIONS: dict[str, tuple[str, ...]] = {
    "Training": (*_COMMON, "Sampler", "Optimizer", "Scheduler"),
    "Validation": _COMMON,
    "Testing": _COMMON,
    "Prediction": _COMMON,
}
"""Sections of each phase; all may be absent, which is the same as an empty list."""

ALIASES = {"batch_transforms": "BatchTransforms"}
"""Other spellings of sections, and the names they stand for."""

PHASES = tuple(SECTIONS)

RESERVED = ("Serving", "Evaluation", "Packaging")
"""Top-level parts that other commands read; kept as they are."""

SPLIT = ("file", "fold")
"""What the top-level part Split says."""

TOP_LEVEL = ("General", "Split", *PHASES, *RESERVED)

WIRED = ("Models", "Losses", "Metrics")
"""Roles whose entries name their inputs and outputs."""

HOLDING = (*WIRED, "Datasets", "Readers", "Transforms", "BatchTransforms", "Where", "Which")
"""Roles whose classes may take another of their kind: a loss of losses, a wrapper around a dataset or a transform."""

SINGULAR = {
    "Models": "model",
    "Datasets": "dataset",
    "Readers": "reader",
    "Transforms": "transform",
    "BatchTransforms": "batch transform",
    "Losses": "loss",
    "Metrics": "metric",
    "Optimizer": "optimizer",
    "Scheduler": "learning rate scheduler",
    "Sampler": "sampler",
    "Workflow": "workflow",
    "Hooks": "hook",
    "Where": "place of patches",
    "Which": "choice of patches",
}
"""Each role, and what one of its kind is called. The last two stand inside of a dataset only."""

ALSO = {"Readers": ("Transforms",), "Transforms": ("Readers",), "Metrics": ("Losses",)}
"""Sections that take the modules of another as well: a loss can be reported, a writer can stand anywhere."""

SAME = {"BatchTransforms": "Transforms"}
"""Sections that take exactly the modules of another."""

SETTINGS: dict[str, dict[str, Any]] = {
    "Optimizer": {"name": str, "weights": list[str]},
    "Scheduler": {"every": Literal["epoch", "batch"], "monitor": str, "optimizer_name": str},
}
"""What an entry may say beside the parameters of its class, by role, and the type of each."""

SETTINGS_HELP = {
    "name": "What it is called, if there are several.",
    "weights": "Names of the weights it changes, with *; all others are left to the other optimizers.",
    "every": "When the learning rate changes: after each epoch, or after each batch.",
    "monitor": "What is watched, by schedulers that wait for something to get better.",
    "optimizer_name": "Name of the optimizer it belongs to.",
}
"""What each of the settings means."""

INJECTED: dict[str, tuple[str, ...]] = {
    "Models": (),
    "Datasets": ("data_dir", "transform"),
    "Readers": ("data_dir",),
    "Transforms": (),
    "BatchTransforms": (),
    "Losses": (),
    "Metrics": (),
    "Optimizer": ("params",),
    "Scheduler": ("optimizer", "T_max", "total_steps"),
    "Sampler": (),
    "Workflow": ("model", "data_loader", "losses", "metrics", "optimizer"),
    "Hooks": ("workflow_id", "phase", "artifacts_dir"),
    "Where": (),
    "Which": (),
}
"""Parameters that the program fills in, so a file need not name them."""

HYPER: dict[str, str] = {
    "BatchSize": "batch_size",
    "NumWorkers": "n_workers",
    "NumWorker": "n_workers",
    "Workers": "workers",
    "Seed": "seed",
    "Epochs": "epochs",
    "Device": "device",
    "Precision": "precision",
    "Labels": "labels",
    "EmptyLabel": "empty_label",
    "Threads": "threads",
    "ValidateEvery": "validate_every",
    "Accumulate": "accumulate",
    "ClipNorm": "clip_norm",
    "ClipValue": "clip_value",
    "Compile": "compile",
    "ChannelsLast": "channels_last",
    "EMA": "ema",
    "SWA": "swa",
    "Freeze": "freeze",
    "OnNonFinite": "on_non_finite",
    "MaxTime": "max_time",
    "Best": "best",
    "CheckpointEvery": "checkpoint_every",
    "Distribution": "distribution",
    "Deterministic": "deterministic",
    "SlidingWindow": "sliding_window",
    "Memory": "memory",
}
"""The pseudo types ``.BatchSize`` ..., and the setting each one is."""


def attribute_of(section: str) -> str:
    """Return the attribute of a phase that holds a section.

    Example:
        >>> attribute_of("Datasets"), attribute_of("BatchTransforms")
        ('datasets', 'batch_transforms')
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", section).lower()
