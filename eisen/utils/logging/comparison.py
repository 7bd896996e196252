"""References and predictions side by side: who was mistaken for whom, and at which border."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eisen._core.types import Array

__all__ = ["Comparison", "compare"]

_MAX_VALUES = 200_000
"""Voxels that are compared at most; taken evenly from all."""


@dataclass(frozen=True)
class Comparison:
    """Classes and scores of cases, or of voxels.

    Args:
        truth: Class of each, (n,).
        predicted: Class that was predicted for each, (n,).
        scores: Score of each class from 0 to 1, by class; empty where predictions are classes.
    """

    truth: npt.NDArray[np.int64]
    predicted: npt.NDArray[np.int64]
    scores: dict[int, Array]


def compare(truth: Array, found: Array) -> Comparison | str:
    """Bring a reference and predictions into one form.

    Args:
        truth: Classes: one per case (N,) or (N, 1), or per voxel (N, ...), (N, 1, ...), or one-hot (N, C, ...).
        found: Classes, probabilities or logits: (N,), (N, C) or (N, C, ...). Whole numbers of a single channel are
            classes; values outside 0 to 1 are logits.

    Returns:
        The comparison, or the reason why there is none.

    Example:
        >>> found = compare(np.array([0, 1]), np.array([[2.0, -1.0], [0.5, 3.0]]))
        >>> found.predicted, found.scores[1].round(2)
        (array([0, 1]), array([0.05, 0.92], dtype=float32))
    """
    if not truth.size or not found.size or not np.isfinite(found).all():
        return "there are no values, or values that are not finite"
    channels = found if found.ndim > 1 else found[:, None]
    truth = truth[-len(channels) :]  # classes are kept of the whole epoch, larger arrays of the last batch
    n_classes, grid = channels.shape[1], (len(channels), *channels.shape[2:])
    if truth.shape == channels.shape and n_classes > 1:
        truth = truth.argmax(axis=1)
    elif truth.ndim == channels.ndim and truth.shape[1] == 1:
        truth = truth[:, 0]
    if truth.shape != grid:
        return f"the shapes {truth.shape} and {found.shape} do not belong together"
    if not np.equal(np.mod(truth, 1), 0).all():
        return "the reference does not hold classes"
    step = max(1, -(-truth.size // _MAX_VALUES))
    wanted = truth.reshape(-1)[::step].astype(np.int64)
    flat = np.moveaxis(channels, 1, -1).reshape(-1, n_classes)[::step]
    return Comparison(wanted, *_decided(flat))


def _decided(values: Array) -> tuple[npt.NDArray[np.int64], dict[int, Array]]:
    """Return the class and the scores for values (n, channels)."""
    inside = values.min() >= 0 and values.max() <= 1
    if values.shape[1] == 1:
        single = values[:, 0]
        if np.equal(np.mod(single, 1), 0).all():
            return single.astype(np.int64), {1: single.astype(np.float32)} if inside else {}
        scores = single if inside else _sigmoid(single)
        return (scores >= 0.5).astype(np.int64), {1: scores.astype(np.float32)}
    scores = values if inside else _softmax(values)
    return values.argmax(axis=1).astype(np.int64), {c: scores[:, c].astype(np.float32) for c in range(values.shape[1])}


def _sigmoid(values: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(values, -80, 80))))


def _softmax(values: Array) -> Array:
    powers = np.exp(values - values.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))
