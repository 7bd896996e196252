"""From what a model returns to probabilities."""

from __future__ import annotations

import numpy as np

from eisen._core.errors import ArgumentError, VoxelValueError
from eisen._core.types import Array

__all__ = ["ACTIVATIONS", "probabilities"]

ACTIVATIONS = ("auto", "none", "sigmoid", "softmax")


def probabilities(output: Array, activation: str = "auto", declared: str | None = None) -> Array:
    """Turn the output of a model into probabilities.

    Args:
        output: Array (channels, ...) of one case.
        activation: ``"sigmoid"``, ``"softmax"``, ``"none"``, or ``"auto"``: what the model declares; else nothing
            when all values lie between 0 and 1; else softmax over several channels, sigmoid of a single one.
        declared: The model's own attribute ``outputs_activation``, if it has one: with ``"sigmoid"`` or
            ``"softmax"`` it has applied it already.

    Raises:
        ArgumentError: If there is no such activation.
        VoxelValueError: If the output is not finite.

    Example:
        >>> probabilities(np.array([[-2.0, 0.0, 2.0]])).round(2).tolist()
        [[0.12, 0.5, 0.88]]
    """
    if activation not in ACTIVATIONS:
        raise ArgumentError(f"activation is {activation!r}", expected=f"one of {', '.join(ACTIVATIONS)}")
    if not np.isfinite(output).all():
        raise VoxelValueError(
            "the model returned NaN or infinite values",
            expected="finite numbers",
            to_do="look at the weights: the training may have diverged",
        )
    if activation == "auto":
        activation = _guess(output, declared)
    if activation == "sigmoid":
        return np.asarray(1 / (1 + np.exp(-np.clip(output, -60, 60))))
    if activation == "softmax":
        powers = np.exp(output - output.max(axis=0, keepdims=True))
        return np.asarray(powers / powers.sum(axis=0, keepdims=True))
    return output


def _guess(output: Array, declared: str | None) -> str:
    if declared in ("sigmoid", "softmax"):
        return "none"
    if declared is None and output.min() >= 0 and output.max() <= 1:
        return "none"
    return "softmax" if output.shape[0] > 1 else "sigmoid"
