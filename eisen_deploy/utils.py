"""Values that travel between clients and served models: arrays as plain maps, and messages of them."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError
from eisen_deploy.serving.messages import Refusal
from eisen_deploy.wire.arrays import MARK, array_map, array_of, is_array
from eisen_deploy.wire.reading import Limits, TooLargeError, read_message
from eisen_deploy.wire.writing import write_message

__all__ = ["decode_data", "encode_data", "pack", "unpack"]


def encode_data(obj: Any) -> Any:
    r"""Return a value with its arrays as plain maps, so that msgpack can write it.

    Works on whole dicts and lists, and as ``default`` of `msgpack.packb`. Nothing is changed in place.

    Args:
        obj: Arrays (also of no dimension), tensors, numbers of NumPy, and dicts and lists of them; everything else is
            returned as it is.

    Raises:
        ArgumentError: If an array has a type that cannot be sent: objects, records, dates.

    Example:
        >>> encode_data({"mask": np.array([1, 0], np.uint8), "n": np.int64(2), "note": None})
        {'mask': {'__ndarray__': True, 'data': b'\x01\x00', 'shape': [2], 'type': 'uint8'}, 'n': 2, 'note': None}
    """
    if is_array(obj):
        return array_map(obj)
    if isinstance(obj, np.generic):
        return obj.item()
    if isinstance(obj, Mapping):
        return {name: encode_data(value) for name, value in obj.items()}
    if isinstance(obj, (list, tuple)):
        return [encode_data(value) for value in obj]
    return obj


def decode_data(obj: Any) -> Any:
    r"""Return a value with its arrays made of the maps that `encode_data` makes.

    Works on whole dicts and lists, and as ``object_hook`` of `msgpack.unpackb`. Nothing is changed in place.

    Args:
        obj: What msgpack has read.

    Returns:
        The same, with arrays that may be written to.

    Raises:
        ArgumentError: If the map of an array is damaged, or its type is not one that can be sent.

    Example:
        >>> decode_data({"mask": {"__ndarray__": True, "data": b"\x01\x00", "shape": [2], "type": "uint8"}})
        {'mask': array([1, 0], dtype=uint8)}
    """
    if isinstance(obj, Mapping):
        if MARK in obj:
            return array_of(obj)
        return {name: decode_data(value) for name, value in obj.items()}
    if isinstance(obj, (list, tuple)):
        return [decode_data(value) for value in obj]
    return obj


def pack(values: Mapping[str, Any]) -> bytes:
    """Return the message in msgpack that says these values: what ``packb(encode_data(values))`` makes, but faster.

    Args:
        values: Arrays, tensors, numbers, text, bytes, None, and lists and dicts of them, by name.

    Raises:
        ArgumentError: If something in it cannot be sent; the card names the field.

    Example:
        >>> len(pack({"image": np.zeros((1, 1, 8, 8), np.float32)}))
        309
    """
    return write_message(values)


def unpack(body: bytes | bytearray | memoryview, limits: Limits | None = None) -> dict[str, Any]:
    """Return the values of a message, whoever sent it: what ``decode_data(unpackb(body))`` says, but safer and faster.

    Args:
        body: The message. Where it may be written to (a bytearray), arrays may be views of it.
        limits: How large it may be.

    Returns:
        The values, with arrays that may be written to.

    Raises:
        Refusal: If it is no message, is damaged or too large; it names the field.

    Example:
        >>> unpack(pack({"image": np.zeros((2, 2)), "id": "0815"}))["id"]
        '0815'
        >>> unpack(b"PK")
        Traceback (most recent call last):
            ...
        eisen_deploy.serving.messages.Refusal: the body is no message in msgpack
    """
    try:
        return read_message(body, limits or Limits())
    except ArgumentError as error:
        card, large = error.card, isinstance(error, TooLargeError)
        raise Refusal(
            card.what,
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE if large else HTTPStatus.BAD_REQUEST,
            "TooLarge" if large else "BadMessage",
            field=card.field,
            expected=card.expected,
            to_do=card.to_do,
        ) from error
