"""The blends of all outputs of a network, side by side."""

from __future__ import annotations

import logging
import math
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from eisen._core.errors import ArgumentError
from eisen._core.sizes import memory_text
from eisen._core.types import Array
from eisen.patches.sliding.blending import Blend
from eisen.patches.sliding.outputs import Layout, OutputGrid
from eisen.patches.sliding.tiling import Tiling
from eisen.patches.sliding.tracks import Track

__all__ = ["Mixer", "Space"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Space:
    """Room for results.

    Args:
        n_cases: How many cases a result has.
        device: Where it is kept.
        memory: Bytes; what needs more is kept in a file. None: nothing is.
    """

    n_cases: int
    device: torch.device
    memory: int | None = None

    def empty(self, shape: Sequence[int], dtype: torch.dtype) -> torch.Tensor:
        """Return a tensor of any content."""
        if self.device.type != "cpu":
            return torch.empty(tuple(shape), dtype=dtype, device=self.device)
        kind = np.float64 if dtype == torch.float64 else np.float32
        n_bytes = math.prod(shape) * np.dtype(kind).itemsize
        if self.memory is None or n_bytes <= self.memory:
            return torch.from_numpy(np.empty(tuple(shape), kind))  # large pages, which PyTorch does not ask for
        _log.warning(
            "the result needs %s, more than the budget of %s: it is kept in a file in %s until it is let go",
            memory_text(n_bytes),
            memory_text(self.memory),
            tempfile.gettempdir(),
        )
        with tempfile.TemporaryFile() as file:
            file.truncate(n_bytes)
            return torch.from_numpy(np.memmap(file, kind, "r+", shape=tuple(shape)))


class Mixer:
    """Adds up all outputs of the windows.

    Args:
        layout: The outputs.
        tiling: The windows.
        weights: Weight of each voxel of a window, three axes.
        space: Room for the results.
        second: Which voxels of the image are wanted along the second axis; None: all.
        whole: Keep all to the end; else what is finished has to be taken.
        background: What is said where all windows were left out, one number or one per channel; None: none ever is.
    """

    def __init__(
        self,
        layout: Layout,
        tiling: Tiling,
        weights: Array,
        space: Space,
        second: tuple[int, int] | None = None,
        whole: bool = True,
        background: float | Sequence[float] | None = None,
    ) -> None:
        self.layout = layout
        self._background = [_background(grid, background or 0.0, space.device) for grid in layout.grids]
        self.blends: list[Blend] = []
        self._counts: list[Blend] = []
        for grid in layout.grids:
            tracks = grid.tracks(tiling, second)
            counted = torch.from_numpy(_scaled(weights, grid.window)).to(space.device, grid.dtype)
            room = _shape(grid, tracks, space.n_cases, whole)
            has_gaps = background is not None
            self.blends.append(Blend(tracks, counted, space.empty(room, grid.dtype), divides=not has_gaps))
            if has_gaps:
                single = space.empty((1, 1, *room[2:]), grid.dtype)
                self._counts.append(Blend(tracks, counted, single, divides=False))
        self._ones = [torch.ones((), device=space.device).expand(1, 1, *grid.window) for grid in layout.grids]

    @property
    def _all(self) -> list[Blend]:
        return [*self.blends, *self._counts]

    def start_row(self, first: int) -> None:
        """Begin with the windows of a row of a column."""
        for blend in self._all:
            blend.column.start_row(first)

    def add(self, second: int, outputs: Sequence[torch.Tensor] | None) -> None:
        """Add the outputs of a window, by its number along the second axis; None: it was left out."""
        parts: Sequence[torch.Tensor | None] = [None] * len(self.blends) if outputs is None else outputs
        for blend, values in zip(self.blends, parts, strict=True):
            blend.column.add(second, values)
        for count, ones in zip(self._counts, self._ones, strict=False):
            count.column.add(second, None if outputs is None else ones)

    def end_row(self, first: int, third: int) -> None:
        """Add the windows of a row to the results."""
        for blend in self._all:
            blend.end_row(first, third)

    def end_column(self, third: int) -> list[slice]:
        """Finish a part of each output, and return which along its last axis."""
        parts = [blend.end_column(third) for blend in self.blends]
        for blend, count, background, part in zip(self.blends, self._counts, self._background, parts, strict=False):
            count.end_column(third)
            seen, values = count.values(part), blend.values(part)
            values.div_(seen)
            torch.where(seen > 0, values, background, out=values)
        return parts

    def forget(self) -> None:
        """Let go of what is finished."""
        for blend in self._all:
            blend.forget()


def _shape(grid: OutputGrid, tracks: Sequence[Track], n_cases: int, whole: bool) -> tuple[int, ...]:
    first, second, third = tracks
    width = third.size if whole else min(third.window, third.size)
    return n_cases, grid.channels, first.size, second.size, width


def _scaled(weights: Array, window: tuple[int, int, int]) -> Array:
    """Return the weights on the grid of an output: those of the voxels its own lie in."""
    if weights.shape == window:
        return weights
    sizes = zip(window, weights.shape, strict=True)
    at = [np.minimum(((np.arange(n) + 0.5) * w / n).astype(int), w - 1) for n, w in sizes]
    return np.ascontiguousarray(weights[np.ix_(*at)])


def _background(grid: OutputGrid, background: float | Sequence[float], device: torch.device) -> torch.Tensor:
    values = torch.as_tensor(background, dtype=grid.dtype, device=device).reshape(-1)
    if len(values) not in (1, grid.channels):
        raise ArgumentError(
            f"the background has {len(values)} values for {grid.channels} channels",
            expected=f"one number, or {grid.channels}, one for each channel that the network returns",
        )
    return values.reshape(1, -1, 1, 1, 1)
