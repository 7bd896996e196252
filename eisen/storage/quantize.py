"""Values as 16-bit integers: exactly where that is possible, else to within a 131 000th of their range."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from eisen._core.types import Array

__all__ = ["Scale", "quantized"]

_LOW, _HIGH = -32768, 32767
_BLOCK = 256 << 10


@dataclass(frozen=True)
class Scale:
    """How stored integers become values: ``value = stored * slope + inter``.

    Args:
        slope: One number, or one per channel (first axis).
        inter: The same.

    Example:
        >>> Scale(2.0, 1.0).apply(np.array([0, 3], "int16"), np.empty(2))
        array([1., 7.])
    """

    slope: Any
    inter: Any

    def of(self, channel: int) -> Scale:
        """Return the scale of one channel."""
        slope, inter = np.asarray(self.slope), np.asarray(self.inter)
        return Scale(slope[channel], inter[channel]) if slope.ndim else self

    def apply(self, stored: Array, out: Array, channels: slice = slice(None)) -> Array:
        """Write the values of stored integers into an array and return it; float32 is computed in float32.

        Args:
            stored: Integers of the shape of `out`.
            out: Where the values go.
            channels: Which channels these are, where each has its own scale.
        """
        if out.dtype != np.float32 and out.dtype != np.float64:
            target = self.apply(stored, np.empty(out.shape, np.float64), channels)
            np.copyto(out, np.rint(target) if out.dtype.kind in "iu" else target, casting="unsafe")
            return out
        slope, inter = (np.asarray(part, out.dtype) for part in (self.slope, self.inter))
        if not slope.ndim:
            _scaled(stored, out, slope, inter)
            return out
        for k, (one, other) in enumerate(zip(slope[channels], inter[channels], strict=True)):
            _scaled(stored[k : k + 1], out[k : k + 1], one, other)
        return out


def _scaled(stored: Array, out: Array, slope: Any, inter: Any) -> None:
    """Scale in parts that stay in the cache of the processor while they are converted, multiplied and shifted."""
    if out.nbytes > _BLOCK and out.ndim > 1:
        step = _BLOCK // (out.nbytes // len(out))
        for k in range(0, len(out), max(1, step)):
            rows = slice(k, k + step) if step > 1 else k
            _scaled(stored[rows], out[rows], slope, inter)
        return
    np.copyto(out, stored)
    np.multiply(out, slope, out=out)
    if inter:
        np.add(out, inter, out=out)


def quantized(values: Array, lossless: bool = False) -> tuple[Array, Scale] | None:
    """Return values as 16-bit integers and their scale, or None if they have to stay as they are.

    Zero stays zero, so a background is the same after. Values that are a scaled copy of integers, such as a normalised
    CT, come back to within their own rounding, others to within half a step of 65 534 over their range.

    Args:
        values: Numbers of any shape; axis 0 is the channels where there are at least two axes.
        lossless: Only if every value comes back exactly.

    Example:
        >>> stored, scale = quantized(np.array([0.0, 0.25, 1.0], "float32"))
        >>> scale.apply(stored, np.empty(3, "float32"))
        array([0.  , 0.25, 1.  ], dtype=float32)
    """
    if not values.size or values.dtype.itemsize <= 2 or values.dtype.kind not in "iuf":
        return None
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    if _fits_as_it_is(values, lossless):
        return values.astype(np.int16), Scale(1.0, 0.0)
    if values.dtype.kind != "f" or not np.isfinite(values).all():
        return None
    parts = [_one(channel, lossless) for channel in (values if values.ndim > 1 else [values])]
    if any(part is None for part in parts):
        return None
    found = [part for part in parts if part is not None]
    slopes, inters = ([part[k] for part in found] for k in (1, 2))
    same = len(set(slopes)) == len(set(inters)) == 1
    scale = Scale(slopes[0], inters[0]) if same else Scale(np.array(slopes), np.array(inters))
    return np.stack([part[0] for part in found]).reshape(values.shape), scale


_Part = tuple[Array, float, float]


def _fits_as_it_is(values: Array, lossless: bool) -> bool:
    low, high = values.min(), values.max()
    if not (low >= _LOW and high <= _HIGH):  # also false for NaN
        return False
    again = values.astype(np.int16).astype(values.dtype)
    return np.array_equal(values, again) and not (lossless and np.signbit(values[again == 0]).any())


def _one(channel: Array, lossless: bool) -> _Part | None:
    """Return one channel as integers with slope and inter."""
    low, high = float(channel.min()), float(channel.max())
    if not np.isfinite(high - low):
        return None
    part = _on_its_own_grid(channel, low, high)
    if lossless:
        return part if part is not None and _error(channel, part, signs=True) == 0 else None
    if part is not None and _error(channel, part) <= 8 * np.finfo(channel.dtype).eps * max(abs(low), abs(high)):
        return part
    return _on_grid(channel, low, high, (high - low) / (_HIGH - _LOW - 1))


def _on_its_own_grid(channel: Array, low: float, high: float) -> _Part | None:
    """Return a channel in steps of the smallest gap between two of its values, if 16 bits have enough of them."""
    finest = (high - low) / (2 * (_HIGH - _LOW))
    gaps = np.diff(np.sort(channel, axis=None)).astype(np.float64)
    gaps = gaps[gaps > finest]
    if not gaps.size:
        return None
    smallest = gaps[gaps < 1.5 * gaps.min()].mean()
    n_steps = round(float((high - low) / smallest))
    return _on_grid(channel, low, high, (high - low) / n_steps) if n_steps < _HIGH - _LOW else None


def _on_grid(channel: Array, low: float, high: float, step: float) -> _Part:
    """Return a channel in steps, counted from 0 if it holds a 0, which then stays one, else from its lowest value."""
    kind = channel.dtype.type
    slope = kind(step) or kind(1)
    anchor = 0.0 if (channel == 0).any() else low
    first, last = round((low - anchor) / slope), round((high - anchor) / slope)
    shift = min(max(round(anchor / slope), _LOW - first), _HIGH - last)
    stored = np.rint((channel.astype(np.float64) - anchor) / float(slope)) + shift
    inter = kind(anchor) - kind(shift) * slope
    return np.clip(stored, _LOW, _HIGH).astype(np.int16), float(slope), float(inter)


def _error(channel: Array, part: _Part, signs: bool = False) -> float:
    """Return by how much a channel differs when it comes back; infinite if signs of zeros count and differ."""
    again = Scale(part[1], part[2]).apply(part[0], np.empty_like(channel))
    if signs and (np.signbit(again) != np.signbit(channel)).any():
        return float("inf")
    return float(np.abs(again - channel).max())
