"""What a model predicts: label maps, images, classes or numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eisen._core.errors import ArgumentError, nearest
from eisen.config import Experiment
from eisen.experiments.prediction.links import (
    ACTIVATIONS,
    Link,
    declared_activation,
    link_of,
    link_of_losses,
    losses_of,
)

if TYPE_CHECKING:
    import torch

__all__ = ["KINDS", "Meaning", "Reader", "checked_kind"]

KINDS = ("auto", "labels", "image", "classes", "values")
_REGRESSION = {"MSELoss", "L1Loss", "SmoothL1Loss", "HuberLoss", "PoissonNLLLoss", "GaussianNLLLoss"}


@dataclass(frozen=True)
class Meaning:
    """What the output of a model means.

    Args:
        kind: ``"labels"`` (a class for every voxel), ``"image"`` (an intensity for every voxel), ``"classes"`` (one
            class, or several, for the case) or ``"values"`` (numbers for the case).
        link: How it becomes probabilities; None for images and numbers.
    """

    kind: str
    link: Link | None = None


@dataclass(frozen=True)
class Reader:
    """Tells from its configuration and its first output what a model predicts.

    Args:
        experiment: The configuration.
        output_name: Field that the model writes.
        kind: What the user says, one of `KINDS`.
        activation: What the user says, see `eisen.experiments.prediction.links.link_of`.

    Raises:
        ArgumentError: If there is no such kind or activation.
    """

    experiment: Experiment
    output_name: str
    kind: str = "auto"
    activation: str = "auto"

    def __post_init__(self) -> None:
        checked_kind(self.kind)
        if self.activation not in ACTIVATIONS:
            raise ArgumentError(f"activation is {self.activation!r}", expected=f"one of {', '.join(ACTIVATIONS)}")

    def meaning(self, output: torch.Tensor, network: torch.nn.Module) -> Meaning:
        """Return what an output (N, C, ...) of a network means.

        Raises:
            ArgumentError: If it cannot be what the user says.
        """
        kind = self._kind(output.ndim > 2)
        if kind in ("image", "values"):
            return Meaning(kind)
        trained = link_of_losses(self.experiment, self.output_name)
        return Meaning(kind, link_of(output, self.activation, declared_activation(network), trained))

    def _kind(self, has_voxels: bool) -> str:
        possible = ("labels", "image") if has_voxels else ("classes", "values")
        if self.kind == "auto":
            return possible[self._is_regression()]
        if self.kind not in possible:
            what = "a value for every voxel" if has_voxels else "a few numbers for each case"
            raise ArgumentError(
                f"the model returns {what}, which cannot be written as {self.kind}",
                expected=f"--output-kind {possible[0]} or {possible[1]}",
            )
        return self.kind

    def _is_regression(self) -> bool:
        names = [entry.name for entry in losses_of(self.experiment, self.output_name)]
        return bool(names) and all(name in _REGRESSION for name in names) and not self.experiment.hyper.labels


def checked_kind(kind: str) -> str:
    """Return the kind of a prediction if there is one of this name.

    Raises:
        ArgumentError: If there is none.

    Example:
        >>> checked_kind("labels")
        'labels'
    """
    if kind not in KINDS:
        raise ArgumentError(
            f"output kind is {kind!r}", expected=f"one of {', '.join(KINDS)}", to_do=nearest(str(kind), KINDS)
        )
    return kind
