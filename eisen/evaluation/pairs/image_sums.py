"""Sums over two images, made from short pieces, in float64."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self, TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["ErrorSums", "Moments"]

_Piece = tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]
_M = TypeVar("_M", bound="Moments")


@dataclass(frozen=True)
class ErrorSums:
    """Sums of the differences, prediction minus reference.

    Args:
        plain: Of themselves.
        absolute: Of their absolute values.
        squared: Of their squares.
    """

    plain: float
    absolute: float
    squared: float

    @classmethod
    def of(cls, pieces: Iterable[_Piece]) -> Self:
        """Add the pieces up.

        Args:
            pieces: Voxels of the prediction and of the reference.
        """
        plain, absolute, squared = [], [], []
        with np.errstate(invalid="ignore", over="ignore"):  # NaN and infinity are told by ImagePair.problem
            for prediction, reference in pieces:
                difference = prediction - reference
                plain.append(float(difference.sum()))
                squared.append(float(difference @ difference))
                absolute.append(float(np.abs(difference, out=difference).sum()))
        return cls(_total(plain), _total(absolute), _total(squared))


@dataclass(frozen=True)
class Moments:
    """What is known of the reference, and of how the prediction varies with it.

    Args:
        n: How many voxels.
        mean: Of the reference.
        squares: Sum of squared distances of the reference from its mean.
        low: Smallest value of the reference.
        high: Largest value of the reference.
        mean_predicted: Mean of the prediction.
        squares_predicted: Sum of squared distances of the prediction from its mean.
        products: Sum of products of both distances.
    """

    n: int
    mean: float
    squares: float
    low: float
    high: float
    mean_predicted: float
    squares_predicted: float
    products: float

    @property
    def is_finite(self) -> bool:
        """Whether no sum was too large for 64-bit floats."""
        return math.isfinite(self.energy + self.squares_predicted)

    @property
    def energy(self) -> float:
        """Sum of the squares of the reference."""
        return self.squares + self.n * self.mean * self.mean

    @classmethod
    def of(cls, pieces: Iterable[_Piece]) -> Self:
        """Add the pieces up; each around its own mean, which loses no digits where the values are far from 0.

        Args:
            pieces: Voxels of the prediction and of the reference.

        Source: Chan, Golub, LeVeque, Updating formulae and a pairwise algorithm for computing sample variances, 1979.
        """
        total = cls(0, 0.0, 0.0, math.inf, -math.inf, 0.0, 0.0, 0.0)
        with np.errstate(invalid="ignore", over="ignore"):
            for prediction, reference in pieces:
                if len(reference):
                    total = total.joined(_of_piece(cls, prediction, reference))
        return total

    def joined(self, other: Self) -> Self:
        """Return the moments of the voxels of both.

        Args:
            other: Of other voxels.
        """
        n = self.n + other.n
        step, step_predicted = other.mean - self.mean, other.mean_predicted - self.mean_predicted
        share, weight = other.n / n, self.n * other.n / n
        return type(self)(
            n,
            self.mean + share * step,
            self.squares + other.squares + weight * step * step,
            min(self.low, other.low),
            max(self.high, other.high),
            self.mean_predicted + share * step_predicted,
            self.squares_predicted + other.squares_predicted + weight * step_predicted * step_predicted,
            self.products + other.products + weight * step * step_predicted,
        )


def _of_piece(cls: type[_M], prediction: npt.NDArray[np.float64], reference: npt.NDArray[np.float64]) -> _M:
    mean, r = _centred(reference)
    mean_predicted, p = _centred(prediction)
    low, high = float(reference.min()), float(reference.max())
    return cls(len(r), mean, float(r @ r), low, high, mean_predicted, float(p @ p), float(r @ p))


def _centred(values: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
    """Return the mean, and the values minus it; a constant varies by exactly 0, whatever rounding does to its mean."""
    mean = float(values[0]) if (values == values[0]).all() else float(values.mean())
    return mean, values - mean


def _total(values: list[float]) -> float:
    return math.fsum(values) if all(map(math.isfinite, values)) else float("nan") if values else 0.0
