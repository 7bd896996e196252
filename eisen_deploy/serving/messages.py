"""What goes into a worker and what comes out of it, whatever server is around it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

__all__ = ["Answer", "Refusal", "Request"]


@dataclass(frozen=True)
class Request:
    """What a client sent.

    Args:
        body: The bytes; empty asks for the metadata.
        headers: By name in small letters.
        fields: What a form or a JSON object brought, by name: bytes, text or JSON values; None: the body is neither.

    Example:
        >>> Request(b"", {"content-type": "Application/Gzip; charset=binary"}).content_type
        'application/gzip'
    """

    body: bytes | bytearray | memoryview = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, Any] | None = None

    @property
    def content_type(self) -> str:
        """The media type in small letters, without parameters; empty when the client gave none."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_empty(self) -> bool:
        """Whether it asks for the metadata."""
        return not len(self.body) and not self.fields


@dataclass(frozen=True)
class Answer:
    """What goes back.

    Args:
        body: The bytes.
        content_type: Their media type.
        status: Of HTTP.
        headers: More headers.
    """

    body: bytes
    content_type: str = "application/octet-stream"
    status: int = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_json(cls, value: Any, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> Answer:
        """Return an answer in JSON, the same bytes for the same value."""
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
        return cls(text.encode(), "application/json", status, dict(headers or {}))


class Refusal(Exception):  # noqa: N818  # it is an answer rather than an error of ours
    r"""A request that cannot be answered, and why: becomes an answer in JSON.

    Args:
        what: What was wrong, one sentence.
        status: Of HTTP, 4xx when it is the request's fault.
        kind: One word for programs, e.g. ``"MissingField"``.
        **facts: ``field``, ``expected``, ``got``, ``to_do``, ...; empty ones are left out.

    Example:
        >>> refusal = Refusal("there is no field 'image'", kind="MissingField", field="image")
        >>> refusal.answer().body
        b'{"code": 400, "type": "MissingField", "message": "there is no field \'image\'", "field": "image"}'
    """

    def __init__(self, what: str, status: int = HTTPStatus.BAD_REQUEST, kind: str = "BadRequest", **facts: Any) -> None:
        super().__init__(what)
        self.what, self.status, self.kind = what, int(status), kind
        self.facts = {name: value for name, value in facts.items() if value not in (None, "")}

    def answer(self) -> Answer:
        """Return it as an answer."""
        value = {"code": self.status, "type": self.kind, "message": self.what, **self.facts}
        return Answer.of_json(value, self.status)
