"""From what a model returns to a label map on the grid of the file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from eisen._core.errors import ArgumentError, ShapeError, VoxelValueError
from eisen._core.types import Array, Geometry
from eisen.experiments.restore import native_slabs

__all__ = ["ACTIVATIONS", "label_map", "probabilities"]

ACTIVATIONS = ("auto", "none", "sigmoid", "softmax")

_THRESHOLD = 0.5


def label_map(output: Array, geometry: Geometry, values: Sequence[int] | None = None) -> Array:
    """Return the label map of one case on the grid of its file.

    Probabilities are brought to the file's grid first and compared there, so the contours are as smooth as the file
    allows. Voxels that the model has not seen are background.

    Args:
        output: Probabilities (channels, I, J, K) on the grid of `geometry`.
        geometry: Where the voxels are, and the grid of the file.
        values: Label value of each channel; None: 0, 1, 2 ... for several channels, 1 for a single one. When 0 is
            not among them, voxels where no channel reaches 0.5 are 0.

    Returns:
        Array of the file's shape; uint8 when all values fit, else int16 or int32.

    Raises:
        ShapeError: If the output does not have one channel per value, or not the shape of `geometry`.

    Example:
        >>> grid = Geometry.of(np.eye(4), (1, 1, 3))
        >>> label_map(np.array([[[[0.2, 0.7, 0.5]]]]), grid).tolist()
        [[[0, 1, 1]]]
    """
    if output.ndim != 4:
        raise ShapeError(f"the model's output has shape {output.shape}", expected="(channels, I, J, K) for a case")
    n_channels = output.shape[0]
    values = list(values) if values is not None else [1] if n_channels == 1 else list(range(n_channels))
    if len(values) != n_channels:
        raise ShapeError(f"the model's output has {n_channels} channels for the labels {values}")
    table = np.asarray(values, dtype=np.min_scalar_type(max(values)) if max(values) < 256 else np.int32)
    slabs = native_slabs(output.astype(np.float32, copy=False), geometry, order=1, fill=np.nan)
    return np.concatenate([_decide(slab, table) for slab in slabs], axis=0)


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


def _decide(slab: Array, table: Array) -> Array:
    """Return the label of every voxel; voxels out of sight are NaN in all channels."""
    unseen = np.isnan(slab[0])
    if 0 in table:
        labels = table[np.where(np.isnan(slab), -np.inf, slab).argmax(axis=0)]
    else:
        known = np.where(np.isnan(slab), -np.inf, slab)
        labels = np.where(known.max(axis=0) >= _THRESHOLD, table[known.argmax(axis=0)], 0).astype(table.dtype)
    labels[unseen] = 0
    return np.asarray(labels)
