"""The words of a configuration file: phases, sections, hyperparameters, and what each role is given."""

from __future__ import annotations

import re

__all__ = [
    "ALIASES",
    "GENERAL",
    "HOLDING",
    "HYPER",
    "INJECTED",
    "PHASES",
    "RESERVED",
    "SECTIONS",
    "SINGULAR",
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
    "Training": (*_COMMON, "Optimizer", "Scheduler"),
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

TOP_LEVEL = ("General", *PHASES, *RESERVED)

WIRED = ("Models", "Losses", "Metrics")
"""Roles whose entries name their inputs and outputs."""

HOLDING = (*WIRED, "Datasets", "Readers", "Transforms", "BatchTransforms")
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
    "Workflow": "workflow",
    "Hooks": "hook",
}
"""Each role, and what one of its kind is called."""

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
    "Workflow": ("model", "data_loader", "losses", "metrics", "optimizer"),
    "Hooks": ("workflow_id", "phase", "artifacts_dir"),
}
"""Parameters that the program fills in, so a file need not name them."""

HYPER: dict[str, str] = {
    "BatchSize": "batch_size",
    "NumWorkers": "n_workers",
    "NumWorker": "n_workers",
    "Seed": "seed",
    "Epochs": "epochs",
    "Device": "device",
    "Precision": "precision",
    "Labels": "labels",
    "EmptyLabel": "empty_label",
    "Threads": "threads",
    "ValidateEvery": "validate_every",
}
"""The pseudo types ``.BatchSize`` ..., and the setting each one is."""


def attribute_of(section: str) -> str:
    """Return the attribute of a phase that holds a section.

    Example:
        >>> attribute_of("Datasets"), attribute_of("BatchTransforms")
        ('datasets', 'batch_transforms')
    """
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", section).lower()
