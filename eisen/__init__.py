"""Eisen: from raw medical scans to a trained, evaluated and served model.

Sub-packages load on first use, so ``import eisen`` is instant and everything is reachable from it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from eisen._core.version import __version__

__all__ = [
    "EISEN_BEST_MODEL_LOSS",
    "EISEN_BEST_MODEL_METRIC",
    "EISEN_END_BATCH_EVENT",
    "EISEN_END_EPOCH_EVENT",
    "EPS",
    "__version__",
]

EPS = 1e-5

EISEN_END_BATCH_EVENT = "eisen::end_batch"
EISEN_END_EPOCH_EVENT = "eisen::end_epoch"
EISEN_BEST_MODEL_LOSS = "eisen::best_model_loss"
EISEN_BEST_MODEL_METRIC = "eisen::best_model_metric"

_PACKAGES = ("config", "datasets", "experiments", "io", "models", "ops", "patches", "storage", "transforms", "utils")


def __getattr__(name: str) -> Any:
    if name in _PACKAGES:
        return import_module(f"eisen.{name}")
    from eisen._core.legacy import resolve_attribute

    return resolve_attribute("eisen", name)


def __dir__() -> list[str]:
    return sorted([*__all__, *_PACKAGES])
