"""One array as NumPy writes it to a file (``.npy``), read with limits and without pickle."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from eisen._core.errors import ArgumentError
from eisen_deploy.wire.arrays import as_array, dtype_of, from_bytes

__all__ = ["is_npy", "read_npy", "write_npy"]

_MAGIC = b"\x93NUMPY"
_LONGEST_HEADER = 10_000


def is_npy(body: bytes | bytearray | memoryview) -> bool:
    r"""Tell whether bytes begin like an ``.npy`` file.

    Example:
        >>> is_npy(b"\x93NUMPY\x01\x00"), is_npy(b"PK")
        (True, False)
    """
    return bytes(body[: len(_MAGIC)]) == _MAGIC


def read_npy(body: bytes | bytearray | memoryview, field: str = "") -> NDArray[Any]:
    """Return the array of an ``.npy`` file; it may be written to.

    Args:
        body: The whole file. The array is a view of it where it may be written to.
        field: The field it is for, for the message.

    Raises:
        ArgumentError: If it is damaged, or an array of objects.

    Example:
        >>> read_npy(write_npy(np.arange(3)))
        array([0, 1, 2])
    """
    view = memoryview(body).cast("B")
    head = BytesIO(view[: _LONGEST_HEADER + 12])
    try:
        version = npy_format.read_magic(head)
        read = npy_format.read_array_header_1_0 if version == (1, 0) else npy_format.read_array_header_2_0
        shape, fortran, dtype = read(head, max_header_size=_LONGEST_HEADER)
    except Exception as error:  # the header is Python text from a stranger: many things can be wrong with it
        raise ArgumentError("the array (.npy) is damaged", expected="what numpy.save writes", field=field) from error
    dtype_of(str(dtype), field)
    if any(n < 0 for n in shape):
        raise ArgumentError(f"the shape of the array is {list(shape)}", field=field)
    return from_bytes(view[head.tell() :], tuple(shape), dtype, field, "F" if fortran else "C")


def write_npy(array: Any) -> bytes:
    r"""Return an array as an ``.npy`` file.

    Args:
        array: A NumPy array, or a tensor.

    Raises:
        ArgumentError: If it is an array of objects.

    Example:
        >>> write_npy(np.zeros(3))[:6]
        b'\x93NUMPY'
    """
    file = BytesIO()
    np.save(file, as_array(array), allow_pickle=False)
    return file.getvalue()
