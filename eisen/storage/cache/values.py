"""Taking a data point apart into text and plain arrays, and putting it together again, to the last bit.

What is not an array becomes JSON: numbers, text and None stand for themselves, everything else is ``[kind, content]``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import PurePath
from typing import Any

import numpy as np

from eisen._core.optional import is_torch
from eisen._core.types import Array, Geometry
from eisen.storage.cache.layout import dense, kind_of_array, restored
from eisen.storage.geometry_text import geometry_from_json, geometry_to_json

__all__ = ["Packed", "pack", "unpack"]

_PLAIN = (type(None), bool, int, float, str)
_PAGE, _LINE = 4096, 64
"""Large arrays begin at a page of memory, small ones where vector instructions like it."""


@dataclass
class Packed:
    """A value in parts.

    Args:
        tree: What is no array, as JSON knows it.
        table: Type, shape and place of each array.
        buffers: Their bytes.
        strangers: Where something is that is neither (e.g. ``"['image']"``), and the thing itself.
        size: Bytes of all arrays, with the gaps between them.
    """

    tree: Any = None
    table: list[dict[str, Any]] = field(default_factory=list)
    buffers: list[Array] = field(default_factory=list)
    strangers: list[tuple[str, Any]] = field(default_factory=list)
    size: int = 0

    def pieces(self) -> Iterator[memoryview]:
        """Yield everything there is to write, gaps included."""
        done = 0
        for record, buffer in zip(self.table, self.buffers, strict=True):
            if record["at"] > done:
                yield memoryview(bytes(record["at"] - done))
            yield buffer.data
            done = record["at"] + buffer.size


def pack(value: Any) -> Packed:
    """Take a value apart.

    Args:
        value: Dicts, lists and tuples of numbers, text, arrays, tensors, geometry records, images of nibabel, SimpleITK
            and Pillow; anything else is kept aside as a stranger.

    Example:
        >>> packed = pack({"image": np.zeros((1, 2), "int16"), "name": "anna"})
        >>> packed.size, unpack(packed.tree, packed.table, [], b"".join(packed.pieces()))
        (4, {'image': array([[0, 0]], dtype=int16), 'name': 'anna'})
    """
    packer = _Packer()
    packer.packed.tree = packer.pack(value, "")
    return packer.packed


def unpack(tree: Any, table: Sequence[dict[str, Any]], strangers: Sequence[Any], buffer: Any, start: int = 0) -> Any:
    """Put a value together again; its arrays are views of the buffer.

    Args:
        tree: As of `Packed`.
        table: As of `Packed`.
        strangers: The things that were kept aside, as they shall be in the result.
        buffer: Memory with the bytes of the arrays; what may be written to makes arrays that may be written to.
        start: Where in it they begin.
    """
    arrays = [restored(record, buffer, start) for record in table]
    return _Unpacker(arrays, strangers).unpack(tree)


class _Packer:
    def __init__(self) -> None:
        self.packed = Packed()
        self._known: dict[int, int] = {}
        self._alive: list[Any] = []  # so that no id is used twice

    def pack(self, value: Any, where: str) -> Any:
        if type(value) in _PLAIN:
            return value
        packer = _PACKERS.get(type(value)) or self._special(value)
        content = None if packer is None else packer(self, value, where)
        if content is None:
            self.packed.strangers.append((where, value))
            return ["stranger", len(self.packed.strangers) - 1]
        return content

    def array(self, value: Any) -> int:
        """Return the number of an array; the same object has one number, as it is one object afterwards."""
        if id(value) not in self._known:
            record, raw = dense(value)
            step = _PAGE if raw.size >= _PAGE * 16 else _LINE
            record["at"] = -(-self.packed.size // step) * step
            self.packed.size = record["at"] + raw.size
            self.packed.table.append(record)
            self.packed.buffers.append(raw)
            self._known[id(value)] = len(self.packed.table) - 1
            self._alive.append(value)
        return self._known[id(value)]

    def _special(self, value: Any) -> Callable[[_Packer, Any, str], Any] | None:
        if kind_of_array(value):
            return lambda packer, array, _: ["array", packer.array(array)]
        if isinstance(value, np.generic) and value.dtype.kind != "O":
            return lambda packer, number, _: ["scalar", packer.array(np.asarray(number))]
        if isinstance(value, PurePath):
            return lambda _, path, __: ["path", str(path)]
        if is_torch(value):
            return None
        from eisen.storage.cache.images import take_apart

        return lambda packer, image, where: _image(packer, take_apart(image), where)


def _image(packer: _Packer, parts: tuple[str, dict[str, Any]] | None, where: str) -> Any:
    return None if parts is None else ["image", parts[0], packer.pack(parts[1], where)]


def _dict(packer: _Packer, value: dict[Any, Any], where: str) -> Any:
    keys = [packer.pack(key, f"{where} keys") for key in value]
    return ["dict", keys, [packer.pack(item, f"{where}[{key!r}]") for key, item in value.items()]]


def _list(packer: _Packer, value: Sequence[Any], where: str) -> Any:
    return [type(value).__name__, [packer.pack(item, f"{where}[{i}]") for i, item in enumerate(value)]]


_PACKERS: dict[type, Callable[[_Packer, Any, str], Any]] = {
    dict: _dict,
    list: _list,
    tuple: _list,
    bytes: lambda packer, value, _: ["bytes", packer.array(np.frombuffer(value, np.uint8))],
    Geometry: lambda _, value, __: ["geometry", geometry_to_json(value)],
}


class _Unpacker:
    def __init__(self, arrays: Sequence[Any], strangers: Sequence[Any]) -> None:
        self._arrays, self._strangers = arrays, strangers

    def unpack(self, tree: Any) -> Any:
        if not isinstance(tree, list):
            return tree
        kind, *content = tree
        if kind == "dict":
            return dict(zip(map(self.unpack, content[0]), map(self.unpack, content[1]), strict=True))
        if kind in ("list", "tuple"):
            items = [self.unpack(item) for item in content[0]]
            return items if kind == "list" else tuple(items)
        if kind == "image":
            from eisen.storage.cache.images import put_together

            return put_together(content[0], self.unpack(content[1]))
        return self._leaf(kind, content[0])

    def _leaf(self, kind: str, content: Any) -> Any:
        if kind == "array":
            return self._arrays[content]
        if kind == "geometry":
            return geometry_from_json(content)
        if kind == "scalar":
            return self._arrays[content][()]
        if kind == "bytes":
            return self._arrays[content].tobytes()
        if kind == "path":
            from pathlib import Path

            return Path(content)
        return self._strangers[content]
