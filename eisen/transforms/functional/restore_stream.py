"""Label maps on the grid of their files from probabilities that come slab by slab and never exist as a whole.

Every voxel of the file needs probabilities from a few columns of the network's grid only. Columns are let go as soon
as no voxel needs them any more, and classes are compared one after the other, so memory is that of a few columns of all
classes and of one class as a whole. The arithmetic is that of `restore_label_map`, and so is the result, bit for bit.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from eisen._core.errors import ShapeError
from eisen._core.types import Array, Geometry
from eisen.transforms.functional.regridding import index_map, is_exact, is_inside, piece_grid, pieces_of
from eisen.transforms.functional.tensors import as_array, as_tensor
from eisen.transforms.functional.warp import warp_image

__all__ = ["Box", "LabelStream", "stream_labels"]

_LEAST = 0.5
_MARGIN = 2
_WIDTH = 8
"""Voxels of the file along the axis of the stream that are decided at once."""


@dataclass(frozen=True)
class Box:
    """A part of the file's grid, and the columns of the network's grid that it needs.

    Args:
        native: The part, three slices.
        low: First column it needs.
        high: End of the columns it needs.
    """

    native: tuple[slice, slice, slice]
    low: int
    high: int


class LabelStream:
    """Decides the label of every voxel of a file while probabilities come in, column after column.

    Columns are those along the last axis of the network's grid.

    Args:
        geometry: The network's grid, and that of the file.
        n_channels: How many classes there are.
        values: Label value of each; None: see `restore_label_map`.

    Example:
        >>> grid = Geometry.of(np.eye(4), (1, 1, 3))
        >>> stream = LabelStream(grid, 1)
        >>> for block in stream.blocks(1):
        ...     stream.begin(block)
        ...     stream.add(np.array([0.2, 0.7, 0.5]).reshape(1, 1, 1, 3))
        >>> stream.labels.tolist()
        [[[0, 1, 1]]]
    """

    def __init__(self, geometry: Geometry, n_channels: int, values: Sequence[int] | None = None) -> None:
        values = list(values) if values is not None else [1] if n_channels == 1 else list(range(n_channels))
        if len(values) != n_channels:
            raise ShapeError(f"the model's output has {n_channels} channels for the labels {values}")
        self.geometry, self.n_channels = geometry, n_channels
        self._table = np.asarray(values, dtype=np.min_scalar_type(max(values)) if max(values) < 256 else np.int32)
        self._native = geometry.native
        self._is_exact = is_exact(geometry, self._native)
        self._is_bent = geometry.warps != self._native.warps
        self._matrix = index_map(geometry, self._native)
        self._axis = int(np.abs(self._matrix[2, :3]).argmax())
        others = [axis for axis in range(3) if axis != self._axis]
        self._second = max(others, key=lambda axis: abs(self._matrix[1, axis]))
        self.labels: Array = np.zeros(self._native.shape, self._table.dtype)
        self._whole: Array | None = None

    # -- what is needed when ---------------------------------------------------------------------------------------

    def blocks(self, number: int) -> list[tuple[slice, tuple[int, int]]]:
        """Return the file's grid in so many parts, each with the voxels it needs along the network's second axis."""
        size = self._native.shape[self._second]
        height = -(-size // max(1, min(number, size)))
        starts = range(0, max(size, 1), height)
        return [(part, self._needed(1, part)) for start in starts for part in [slice(start, min(start + height, size))]]

    def _needed(self, axis: int, second: slice, native: tuple[slice, ...] | None = None) -> tuple[int, int]:
        """Return which voxels along an axis of the network's grid a part of the file's grid needs."""
        size = self.geometry.shape[axis]
        if self._is_bent:
            return 0, size
        box = list(native or (slice(0, n) for n in self._native.shape))
        box[self._second] = second
        corners = np.array([[s.start, max(s.start, s.stop - 1)] for s in box])
        ends = self._matrix[axis, :3, None] * corners
        low = math.floor(ends.min(1).sum() + self._matrix[axis, 3]) - _MARGIN
        high = math.ceil(ends.max(1).sum() + self._matrix[axis, 3]) + _MARGIN + 1
        low = min(max(low, 0), size - 1)
        return low, max(low + 1, min(high, size))

    def _boxes(self, second: slice) -> list[Box]:
        """Return the parts of a block in the order in which their columns are complete."""
        boxes = []
        size = self._native.shape[self._axis]
        for start in range(0, size, size if self._is_bent else _WIDTH):
            native = [slice(0, n) for n in self._native.shape]
            native[self._second] = second
            native[self._axis] = slice(start, size if self._is_bent else min(start + _WIDTH, size))
            a, b, c = native
            boxes.append(Box((a, b, c), *self._needed(2, second, tuple(native))))
        return sorted(boxes, key=lambda box: (box.high, box.low))

    def width(self, second: slice) -> int:
        """Return how many columns have to be kept at once for a block."""
        return max((box.high - box.low for box in self._boxes(second)), default=1)

    # -- columns come in -------------------------------------------------------------------------------------------

    def begin(self, block: tuple[slice, tuple[int, int]]) -> None:
        """Begin with a block, one of `blocks`."""
        self._rows = block[1]
        self._todo = self._boxes(block[0])
        self._columns: list[Array] = []
        self._first = self._known = 0

    def add(self, likely: Array) -> None:
        """Take the next columns of probabilities in, and decide what they suffice for.

        Args:
            likely: (channels, I, J, columns); J has the voxels that the block needs.
        """
        self._columns.append(likely.astype(np.float32, copy=False))
        self._known += likely.shape[3]
        while self._todo and self._todo[0].high <= self._known:
            self._decide(self._todo.pop(0))
            self._forget()

    def _forget(self) -> None:
        low = min((box.low for box in self._todo), default=self._known)
        while self._columns and self._first + self._columns[0].shape[3] <= low:
            self._first += self._columns.pop(0).shape[3]

    def _part(self, channel: int, box: Box) -> Array:
        """Return the columns of a class that a box needs."""
        joined = np.concatenate([part[channel] for part in self._columns], axis=2)
        return np.asarray(joined[:, :, box.low - self._first : box.high - self._first])

    def _decide(self, box: Box) -> None:
        """Write the labels of a box."""
        shape = tuple(s.stop - s.start for s in box.native)
        best: Array = np.full(shape, -np.inf, np.float32)
        winner: Array = np.zeros(shape, np.min_scalar_type(self.n_channels))
        unseen: Array = np.zeros(shape, bool)
        for channel in range(self.n_channels):
            for place, values in self._restored(channel, box):
                missing = np.isnan(values)
                if channel == 0:
                    unseen[place] = missing
                values[missing] = -np.inf
                better = values > best[place]
                best[place][better] = values[better]
                winner[place][better] = channel
        labels = self._table[winner]
        if 0 not in self._table:
            labels[best < _LEAST] = 0
        labels[unseen] = 0
        self.labels[box.native] = labels

    def _restored(self, channel: int, box: Box) -> Iterator[tuple[tuple[slice, ...], Array]]:
        """Yield places in a box and the probability of a class there; NaN where the network has not looked."""
        part = self._part(channel, box)
        if self._is_exact:
            yield (slice(None),) * 3, self._copied(part, box)
            return
        whole = self._in_place(part, box)
        if channel == 0:
            self._grids = list(self._grids_of(box))
        for place, grid in self._grids:
            values = warp_image(whole, grid, "border", "linear")
            yield place, np.where(is_inside(grid, self.geometry.shape), values, np.float32(np.nan))

    def _in_place(self, part: Array, box: Box) -> Array:
        """Return a class on the whole of the network's grid, right where the box needs it."""
        if self._whole is None:
            self._whole = np.zeros(self.geometry.shape, np.float32)
        self._whole[:, self._rows[0] : self._rows[1], box.low : box.high] = part
        return self._whole

    def _grids_of(self, box: Box) -> Iterator[tuple[tuple[slice, ...], object]]:
        """Yield where in the network's grid the voxels of a box are, in the pieces that `regrid` works in."""
        rows, *others = box.native
        for start, height in pieces_of(self._native.shape):
            low, high = max(rows.start, start), min(rows.stop, start + height)
            if high > low:
                part = (slice(low - start, high - start), *others)
                grid = piece_grid(self.geometry, self._native, start, height, part)
                yield (slice(low - rows.start, high - rows.start), slice(None), slice(None)), grid

    def _copied(self, part: Array, box: Box) -> Array:
        """Return a class turned and flipped to the axes of the file."""
        matrix = np.rint(self._matrix).astype(int)
        axes = np.abs(matrix[:3, :3]).argmax(axis=0)  # axis of the network's grid along each axis of the file
        offset = (0, self._rows[0], box.low)
        result: Array = np.full([s.stop - s.start for s in box.native], np.nan, np.float32)
        take, put = [slice(None)] * 3, [slice(None)] * 3
        for axis, of in enumerate(axes):
            sign, native = matrix[of, axis], box.native[axis]
            at = sign * np.arange(native.start, native.stop) + matrix[of, 3] - offset[of]
            good = np.flatnonzero((at >= 0) & (at < part.shape[of]))
            if not good.size:
                return result
            put[axis] = slice(int(good[0]), int(good[-1]) + 1)
            first, last = int(at[good[0]]), int(at[good[-1]])
            stop = last + int(sign)
            take[of] = slice(first, stop if stop >= 0 else None, int(sign))
        result[tuple(put)] = part[tuple(take)].transpose(axes)
        return result


def stream_labels(likely: Array, geometry: Geometry, values: Sequence[int] | None = None) -> Array:
    """Return what `restore_label_map` returns, with memory for a few columns of all classes beside the input.

    Args:
        likely: Probabilities (channels, I, J, K), an array or a tensor.
        geometry: See `restore_label_map`.
        values: See `restore_label_map`.
    """
    array = as_array(as_tensor(likely))
    stream = LabelStream(geometry, array.shape[0], values)
    for block in stream.blocks(1):
        stream.begin(block)
        low, high = block[1]
        for start in range(0, array.shape[3], _WIDTH):
            stream.add(array[:, :, low:high, start : start + _WIDTH])
    return stream.labels
