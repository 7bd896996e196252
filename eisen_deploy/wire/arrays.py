"""An array as a map: the bytes, the shape and the name of the type."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eisen._core.errors import ArgumentError
from eisen._core.optional import is_torch

__all__ = ["MARK", "array_map", "array_of", "as_array", "bytes_of", "dtype_of", "from_bytes", "is_array"]

MARK = "__ndarray__"

_NUMBERS = ("b1", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8", "c8", "c16")
_DTYPES = {
    text: dtype
    for code in _NUMBERS
    for order in "<>"
    for dtype in [np.dtype(f"{order}{code}")]
    for text in (str(dtype), dtype.str)
}
_TEXT = re.compile(r"[<>|]?[SU][1-9]\d{0,5}")
_WORDS = "bool, integers, floats and complex numbers of NumPy, or text of a fixed length"
_MOST_AXES = 32


def dtype_of(text: Any, field: str = "") -> np.dtype[Any]:
    """Return the type of that name, if arrays of it are nothing but numbers or text.

    Args:
        text: As NumPy writes it, e.g. ``"float32"`` or ``">i2"``.
        field: The field it is for, for the message.

    Raises:
        ArgumentError: For everything else; object arrays are code.

    Example:
        >>> dtype_of(">i2")
        dtype('>i2')
    """
    if isinstance(text, str):
        if text in _DTYPES:
            return _DTYPES[text]
        if _TEXT.fullmatch(text):
            return np.dtype(text)
    raise ArgumentError(f"the type of the array is {_short(text)}", expected=_WORDS, field=field)


def is_array(value: object) -> bool:
    """Tell whether a value is a NumPy array or a tensor.

    Example:
        >>> is_array(np.zeros(2)), is_array([0, 0])
        (True, False)
    """
    return isinstance(value, np.ndarray) or is_torch(value)


def as_array(value: Any, field: str = "") -> NDArray[Any]:
    """Return an array or a tensor as an array that can be sent.

    Args:
        value: A NumPy array, or a tensor on any device.
        field: The field it is for, for the message.

    Raises:
        ArgumentError: If its type is not one that can be sent.

    Example:
        >>> as_array(np.arange(3)[::-1]).flags.c_contiguous
        True
    """
    if is_torch(value):
        value = _numpy_of(value.detach().cpu().resolve_conj().resolve_neg())
    if isinstance(value, np.ma.MaskedArray) and value.mask.any():
        raise ArgumentError("the array has masked elements", expected="an array without a mask", field=field)
    dtype_of(str(value.dtype), field)
    return np.asarray(value, order="C")


def bytes_of(array: NDArray[Any]) -> memoryview:
    r"""Return the bytes of a contiguous array, without copying them.

    Example:
        >>> bytes(bytes_of(np.array([1, 2], np.int16)))
        b'\x01\x00\x02\x00'
    """
    return array.reshape(-1).view(np.uint8).data


def array_map(value: Any, field: str = "") -> dict[str, Any]:
    r"""Return an array as a map of plain values.

    Args:
        value: A NumPy array, or a tensor.
        field: The field it is for, for the message.

    Raises:
        ArgumentError: If its type is not one that can be sent.

    Example:
        >>> array_map(np.array([[7]], np.int16))
        {'__ndarray__': True, 'data': b'\x07\x00', 'shape': [1, 1], 'type': 'int16'}
    """
    array = as_array(value, field)
    return {MARK: True, "data": array.tobytes(), "shape": list(array.shape), "type": str(array.dtype)}


def array_of(value: Mapping[str, Any], field: str = "") -> NDArray[Any]:
    r"""Return the array that a map describes; it may be written to.

    Args:
        value: With ``data`` (bytes), ``shape`` and ``type``.
        field: The field it is for, for the message.

    Returns:
        A view where the bytes may be written to and lie as the processor wants them, else a copy.

    Raises:
        ArgumentError: If an entry is missing or wrong, or the bytes are not as many as the shape says.

    Example:
        >>> array_of({"__ndarray__": True, "data": b"\x07\x00", "shape": [1, 1], "type": "int16"})
        array([[7]], dtype=int16)
    """
    missing = [name for name in ("data", "shape", "type") if name not in value]
    if missing or value.get(MARK) is not True:
        raise ArgumentError(
            f"the array has no '{missing[0]}'" if missing else f"'{MARK}' is not true",
            expected=f"a map of '{MARK}': true, 'data', 'shape' and 'type'",
            field=field,
        )
    dtype, shape, data = dtype_of(value["type"], field), _shape(value["shape"], field), value["data"]
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise ArgumentError(f"the data of the array is a {type(data).__name__}", expected="bytes (bin)", field=field)
    return from_bytes(data, shape, dtype, field)


def from_bytes(
    data: bytes | bytearray | memoryview,
    shape: tuple[int, ...],
    dtype: np.dtype[Any],
    field: str = "",
    order: str = "C",
) -> NDArray[Any]:
    """Return the array these bytes are; it may be written to.

    Args:
        data: The bytes.
        shape: Of the array.
        dtype: Of its elements.
        field: The field it is for, for the message.
        order: ``"C"`` or ``"F"``: whether the last or the first axis runs fastest.

    Raises:
        ArgumentError: If there are more or fewer than the shape needs.

    Example:
        >>> from_bytes(bytearray(4), (2,), np.dtype("int16"))
        array([0, 0], dtype=int16)
    """
    needed = prod(shape) * dtype.itemsize
    size = memoryview(data).nbytes
    if size != needed:
        raise ArgumentError(
            f"an array of shape {list(shape)} and type {dtype} has {needed} bytes, and {size} came",
            expected=f"{needed} bytes",
            to_do="send all bytes, and the shape they have",
            field=field,
        )
    try:
        flat = np.frombuffer(data, dtype) if size else np.empty(0, dtype)
        array = flat.reshape(shape, order="F" if order == "F" else "C")
    except ValueError as error:
        raise ArgumentError(f"no array can have the shape {list(shape)}", field=field) from error
    _check_text(flat, field)
    return array if array.flags.writeable and array.flags.aligned else array.copy("K")


def _numpy_of(tensor: Any) -> NDArray[Any]:
    try:
        return np.asarray(tensor.numpy())
    except TypeError:  # bfloat16 and other short floats that NumPy does not know
        return np.asarray(tensor.float().numpy())


def _shape(value: Any, field: str) -> tuple[int, ...]:
    fine = isinstance(value, (list, tuple)) and all(type(n) is int and 0 <= n <= sys.maxsize for n in value)
    if not fine or len(value) > _MOST_AXES:
        raise ArgumentError(
            f"the shape of the array is {_short(value)}",
            expected=f"a list of at most {_MOST_AXES} whole numbers",
            field=field,
        )
    return tuple(value)


def _check_text(flat: NDArray[Any], field: str) -> None:
    """Numbers that are no letters would raise an error far away from here, whoever looks at them first."""
    if flat.dtype.kind == "U" and flat.size:
        letters = flat.view(np.dtype("u4").newbyteorder(flat.dtype.byteorder))
        if int(letters.max()) > sys.maxunicode:
            raise ArgumentError("the text of the array has numbers in it that are no letters", field=field)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
