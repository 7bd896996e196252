"""Putting saved weights into a model, and saying what does not fit."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen._core.errors import TrainingError
from eisen.experiments.checkpoint import load_weights

if TYPE_CHECKING:
    import torch

    from eisen.utils.distributed import Distribution

__all__ = ["bare_module", "load_into", "start_facts", "state_bytes"]


def load_into(model: torch.nn.Module, path: Path) -> None:
    """Load a file of weights into a model.

    Both the weights alone (``models/best.pt``, or what `SaveTorchModelHook` writes) and a whole checkpoint
    (``checkpoint.pt``) are understood, and a ``module.`` in front of every name is taken off.

    Args:
        model: The model, wrapped or not.
        path: The file.

    Raises:
        MissingFileError: If the file is not there.
        CorruptFileError: If it cannot be decoded.
        TrainingError: If the weights are of another model.
    """
    state = load_weights(path)
    fit_state(model, state["model"] if "model" in state and "epoch" in state else state, str(path))


def fit_state(
    model: torch.nn.Module, state: Mapping[str, Any], source: str, distribution: Distribution | None = None
) -> None:
    """Load weights by name; everything must fit.

    Args:
        model: The model, wrapped or not.
        state: The weights, whole.
        source: Where they come from.
        distribution: The processes over which the model may be spread.

    Raises:
        TrainingError: If a weight is missing, superfluous or of another shape; the card names the first ones.
    """
    module = bare_module(model)
    own = module.state_dict()
    weights = _without_prefix(state) if not set(state) & set(own) else dict(state)
    problems = [f"{name} is missing" for name in own if name not in weights]
    problems += [f"{name} is unknown" for name in weights if name not in own]
    problems += [
        f"{name} has shape {tuple(weights[name].shape)} instead of {tuple(value.shape)}"
        for name, value in own.items()
        if name in weights and tuple(weights[name].shape) != tuple(value.shape)
    ]
    if problems:
        more = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise TrainingError(
            f"the weights in {source} do not fit the model: {', '.join(problems[:3])}{more}",
            expected=f"weights of a {type(module).__name__} built with the parameters of this configuration",
            to_do="use the configuration the weights were trained with",
            file=source,
        )
    if distribution is None:
        module.load_state_dict(weights)
    else:
        distribution.load_model(module, weights)


def bare_module(model: torch.nn.Module) -> torch.nn.Module:
    """Return the network itself, without eisen's wrapper and torch's parallel ones."""
    while isinstance(inner := getattr(model, "module", None), _module_class()):
        model = inner
    return model


def start_facts(model: torch.nn.Module, path: Path | None, folder: Path) -> dict[str, Any]:
    """Return what the record says about the weights a training starts from; nothing when they are random ones.

    Args:
        model: The model, which has them.
        path: Their file; None: they are random.
        folder: The artifact folder, from which the file is named.
    """
    from eisen.experiments.provenance.state_digest import weights_digest

    if path is None:
        return {}
    digest = weights_digest(bare_module(model).state_dict())
    return {"start_weights": {"file": os.path.relpath(path, folder), "digest": digest}}


def state_bytes(model: torch.nn.Module) -> int:
    """Return how many bytes the weights take."""
    return sum(value.numel() * value.element_size() for value in bare_module(model).state_dict().values())


def _module_class() -> type[torch.nn.Module]:
    import torch

    return torch.nn.Module


def _without_prefix(state: Mapping[str, Any]) -> dict[str, Any]:
    return {name.removeprefix("module."): value for name, value in state.items()}
