"""Writing messages in msgpack: the bytes of arrays are copied once, into the message."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError
from eisen._core.optional import require
from eisen_deploy.wire.arrays import MARK, as_array, bytes_of, is_array

__all__ = ["write_message"]

_LARGEST = 2**32 - 1


def write_message(values: Mapping[str, Any]) -> bytes:
    """Return a message: a map in msgpack, with arrays as maps of bytes, shape and type.

    Args:
        values: Arrays, tensors, numbers, text, bytes, None, and lists and dicts of them, by name.

    Raises:
        ArgumentError: If something in it cannot be sent; the card names the field.
        MissingExtraError: If msgpack is not installed.

    Example:
        >>> write_message({"x": [1, True, None]}).hex(" ")
        '81 a1 78 93 01 c3 c0'
    """
    packer = require("msgpack", "deploy", "messages").Packer(autoreset=True)
    if not isinstance(values, Mapping):
        raise ArgumentError(f"a message cannot be made of a {type(values).__name__}", expected="a dict of fields")
    parts: list[bytes | memoryview] = [packer.pack_map_header(len(values))]
    for name, value in values.items():
        parts.append(packer.pack(_key(name, "")))
        parts.extend(_parts(value, packer, str(name)))
    return b"".join(parts)


def _parts(value: Any, packer: Any, field: str) -> Iterator[bytes | memoryview]:
    if is_array(value):
        yield from _array(value, packer, field)
    elif isinstance(value, Mapping):
        yield packer.pack_map_header(len(value))
        for name, inner in value.items():
            yield packer.pack(_key(name, field))
            yield from _parts(inner, packer, field)
    elif isinstance(value, (list, tuple)) and not _is_flat(value):
        yield packer.pack_array_header(len(value))
        for inner in value:
            yield from _parts(inner, packer, field)
    else:
        yield _leaf(value, packer.pack, field)


def _is_flat(values: list[Any] | tuple[Any, ...]) -> bool:
    """Lists of plain numbers and text are packed at once."""
    return all(type(value) in (int, float, str, bool) for value in values)


def _array(value: Any, packer: Any, field: str) -> Iterator[bytes | memoryview]:
    array = as_array(value, field)
    if array.nbytes > _LARGEST:
        raise ArgumentError(
            f"the array has {array.nbytes} bytes",
            expected=f"at most {_LARGEST} bytes (msgpack)",
            to_do="send it in parts, or as integers",
            field=field,
        )
    data = bytes_of(array)
    yield packer.pack_map_header(4) + packer.pack(MARK) + packer.pack(True) + packer.pack("data")
    yield _bin_header(data.nbytes)
    yield data
    yield packer.pack("shape") + packer.pack(list(array.shape)) + packer.pack("type") + packer.pack(str(array.dtype))


def _bin_header(size: int) -> bytes:
    code, width = next((code, width) for code, width in ((0xC4, 1), (0xC5, 2), (0xC6, 4)) if size < 256**width)
    return bytes([code]) + size.to_bytes(width, "big")


def _leaf(value: Any, pack: Callable[[Any], bytes], field: str) -> bytes:
    plain = value.item() if isinstance(value, np.generic) else value
    try:
        return pack(plain)
    except (TypeError, ValueError, OverflowError) as error:
        raise ArgumentError(
            f"a {type(value).__name__} cannot be sent: {error}",
            expected="arrays, tensors, numbers, text, bytes, None, and lists and dicts of them",
            field=field,
        ) from error


def _key(name: Any, field: str) -> str:
    if not isinstance(name, str):
        raise ArgumentError(f"the name {name!r} is no text", expected="names that are text", field=field)
    return str(name)
