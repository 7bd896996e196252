"""The workflow of a phase, told what the hyperparameters say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from eisen._core.errors import ConfigError, Problem
from eisen.config import Entry, Phase, locate
from eisen.config.experiment import Hyperparameters
from eisen.config.signature import signature_of

__all__ = ["workflow_entry"]

_EVERYWHERE = ("device", "precision")
_TRAINING = ("accumulate", "clip_norm", "clip_value", "compile", "channels_last", "freeze", "on_non_finite")
_SPELLED = {"clip_norm": "ClipNorm", "clip_value": "ClipValue", "channels_last": "ChannelsLast"} | {
    "on_non_finite": "OnNonFinite",
    "average": "EMA",
}


def workflow_entry(phase: Phase) -> Entry:
    """Return the entry of the workflow of a phase with the hyperparameters among its parameters.

    Raises:
        ConfigError: If a training workflow does not take one that was set.
    """
    default = phase.name if phase.name in ("Training", "Validation") else "Testing"
    entry = Entry(f"eisen.utils.workflows.{default}", {"device": "auto"}, f"{phase.name}.Workflow")
    entry = phase.workflow[0] if phase.workflow else entry
    takes = signature_of(locate(entry.type))
    wanted = {name: getattr(phase.hyper, name) for name in _EVERYWHERE} | {"phase": phase.name}
    trained = _training_options(phase.hyper) if phase.name == "Training" else {}
    for name, value in trained.items():
        if value is not None and not takes.accepts(name):
            spelled = _SPELLED.get(name, name.capitalize())
            raise ConfigError(
                [Problem(entry.where, f"{entry.name} does not know .{spelled}", f"a workflow with {name}=")]
            )
    given = {k: v for k, v in {**wanted, **trained}.items() if v is not None and takes.accepts(k)}
    return replace(entry, params={**entry.params, **given})


def _training_options(hyper: Hyperparameters) -> dict[str, Any]:
    from eisen.utils.workflows import EMA, SWA

    options: dict[str, Any] = {name: getattr(hyper, name) for name in _TRAINING}
    if hyper.ema is not None and hyper.swa is not None:
        problem = Problem("General.Hyperparameters", ".EMA and .SWA are both set", "one average of the weights")
        raise ConfigError([problem])
    options["average"] = EMA(hyper.ema) if hyper.ema is not None else SWA(hyper.swa) if hyper.swa is not None else None
    return options
