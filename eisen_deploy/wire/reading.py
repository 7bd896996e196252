"""Reading messages in msgpack from strangers.

The package msgpack copies the bytes of every array, and makes lists as long as a message claims they are. Here arrays
are views of the message where that is possible, and what is not an array costs no more memory than its bytes allow.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from eisen._core.errors import ArgumentError
from eisen_deploy.wire.arrays import MARK, array_of

__all__ = ["Limits", "TooLargeError", "read_message"]


class TooLargeError(ArgumentError):
    """A message is larger than its reader allows."""


@dataclass(frozen=True)
class Limits:
    """How large a message may be.

    Args:
        total: Bytes altogether.
        values: Numbers, texts, lists and maps altogether; an array counts as few.
        depth: Lists and maps inside each other.

    Example:
        >>> Limits().depth
        16
    """

    total: int = 2**31
    values: int = 1_000_000
    depth: int = 16


def read_message(body: bytes | bytearray | memoryview, limits: Limits = Limits()) -> dict[str, Any]:
    """Return the map that a message is; arrays in it may be written to.

    Args:
        body: The message. Arrays are views of it where it may be written to (a bytearray), so keep it unchanged.
        limits: How large it may be.

    Raises:
        ArgumentError: If it is no message, or is damaged; the card names the field.
        TooLargeError: If it is beyond the limits.

    Example:
        >>> read_message(bytes.fromhex("81 a1 78 93 01 c3 c0"))
        {'x': [1, True, None]}
    """
    view = memoryview(body).cast("B")
    if view.nbytes > limits.total:
        raise TooLargeError(f"the message has {view.nbytes} bytes", expected=f"at most {limits.total} bytes")
    return _Reader(view, limits).message()


_NUMBERS = {
    0xCA: ">f",
    0xCB: ">d",
    0xCC: ">B",
    0xCD: ">H",
    0xCE: ">I",
    0xCF: ">Q",
    0xD0: ">b",
    0xD1: ">h",
    0xD2: ">i",
    0xD3: ">q",
}
_CONSTANTS = {0xC0: None, 0xC2: False, 0xC3: True}
_LENGTHS = {1: ">B", 2: ">H", 4: ">I"}


class _Reader:
    """Walks through a message once; `at` is the place it has come to."""

    def __init__(self, view: memoryview, limits: Limits) -> None:
        self.view, self.limits = view, limits
        self.at, self.left, self.field = 0, limits.values, ""

    def message(self) -> dict[str, Any]:
        first = self.view[0] if self.view.nbytes else None
        if first is None or not (0x80 <= first <= 0x8F or first in (0xDE, 0xDF)):
            raise ArgumentError("the body is no message in msgpack", expected="a map of fields in msgpack")
        value = self.value(0)
        if self.at != self.view.nbytes:
            raise self.wrong(f"{self.view.nbytes - self.at} bytes follow its end")
        if not isinstance(value, dict):
            raise ArgumentError("the message is an array", expected="a map of fields in msgpack")
        return value

    def value(self, depth: int) -> Any:
        self.left -= 1
        if self.left < 0:
            raise TooLargeError(
                f"the message has more than {self.limits.values} values",
                to_do="send many numbers as an array",
                field=self.field,
            )
        code = self.take(1)[0]
        if code < 0x80:
            return code
        if code >= 0xE0:
            return code - 0x100
        if code in _NUMBERS:
            return self.number(_NUMBERS[code])
        if code in _CONSTANTS:
            return _CONSTANTS[code]
        return self.sized(code, depth)

    def sized(self, code: int, depth: int) -> Any:
        """Read what has a length: text, bytes, lists and maps."""
        if 0xA0 <= code <= 0xBF:
            return self.text(code & 0x1F)
        if code in (0xD9, 0xDA, 0xDB):
            return self.text(self.length(code - 0xD9))
        if code in (0xC4, 0xC5, 0xC6):
            return self.take(self.length(code - 0xC4))
        return self.container(code, depth + 1)

    def container(self, code: int, depth: int) -> Any:
        if depth > self.limits.depth:
            raise self.wrong(f"lists and maps are more than {self.limits.depth} deep")
        if 0x80 <= code <= 0x8F:
            return self.map(code & 0x0F, depth)
        if 0x90 <= code <= 0x9F:
            return self.list(code & 0x0F, depth)
        if code in (0xDC, 0xDD):
            return self.list(self.length(code - 0xDC + 1), depth)
        if code in (0xDE, 0xDF):
            return self.map(self.length(code - 0xDE + 1), depth)
        raise self.wrong(f"the code {code:#x} at byte {self.at - 1} is none of plain values")

    def list(self, count: int, depth: int) -> list[Any]:
        self.check(count)
        return [_plain(self.value(depth)) for _ in range(count)]

    def map(self, count: int, depth: int) -> Any:
        self.check(2 * count)
        entries: dict[str, Any] = {}
        for _ in range(count):
            name = self.value(depth)
            if not isinstance(name, str):
                raise self.wrong("a name in it is no text")
            if name in entries:
                raise self.wrong(f"the name {name[:60]!r} is there twice")
            self.field = name if depth == 1 else self.field
            entries[name] = self.value(depth)
        if MARK in entries:
            return array_of(entries, self.field)
        return {name: _plain(value) for name, value in entries.items()}

    def check(self, count: int) -> None:
        """Each value has a byte at least."""
        if count > self.view.nbytes - self.at:
            raise self.wrong("it ends too early")

    def number(self, form: str) -> Any:
        return struct.unpack(form, self.take(struct.calcsize(form)))[0]

    def length(self, power: int) -> int:
        return int(self.number(_LENGTHS[2**power]))

    def text(self, size: int) -> str:
        try:
            return str(self.take(size), "utf-8")
        except UnicodeDecodeError as error:
            raise self.wrong("text in it is not UTF-8") from error

    def take(self, size: int) -> memoryview:
        part = self.view[self.at : self.at + size]
        if part.nbytes != size:
            raise self.wrong("it ends too early")
        self.at += size
        return part

    def wrong(self, why: str) -> ArgumentError:
        return ArgumentError(f"the message is damaged: {why}", expected="a map of fields in msgpack", field=self.field)


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, memoryview) else value
