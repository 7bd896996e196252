"""From what a model returns to probabilities, and from probabilities back to logits."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Any

from eisen._core.errors import ArgumentError, VoxelValueError
from eisen.config import Entry, Experiment, locate

if TYPE_CHECKING:
    import torch

__all__ = ["ACTIVATIONS", "Link", "declared_activation", "demand_finite", "link_of", "link_of_losses"]

ACTIVATIONS = ("auto", "none", "sigmoid", "softmax")
_OF_TORCH = {
    "CrossEntropyLoss": ("softmax", False),
    "NLLLoss": ("softmax", False),
    "BCEWithLogitsLoss": ("sigmoid", False),
    "MultiLabelSoftMarginLoss": ("sigmoid", False),
    "BCELoss": ("sigmoid", True),
}
_TINY = 1e-7
_SUM_TOLERANCE = 1e-2


@dataclass(frozen=True)
class Link:
    """How the output of a model and probabilities belong together.

    Args:
        kind: ``"softmax"`` for classes that exclude each other, ``"sigmoid"`` for one class or overlapping ones.
        applied: Whether the model returns probabilities already, not logits.

    Example:
        >>> import torch
        >>> link = Link("softmax")
        >>> link.probabilities(torch.tensor([[2.0, 0.0]])).round(decimals=2)
        tensor([[0.8800, 0.1200]])
        >>> link.probabilities(torch.tensor([[2.0, 0.0]]), temperature=2.0).round(decimals=2)
        tensor([[0.7300, 0.2700]])
    """

    kind: str
    applied: bool = False

    def probabilities(self, output: torch.Tensor, temperature: float | None = None) -> torch.Tensor:
        """Return the probabilities (N, C, ...) that an output means.

        Args:
            output: What the model returned, (N, C, ...).
            temperature: What the logits are divided by; None: nothing.
        """
        if self.applied and temperature is None:
            return output
        logits = self.logits(output) if self.applied else output
        logits = logits if temperature is None else logits / temperature
        return logits.softmax(dim=1) if self.kind == "softmax" else logits.sigmoid()

    def logits(self, probabilities: torch.Tensor) -> torch.Tensor:
        """Return logits of probabilities; those of a softmax are up to a constant that it does not see."""
        if self.kind == "softmax":
            return probabilities.clamp_min(_TINY**4).log()
        return probabilities.logit(_TINY)


def link_of(
    output: torch.Tensor, asked: str = "auto", declared: str | None = None, trained: Link | None = None
) -> Link:
    """Return how an output becomes probabilities.

    Args:
        output: The first output of the model, (N, C, ...); decides what nothing else tells.
        asked: ``"sigmoid"``, ``"softmax"``, ``"none"`` for what are probabilities already, or ``"auto"``: what the
            model declares, else what its loss takes, else probabilities when all values are ones, else softmax over
            several channels and sigmoid of a single one.
        declared: What the model says it has applied: ``"sigmoid"``, ``"softmax"`` or ``"none"``; None: it says nothing.
        trained: What its loss takes, if that is known.

    Raises:
        ArgumentError: If there is no such activation.

    Example:
        >>> import torch
        >>> link_of(torch.tensor([[-2.0, 0.5]]))
        Link(kind='softmax', applied=False)
        >>> link_of(torch.tensor([[0.5, 0.5]]))
        Link(kind='softmax', applied=True)
    """
    if asked not in ACTIVATIONS:
        raise ArgumentError(f"activation is {asked!r}", expected=f"one of {', '.join(ACTIVATIONS)}")
    several = output.shape[1] > 1
    if asked in ("sigmoid", "softmax"):
        return Link(asked)
    if declared in ("sigmoid", "softmax"):
        return Link(declared, applied=True)
    sums_to_one = several and bool(((output.sum(1) - 1).abs() < _SUM_TOLERANCE).all())
    if asked == "none":
        return Link("softmax" if sums_to_one else "sigmoid", applied=True)
    if trained is not None:
        return Link(trained.kind, trained.applied and declared is None)
    within = declared is None and bool(((output >= 0) & (output <= 1)).all())
    if within and (sums_to_one or not several or output.ndim > 2):
        return Link("softmax" if sums_to_one else "sigmoid", applied=True)
    return Link("softmax" if several else "sigmoid")


def declared_activation(module: Any) -> str | None:
    """Return what a network says about its last layer: ``"sigmoid"``, ``"softmax"``, ``"none"``; None: nothing.

    Networks of eisen keep the layer, those of others perhaps its name, as `outputs_activation`.

    Example:
        >>> from eisen.models import UNet
        >>> declared_activation(UNet(1, 1, n_filters=16, outputs_activation="sigmoid"))
        'sigmoid'
    """
    value = getattr(module, "outputs_activation", None)
    if value is None or isinstance(value, str):
        return value
    return {"Sigmoid": "sigmoid", "Softmax": "softmax", "Identity": "none"}.get(type(value).__name__)


def link_of_losses(experiment: Experiment, output_name: str) -> Link | None:
    """Return what the losses of a configuration take the output of the model for; None when they do not tell.

    Args:
        experiment: The configuration.
        output_name: Field that the model writes.
    """
    for entry in losses_of(experiment, output_name):
        if entry.name in _OF_TORCH:
            return Link(*_OF_TORCH[entry.name])
        activation = entry.params.get("activation", _default(entry, "activation"))
        if activation in ("sigmoid", "softmax"):
            return Link(activation)
    return None


def losses_of(experiment: Experiment, output_name: str) -> Iterable[Entry]:
    """Yield the losses that look at an output, those of Training first."""
    for phase in experiment.phases.values():
        yield from (entry for entry in phase.losses if output_name in entry.input_names)


def demand_finite(output: torch.Tensor) -> None:
    """Make sure that a model returned numbers.

    Raises:
        VoxelValueError: If some are NaN or infinite.
    """
    if not bool(output.isfinite().all()):
        raise VoxelValueError(
            "the model returned NaN or infinite values",
            expected="finite numbers",
            to_do="look at the weights: the training may have diverged",
        )


def _default(entry: Entry, name: str) -> Any:
    parameter = signature(locate(entry.type)).parameters.get(name)
    return None if parameter is None else parameter.default
