"""Arithmetic on intensities: map to a range, normalise, threshold.

float64 arrays stay float64, everything else becomes float32. The array that comes in is never changed; tensors stay on
their device.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eisen import EPS
from eisen._core.errors import VoxelValueError
from eisen._core.optional import is_torch
from eisen.transforms.functional.ranking import percentiles as percentiles_of
from eisen.transforms.functional.tensors import as_array, as_either, flat, fresh, size_of

__all__ = ["DIRECTIONS", "fixed_mean_std", "map_range", "normalize_percentiles", "scale_shift", "threshold", "zscore"]

DIRECTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "greater": operator.gt,
    "smaller": operator.lt,
    "greater/equal": operator.ge,
    "smaller/equal": operator.le,
}


def map_range(array: Any, min_value: float = 0, max_value: float = 1, channelwise: bool = False) -> Any:
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
    result = fresh(array)
    for part in _parts(result, channelwise):
        if size_of(part):
            low = part.min()
            factor = (max_value - min_value) / (float(part.max()) - float(low) + EPS)
            part -= low
            part *= factor
            part += min_value
    return result


def fixed_mean_std(array: Any, mean: float, std: float) -> Any:
    """Return (x - mean) / std.

    Example:
        >>> fixed_mean_std(np.array([10.0, 30.0]), mean=20, std=10)
        array([-1.,  1.])
    """
    result = fresh(array)
    result -= mean
    result /= std
    return result


def zscore(
    array: Any,
    channelwise: bool = False,
    nonzero: bool = False,
    percentiles: Sequence[float] | None = None,
    *,
    mask: Any = None,
) -> Any:
    """Bring intensities to mean 0 and standard deviation 1, whatever the scale of the scanner.

    Args:
        array: Any shape.
        channelwise: Take mean and deviation of each slice along axis 0 separately.
        nonzero: Take them from the voxels that are not 0, and leave the others 0 (skull-stripped brains).
        percentiles: Two numbers between 0 and 100; intensities are clipped to these percentiles first.
        mask: Take them where this array is not 0; every voxel is normalised with them.

    Raises:
        VoxelValueError: If there are NaN or infinite voxels.

    Example:
        >>> zscore(np.array([1.0, 3.0]))
        array([-1.,  1.])
    """
    if not (channelwise or nonzero or mask is not None):  # without a copy to write into: a third of the time
        source = as_either(array)
        is_floating = str(source.dtype).removeprefix("torch.") in ("float32", "float64")
        return _standardised(source if is_floating else fresh(source), percentiles, None)
    result = fresh(array)
    for part, inside in _masked_parts(result, channelwise, mask):
        if nonzero:
            chosen = part != 0
            part[chosen] = _standardised(part[chosen], percentiles, None if inside is None else inside[chosen])
        else:
            part[...] = _standardised(part, percentiles, inside)
    return result


def normalize_percentiles(
    array: Any,
    ranks: Sequence[float],
    low: float = 0.0,
    high: float = 1.0,
    *,
    clip: bool = True,
    channelwise: bool = False,
    nonzero: bool = False,
    mask: Any = None,
) -> Any:
    """Map two percentiles of the intensities to two values, linearly; a constant array becomes `low`.

    Args:
        array: Any shape.
        ranks: Two percentiles, 0 to 100.
        low: What the lower percentile becomes.
        high: What the upper percentile becomes.
        clip: Whether what lies outside of the percentiles is cut off.
        channelwise: Measure the percentiles of each slice along axis 0 separately.
        nonzero: Measure them from the voxels that are not 0.
        mask: Measure them where this array is not 0.

    Example:
        >>> normalize_percentiles(np.arange(11.0), [10, 90])
        array([0.   , 0.   , 0.125, 0.25 , 0.375, 0.5  , 0.625, 0.75 , 0.875,
               1.   , 1.   ])
    """
    source, result = as_either(array), fresh(array)
    wholes = _masked_parts(source, channelwise, mask)
    for part, (whole, inside) in zip(_parts(result, channelwise), wholes, strict=True):
        measured = whole if inside is None else whole[inside]
        measured = measured[measured != 0] if nonzero else measured
        if size_of(measured):
            bottom, top = _finite(percentiles_of(measured, ranks), measured)
            part -= bottom
            part *= (high - low) / (top - bottom) if top > bottom else 0
            part += low
            if clip:
                part[...] = part.clip(min(low, high), max(low, high))
    return result


def _parts(array: Any, channelwise: bool) -> Any:
    return array if channelwise and array.ndim > 1 else [array]


def _masked_parts(array: Any, channelwise: bool, mask: Any) -> Any:
    """Yield the parts to normalise, each with where to measure."""
    if mask is None:
        return ((part, None) for part in _parts(array, channelwise))
    inside = inside_of(mask, array)
    return zip(_parts(array, channelwise), _parts(inside, channelwise), strict=True)


def inside_of(mask: Any, array: Any) -> Any:
    """Return where a mask is not 0, in the shape, kind and place of the array; a mask without channels is for all."""
    if is_torch(array):
        import torch

        return torch.as_tensor(mask if is_torch(mask) else as_array(mask)).to(array.device).ne(0).expand(array.shape)
    return np.broadcast_to(as_array(mask) != 0, array.shape)


def _standardised(source: Any, ranks: Sequence[float] | None, inside: Any) -> Any:
    values = source
    measured = values if inside is None else values[inside]
    if not size_of(measured):
        return values
    if ranks is not None:
        low, high = percentiles_of(measured, ranks)
        values, measured = values.clip(low, high), measured.clip(low, high)
    mean = measured.mean()
    centred = values - mean
    spread = flat(centred if inside is None else centred[inside])
    # A dot product is the fastest sum of squares there is, on both sides.
    std = float(spread @ spread / size_of(spread)) ** 0.5
    _finite([std], source)
    # A constant image has a deviation of a few rounding errors, which must not be blown up to 1.
    eps = np.finfo(str(values.dtype).removeprefix("torch.")).eps
    centred *= 1 / std if std > 8 * eps * abs(float(mean)) else 0
    return centred


def _finite(measured: list[float], source: Any) -> list[float]:
    """Return what was measured, or say how many voxels it is not finite for."""
    if not np.isfinite(measured).all():
        values = as_array(source)
        raise VoxelValueError(
            f"{int((~np.isfinite(values)).sum())} of {values.size} voxels are NaN or infinite",
            expected="finite intensities",
            to_do="put CheckFinite after the reader to find the voxels, and repair or remove the case",
        )
    return measured


def threshold(array: Any, value: float, direction: str = "greater") -> Any:
    """Return 1 where the comparison with `value` holds and 0 elsewhere, in the dtype of the array.

    Args:
        array: Any shape.
        value: The threshold.
        direction: "greater", "smaller", "greater/equal" or "smaller/equal".

    Example:
        >>> threshold(np.array([1, 2, 3]), 2, "greater/equal")
        array([0, 1, 1])
    """
    source = as_either(array)
    passed = DIRECTIONS[direction](source, value)
    return passed.to(source.dtype) if is_torch(source) else passed.astype(source.dtype)


def scale_shift(array: Any, scale: float, shift: float) -> Any:
    """Return x * scale + shift.

    Example:
        >>> scale_shift(np.array([1.0, 2.0]), 2.0, 0.5)
        array([2.5, 4.5])
    """
    result = fresh(array)
    result *= scale
    result += shift
    return result
