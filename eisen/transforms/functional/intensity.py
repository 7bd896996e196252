"""Arithmetic on intensities: map to a range, normalise, threshold.

float64 arrays stay float64, everything else becomes float32. The array that comes in is never changed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from eisen import EPS
from eisen._core.errors import VoxelValueError
from eisen._core.types import Array
from eisen.transforms.functional.tensors import accepts_tensors

__all__ = ["DIRECTIONS", "fixed_mean_std", "floating", "gamma", "map_range", "scale_shift", "threshold", "zscore"]

DIRECTIONS: dict[str, Callable[..., Array]] = {
    "greater": np.greater,
    "smaller": np.less,
    "greater/equal": np.greater_equal,
    "smaller/equal": np.less_equal,
}


@accepts_tensors
def map_range(array: Array, min_value: float = 0, max_value: float = 1, channelwise: bool = False) -> Array:
    """Map intensities linearly so that the smallest becomes `min_value` and the largest just below `max_value`.

    ``(x - min) / (max - min + 1e-5) * (max_value - min_value) + min_value``; a constant array becomes `min_value`.

    Args:
        array: Any shape.
        min_value: What the smallest value becomes.
        max_value: What the largest value comes close to.
        channelwise: Look for the smallest and largest value in each slice along axis 0 separately.

    Example:
        >>> map_range(np.array([0, 5, 10])).round(4)
        array([0. , 0.5, 1. ], dtype=float32)
    """
    result = np.array(array, dtype=floating(array))
    for part in result if channelwise and result.ndim > 1 else [result]:
        if part.size:
            low = part.min()
            factor = (max_value - min_value) / (float(part.max()) - float(low) + EPS)
            part -= low
            part *= factor
            part += min_value
    return result


@accepts_tensors
def fixed_mean_std(array: Array, mean: float, std: float) -> Array:
    """Return (x - mean) / std.

    Example:
        >>> fixed_mean_std(np.array([10.0, 30.0]), mean=20, std=10)
        array([-1.,  1.])
    """
    result = np.subtract(array, mean, dtype=floating(array))
    result /= std
    return result


@accepts_tensors
def zscore(
    array: Array, channelwise: bool = False, nonzero: bool = False, percentiles: Sequence[float] | None = None
) -> Array:
    """Bring intensities to mean 0 and standard deviation 1, whatever the scale of the scanner.

    Args:
        array: Any shape.
        channelwise: Take mean and deviation of each slice along axis 0 separately.
        nonzero: Take them from the voxels that are not 0, and leave the others 0 (skull-stripped brains).
        percentiles: Two numbers between 0 and 100; intensities are clipped to these percentiles first.

    Raises:
        VoxelValueError: If there are NaN or infinite voxels.

    Example:
        >>> zscore(np.array([1.0, 3.0]))
        array([-1.,  1.])
    """
    result = np.array(array, dtype=floating(array), order="K")
    for part in result if channelwise and result.ndim > 1 else [result]:
        if nonzero:
            mask = part != 0
            part[mask] = _standardised(part[mask], percentiles)
        else:
            part[...] = _standardised(part, percentiles)
    return result


def _standardised(source: Array, percentiles: Sequence[float] | None) -> Array:
    values = source
    if not values.size:
        return values
    if percentiles is not None:
        low, high = np.percentile(values, percentiles)
        values = np.clip(values, values.dtype.type(low), values.dtype.type(high))
    mean = values.mean()
    centred: Array = values - mean
    flat = centred.ravel(order="K")
    std = float(np.sqrt(np.dot(flat, flat) / flat.size))
    if not np.isfinite(std):
        raise VoxelValueError(
            f"{int((~np.isfinite(source)).sum())} of {source.size} voxels are NaN or infinite",
            expected="finite intensities",
            to_do="put CheckFinite after the reader to find the voxels, and repair or remove the case",
        )
    # A constant image has a deviation of a few rounding errors, which must not be blown up to 1.
    centred *= 1 / std if std > 8 * np.finfo(values.dtype).eps * abs(mean) else 0
    return centred


@accepts_tensors
def threshold(array: Array, value: float, direction: str = "greater") -> Array:
    """Return 1 where the comparison with `value` holds and 0 elsewhere, in the dtype of the array.

    Args:
        array: Any shape.
        value: The threshold.
        direction: "greater", "smaller", "greater/equal" or "smaller/equal".

    Example:
        >>> threshold(np.array([1, 2, 3]), 2, "greater/equal")
        array([0, 1, 1])
    """
    return DIRECTIONS[direction](array, value).astype(array.dtype)


@accepts_tensors
def scale_shift(array: Array, scale: float, shift: float) -> Array:
    """Return x * scale + shift.

    Example:
        >>> scale_shift(np.array([1.0, 2.0]), 2.0, 0.5)
        array([2.5, 4.5])
    """
    result = np.multiply(array, scale, dtype=floating(array))
    result += shift
    return result


@accepts_tensors
def gamma(array: Array, exponent: float) -> Array:
    """Bend the intensities by a power law, and leave the smallest and the largest where they are.

    ``((x - min) / (max - min)) ** exponent * (max - min) + min``, so arrays of any range can be bent.

    Args:
        array: Any shape.
        exponent: Above 1 darkens the middle, below 1 brightens it; positive.

    Example:
        >>> gamma(np.array([-1.0, 0.0, 1.0]), 2.0)
        array([-1. , -0.5,  1. ])
    """
    result = np.array(array, dtype=floating(array), order="K")
    low = result.min() if result.size else 0
    spread = float(result.max() - low) if result.size else 0.0
    if spread > 0:
        result -= low
        result *= 1 / spread
        np.power(result, exponent, out=result)
        result *= spread
        result += low
    return result


def floating(array: Array) -> np.dtype[np.floating]:
    """Return the dtype that arithmetic on the array is done in: float64 if it is that, otherwise float32."""
    return np.dtype(np.float64 if array.dtype == np.float64 else np.float32)
