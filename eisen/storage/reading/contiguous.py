"""Parts of an array that lies in one piece in a file, read without HDF5.

A part is read in one of three ways, whichever is cheapest:

    runs    What is asked for lies in few long runs (a whole volume, a slab): each goes straight to where it belongs.
    map     Otherwise, if the file is in memory (Linux tells without reading it), or once as many bytes have been read
            as the array has: the array is mapped, and only bytes that are asked for are touched. The map is kept.
            Parts that are spread thinly over the array (a slice across its last axis) are always read so.
    blocks  From a disk: the smallest blocks around the part are read into a buffer that fits into the cache of the
            processor, and the part is taken out of it. A map would fetch page after page.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from math import prod
from time import perf_counter
from typing import Any

import numpy as np

from eisen._core.errors import CorruptFileError
from eisen._core.types import Array
from eisen.storage.encoding import decode
from eisen.storage.quantize import Scale
from eisen.storage.reading.blocks import BUFFER, best_block, starts_of
from eisen.storage.reading.bounds import LINE, Bounds, as_bytes, bounds_of, checked_out, empty
from eisen.storage.reading.opened import OpenFile
from eisen.storage.regions import Region

__all__ = ["ContiguousSource", "Place"]

_SHORT = 16 << 10
"""Runs shorter than this are read in blocks, unless there are only a few."""
_FEW = 4
_LARGE = 1 << 20
_MANY_TIMES = 8
"""If blocks would hold this many times what is asked for (a slice across the last axis), the map is better at once."""
_SLOW = 1e-3
"""Seconds: a buffer is filled in less from memory, and hardly ever from a disk."""
_CAN_READ_AT = hasattr(os, "preadv")
_NO_DISK = getattr(os, "RWF_NOWAIT", None)
"""Makes a read fail that would have to wait for a disk."""
_CAN_ASK_AHEAD = hasattr(os, "posix_fadvise")


@dataclass(frozen=True)
class Place:
    """Where an array is in a file, and how.

    Args:
        offset: Its first byte.
        shape: Its shape as it lies there.
        stored: Type of the numbers there, byte order included.
        dtype: Type of the values.
        scale: From the numbers to the values; None: they are the values.
        channels_last: The last axis there is the first one here.
    """

    offset: int
    shape: tuple[int, ...]
    stored: np.dtype[Any]
    dtype: np.dtype[Any]
    scale: Scale | None = None
    channels_last: bool = False


class ContiguousSource:
    """An array in one piece inside a file.

    Args:
        file: The file.
        place: Where and how the array is there.

    Raises:
        CorruptFileError: If the file ends before the array does.
    """

    def __init__(self, file: OpenFile, place: Place) -> None:
        self._file, self._place = file, place
        self._size = prod(place.shape) * place.stored.itemsize
        if place.offset < 0 or place.offset + self._size > file.size:
            raise CorruptFileError(
                f"{file.path.name} is truncated or damaged: an array of shape {place.shape} would end beyond its end",
                expected=f"{place.offset + self._size} bytes, it has {file.size}",
                to_do="copy it again, or make it again with `eisen data create`",
                file=str(file.path),
            )
        first = (len(place.shape) - 1,) if place.channels_last else ()
        self._axes = (*first, *(axis for axis in range(len(place.shape)) if axis not in first))
        self._stored_axes = tuple(self._axes.index(axis) for axis in range(len(place.shape)))
        self.shape = tuple(place.shape[axis] for axis in self._axes)
        self.dtype = place.dtype
        self._is_plain = place.scale is None and place.stored == place.dtype
        self._full = place.shape or (1,)
        self._steps = [prod(self._full[k + 1 :]) * place.stored.itemsize for k in range(len(self._full))]
        self._n_read = 0
        self._view: Array | None = None

    def read(self, region: Region | None = None, out: Array | None = None) -> Array:
        """Return a part as an array of its own, see `RegionSource`."""
        bounds = bounds_of(region, self.shape)
        if self._view is not None and self._n_read >= self._size and not self._place.channels_last:
            part = self._view[... if region is None else region]
            target = np.empty(part.shape, self.dtype) if out is None else checked_out(out, part.shape, self.dtype)
            return decode(part, self._place.scale, target, slice(*bounds[0]))
        if out is not None:
            checked_out(out, tuple([stop - start for start, stop in bounds]), self.dtype)
        if self._place.channels_last:
            bounds = [bounds[axis] for axis in self._stored_axes]
            out = None if out is None else out.transpose(self._stored_axes)
        target = empty([stop - start for start, stop in bounds], self.dtype) if out is None else out
        if target.size:
            self._fill(bounds, target)
        return target.transpose(self._axes) if self._place.channels_last else target

    def _fill(self, bounds: Bounds, target: Array) -> None:
        """Read a part into an array that has the order of axes of the file."""
        if not bounds:
            bounds, target = [(0, 1)], target.reshape(1)
        sizes, full, axis = target.shape, self._full, len(bounds) - 1
        while axis > 0 and sizes[axis] == full[axis]:
            axis -= 1
        length, n_runs = sizes[axis] * self._steps[axis], prod(sizes[:axis])
        if self._n_read >= self._size or not _CAN_READ_AT:
            self._fill_from_map(bounds, target)
        elif (n_runs <= _FEW or length >= _SHORT) and self._goes_straight(target, length):
            self._fill_runs(starts_of(bounds, self._steps, self._place.offset, axis, axis), length, target)
            self._n_read += length * n_runs
        else:
            axis, n_rows = best_block(sizes, self._steps)
            in_blocks = prod(sizes[: axis + 1]) * self._steps[axis]
            if in_blocks > _MANY_TIMES * target.size * self._place.stored.itemsize:
                self._fill_from_map(bounds, target)
                return
            self._n_read += in_blocks
            if self._is_in_memory(bounds):
                self._fill_from_map(bounds, target)
            else:
                self._fill_blocks(bounds, target, axis, n_rows)

    def _is_in_memory(self, bounds: Bounds) -> bool:
        """Tell whether the first, the middle and the last byte of a part can be had without a disk."""
        if _NO_DISK is None:
            return False
        byte, number = bytearray(1), self._file.descriptor()
        ends = [(start, (start + stop) // 2, stop - 1) for start, stop in bounds]
        try:
            for corner in zip(*ends, strict=True):
                at = self._place.offset + sum(n * step for n, step in zip(corner, self._steps, strict=True))
                if not os.preadv(number, (byte,), at, _NO_DISK):
                    return False
        except OSError:  # it is on a disk, or the file system cannot tell
            return False
        return True

    def _goes_straight(self, target: Array, length: int) -> bool:
        return (
            self._is_plain
            and target.dtype == self.dtype
            and target.flags.c_contiguous
            and (length < _LARGE or target.__array_interface__["data"][0] % LINE == 0)
        )

    def _fill_runs(self, starts: Iterable[int], length: int, target: Array) -> None:
        view, done, number = as_bytes(target), 0, self._file.descriptor()
        for start in starts:
            part = view[done : done + length]
            if os.preadv(number, (part,), start) < length:
                self._read_at(number, part, start)
            done += length

    def _read_at(self, number: int, buffer: memoryview, position: int) -> None:
        done = os.preadv(number, (buffer,), position)
        while done < len(buffer):
            more = os.preadv(number, (buffer[done:],), position + done)
            if not more:
                raise CorruptFileError(
                    f"{self._file.path.name} ends at byte {position + done}, in the middle of an array",
                    expected="a file that is not changed while it is read",
                    file=str(self._file.path),
                )
            done += more

    def _fill_from_map(self, bounds: Bounds, target: Array) -> None:
        view = self._view
        if view is None:
            place = self._place
            view = np.ndarray(self._full, place.stored, self._file.mapped(), place.offset)
            self._view = view if place.shape else None
        part = view[tuple([slice(start, stop) for start, stop in bounds])]
        decode(part, self._place.scale, target, slice(*bounds[0]))

    def _fill_blocks(self, bounds: Bounds, target: Array, axis: int, n_rows: int) -> None:
        """Read blocks into slots of a buffer, until it is full, and take the part out of it."""
        run = target.shape[axis] * self._steps[axis]
        apart = axis > 0 and 2 * run <= BUFFER  # a block is one run, and there is room for more
        lead = axis - apart
        n_slots = min(target.shape[lead], BUFFER // run) if apart else n_rows
        rows = [target.shape[axis]] if apart else []
        buffer = np.empty((n_slots, *rows, *self._full[axis + 1 :]), self._place.stored)
        inner = (*[slice(None) for _ in rows], *[slice(*ends) for ends in bounds[axis + 1 :]])
        outer = product(*[range(n) for n in target.shape[:lead]])
        began: float | None = perf_counter()
        for where, start in zip(outer, starts_of(bounds, self._steps, self._place.offset, lead, axis), strict=True):
            for at in range(0, target.shape[lead], n_slots):
                count = min(n_slots, target.shape[lead] - at)
                self._read_slots(buffer[:count], start + at * self._steps[lead], self._steps[lead] if apart else 0)
                if began is not None and perf_counter() - began > _SLOW and _CAN_ASK_AHEAD:
                    self._ask_ahead(bounds, axis, run)
                began = None
                place: Any = (*where, slice(at, at + count))
                channel = bounds[0][0] + (where[0] if where else at)
                part = buffer[(slice(0, count), *inner)]
                if where and self._place.scale is not None:  # an index has taken the axis of channels away
                    self._place.scale.of(channel).apply(part, target[place])
                else:
                    decode(part, self._place.scale, target[place], slice(channel, channel + count))

    def _read_slots(self, slots: Array, start: int, jump: int) -> None:
        """Fill the slots of a buffer: from places that are `jump` bytes apart, or in one go if that is 0."""
        view, number = as_bytes(slots), self._file.descriptor()
        if not jump:
            self._read_at(number, view, start)
            return
        size = len(view) // len(slots)
        for begin in range(0, len(view), size):
            slot = view[begin : begin + size]
            if os.preadv(number, (slot,), start) < size:
                self._read_at(number, slot, start)
            start += jump

    def _ask_ahead(self, bounds: Bounds, axis: int, run: int) -> None:
        """Let the system fetch all blocks from the disk at the same time, as they are not in memory."""
        for start in starts_of(bounds, self._steps, self._place.offset, axis, axis):
            os.posix_fadvise(self._file.descriptor(), start, run, os.POSIX_FADV_WILLNEED)
