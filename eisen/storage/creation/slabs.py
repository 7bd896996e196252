"""Bringing an array into a file in C order, a few megabytes at a time, with its digest on the way."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from typing import Any

import numpy as np

from eisen._core.types import Array

__all__ = ["write_slabs"]

_SLAB_BYTES = 16 * 2**20
"""A slab is turned, counted into the digest and written before the next one; the memory is always the same."""

_ROWS = 2


def write_slabs(array: Array, dtype: np.dtype[Any], handle: int | None = None, offset: int = 0) -> str:
    """Write the elements of an array in C order, and return the SHA-256 of the bytes.

    Volumes out of NIfTI files lie in memory with the first axis innermost. They are turned slab by slab, so that
    neither a second copy of the volume is made nor memory touched that is not in the cache.

    Args:
        array: Of any order in memory.
        dtype: Type of the elements in the file, of the same size.
        handle: An open file; None: only the digest is wanted.
        offset: Where its first byte goes.

    Raises:
        OSError: If it cannot be written.

    Example:
        >>> turned = np.arange(6, dtype="<i2").reshape(2, 3).T
        >>> write_slabs(turned, turned.dtype) == hashlib.sha256(turned.tobytes()).hexdigest()
        True
    """
    digest = hashlib.sha256()
    for slab in _slabs(array, dtype):
        content = slab.reshape(-1).view(np.uint8).data
        digest.update(content)
        if handle is not None:
            _write(handle, content, offset)
        offset += len(content)
    return digest.hexdigest()


def _write(handle: int, content: memoryview, offset: int) -> None:
    done = 0
    while done < len(content):
        done += os.pwrite(handle, content[done:], offset + done)


def _slabs(array: Array, dtype: np.dtype[Any]) -> Iterator[Array]:
    """Yield contiguous pieces, in order."""
    if array.dtype != dtype or array.dtype.byteorder != dtype.byteorder:
        array = array.view(dtype) if array.dtype == bool else array
    if array.flags.c_contiguous and array.dtype == dtype:
        yield array
    elif array.ndim < 3:
        yield np.ascontiguousarray(array, dtype)
    else:
        for place in np.ndindex(array.shape[:-3]):
            yield from _turned(array[place], dtype)


def _turned(volume: Array, dtype: np.dtype[Any]) -> Iterator[Array]:
    """Yield slabs along the first axis.

    A few planes at a time are first taken over as they lie in memory, with rows of an odd length, and turned from
    there: rows that lie a power of two apart would push each other out of the cache, which costs four times as much.
    """
    n_planes, n_rows, n_columns = volume.shape
    most = min(n_planes, max(1, _SLAB_BYTES // (n_rows * n_columns * dtype.itemsize)))
    slab = np.empty((most, n_rows, n_columns), dtype)
    near = np.empty((n_columns, _ROWS, most + max(1, 64 // dtype.itemsize)), dtype)
    for start in range(0, n_planes, most):
        size = min(most, n_planes - start)
        for row in range(0, n_rows, _ROWS):
            part = volume[start : start + size, row : row + _ROWS]
            held = near[:, : part.shape[1], :size]
            held[...] = part.T
            slab[:size, row : row + _ROWS] = held.T
        yield slab[:size]
