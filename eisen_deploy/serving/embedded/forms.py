"""Forms and JSON objects as fields, the way TorchServe hands them to a handler."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from eisen_deploy.serving.messages import Refusal

__all__ = ["fields_of"]

_MOST_PARTS, _LONGEST_HEAD = 200, 8192


def fields_of(body: bytes | memoryview, headers: Mapping[str, str]) -> dict[str, Any] | None:
    r"""Return the fields of a form or a JSON object; None: the body is neither.

    Args:
        body: The bytes.
        headers: By name in small letters.

    Raises:
        Refusal: If it says that it is a form, and is damaged.

    Example:
        >>> fields_of(b'{"age": 61}', {"content-type": "application/json"})
        {'age': 61}
        >>> fields_of(b"\x93NUMPY", {"content-type": "application/x-npy"}) is None
        True
    """
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if not len(body) or headers.get("content-encoding", "identity").strip().lower() not in ("", "identity"):
        return None
    if kind == "application/json":
        return _json_object(body)
    if kind == "multipart/form-data":
        return _Form(body, headers["content-type"]).fields
    return None


def _json_object(body: bytes | memoryview) -> dict[str, Any] | None:
    try:
        value = json.loads(bytes(body))
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


class _Form:
    """A multipart form, read in one pass."""

    def __init__(self, body: bytes | memoryview, content_type: str) -> None:
        from python_multipart.exceptions import FormParserError
        from python_multipart.multipart import MultipartParser, parse_options_header

        self._options = parse_options_header
        _, options = parse_options_header(content_type)
        self.fields: dict[str, Any] = {}
        self._head: list[tuple[bytes, bytes]] = []
        self._name, self._value, self._data = bytearray(), bytearray(), bytearray()
        self._ended = False
        try:
            # an empty boundary is an error of the parser as well
            parser = MultipartParser(options.get(b"boundary", b""), self._callbacks())  # type: ignore[arg-type]
            parser.write(bytes(body))
            parser.finalize()
        except (FormParserError, ValueError) as error:
            raise _damaged(str(error)) from None
        if not self._ended:
            raise _damaged("it ends too early")

    def _callbacks(self) -> dict[str, Any]:
        return {
            "on_part_begin": self._begin,
            "on_header_field": lambda data, start, end: self._add(self._name, data[start:end]),
            "on_header_value": lambda data, start, end: self._add(self._value, data[start:end]),
            "on_header_end": self._end_of_header,
            "on_part_data": lambda data, start, end: self._data.extend(memoryview(data)[start:end]),
            "on_part_end": self._end_of_part,
            "on_end": self._end,
        }

    def _begin(self) -> None:
        self._head, self._data = [], bytearray()

    def _add(self, text: bytearray, piece: bytes) -> None:
        text += piece
        if len(text) > _LONGEST_HEAD or len(self._head) > 20:
            raise ValueError("the head of a part is too long")

    def _end_of_header(self) -> None:
        self._head.append((bytes(self._name).lower(), bytes(self._value)))
        self._name, self._value = bytearray(), bytearray()

    def _end_of_part(self) -> None:
        head = dict(self._head)
        _, options = self._options(head.get(b"content-disposition", b""))
        name = options.get(b"name", b"").decode("utf-8", "replace")
        if not name:
            raise ValueError("a part has no name")
        if name in self.fields:
            raise ValueError(f"there are two parts with the name {name[:100]!r}")
        if len(self.fields) >= _MOST_PARTS:
            raise ValueError("it has too many parts")
        self.fields[name] = _part(self._data, head.get(b"content-type", b""), is_file=b"filename" in options)

    def _end(self) -> None:
        self._ended = True


def _part(data: bytearray, content_type: bytes, *, is_file: bool) -> Any:
    """Return a part as TorchServe does: a file that says it is JSON is decoded, all others are bytes."""
    if is_file and content_type.partition(b";")[0].strip().lower() == b"application/json":
        try:
            return json.loads(data)
        except (ValueError, RecursionError):
            pass
    return data if is_file else bytes(data)


def _damaged(why: str) -> Refusal:
    return Refusal(f"the form cannot be read: {why}", kind="BadForm", to_do="send one part per image: -F name=@file")
