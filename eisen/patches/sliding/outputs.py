"""What a network returns for a window: one tensor, or several in a tuple, list or dict, each on a grid of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, lcm
from typing import Any

import torch

from eisen._core.errors import ShapeError
from eisen.patches.sliding.tiling import Lane, Tiling
from eisen.patches.sliding.tracks import Track

__all__ = ["Layout", "OutputGrid", "flattened", "rebuilt"]


@dataclass(frozen=True)
class OutputGrid:
    """The grid of one output.

    Args:
        channels: How many it has.
        window: Its size for a window, three axes.
        scale: Its voxels per voxel of the image, along each axis.
        dtype: Type of the result.
    """

    channels: int
    window: tuple[int, int, int]
    scale: tuple[Fraction, Fraction, Fraction]
    dtype: torch.dtype

    def tracks(self, tiling: Tiling, second: tuple[int, int] | None = None) -> tuple[Track, Track, Track]:
        """Return where the outputs of the windows lie.

        Args:
            tiling: The windows over the image.
            second: The voxels of the image that are wanted along the second axis; None: all.
        """
        a, b, c = tiling.lanes
        low, high = (0, b.size) if second is None else second
        numbers = range(len(b.starts)) if second is None else b.within(low, high)
        return (
            self._track(0, a, range(len(a.starts)), 0, a.size),
            self._track(1, b, numbers, low, high),
            self._track(2, c, range(len(c.starts)), 0, c.size),
        )

    def _track(self, axis: int, lane: Lane, numbers: range, low: int, high: int) -> Track:
        scale = self.scale[axis]
        starts = tuple(int(lane.starts[number] * scale) for number in numbers)
        first = int(lane.before * scale)
        return Track(starts, self.window[axis], first + int(low * scale), first + ceil(high * scale))


@dataclass(frozen=True)
class Layout:
    """The grids of all outputs of a network.

    Args:
        grids: One per output.
        form: What the network returns, with the number of each output in its place.
    """

    grids: tuple[OutputGrid, ...]
    form: Any

    def rebuild(self, outputs: Sequence[Any]) -> Any:
        """Return outputs in the form that the network returns."""
        return rebuilt(self.form, outputs)

    @property
    def grain(self) -> tuple[int, int, int]:
        """What the starts of windows have to be multiples of, so that they lie on voxels of every output."""
        a, b, c = (lcm(*(grid.scale[axis].denominator for grid in self.grids)) for axis in range(3))
        return a, b, c


def layout_of(outputs: Sequence[torch.Tensor], form: Any, window: tuple[int, int, int]) -> Layout:
    """Return the grids of outputs (cases, channels, three axes) for windows of a size.

    Raises:
        ShapeError: If an output fits the window nowhere.
    """
    return Layout(tuple(_grid_of(output, window) for output in outputs), form)


def _grid_of(output: torch.Tensor, window: tuple[int, int, int]) -> OutputGrid:
    sizes = tuple(int(n) for n in output.shape[2:])
    a, b, c = (Fraction(n, w) for n, w in zip(sizes, window, strict=True))
    if not all(f.numerator == 1 or f.denominator == 1 for f in (a, b, c)):
        raise ShapeError(
            f"the network returned {sizes} voxels for a window of {window}",
            expected="as many as the window has, or a whole multiple or fraction of them along each axis",
            to_do="use a network that pads its convolutions, and a window that its pooling divides",
        )
    dtype = output.dtype if output.dtype == torch.float64 else torch.float32
    return OutputGrid(int(output.shape[1]), (sizes[0], sizes[1], sizes[2]), (a, b, c), dtype)


def flattened(result: Any) -> list[Any]:
    """Return the outputs in what a network returned.

    Example:
        >>> flattened({"out": 1, "aux": [2, 3]})
        [1, 2, 3]
    """
    if isinstance(result, Mapping):
        return [leaf for value in result.values() for leaf in flattened(value)]
    if isinstance(result, (list, tuple)):
        return [leaf for value in result for leaf in flattened(value)]
    return [result]


def rebuilt(result: Any, leaves: Sequence[Any]) -> Any:
    """Return other outputs in the form of what a network returned.

    Example:
        >>> rebuilt({"out": 1, "aux": [2, 3]}, "abc")
        {'out': 'a', 'aux': ['b', 'c']}
    """
    return _rebuilt(result, iter(leaves))


def _rebuilt(result: Any, leaves: Any) -> Any:
    if isinstance(result, Mapping):
        return {name: _rebuilt(value, leaves) for name, value in result.items()}
    if isinstance(result, (list, tuple)):
        parts = [_rebuilt(value, leaves) for value in result]
        return type(result)(*parts) if hasattr(result, "_fields") else type(result)(parts)
    return next(leaves)


def demand_output(output: Any, n_cases: int, n_axes: int) -> torch.Tensor:
    """Return an output of a network if it is a tensor of numbers for the voxels of windows.

    Raises:
        ShapeError: If it is something else.
    """
    fits = isinstance(output, torch.Tensor) and output.ndim == n_axes + 2 and len(output) == n_cases
    if not fits or not output.is_floating_point():
        got = f"{output.dtype} of shape {tuple(output.shape)}" if isinstance(output, torch.Tensor) else type(output)
        raise ShapeError(
            f"the network returned {got} for {n_cases} windows",
            expected=f"floating-point tensors ({n_cases}, channels, and {n_axes} spatial axes)",
            to_do="windows can only be put together when there is a number for every voxel",
        )
    tensor: torch.Tensor = output
    return tensor
