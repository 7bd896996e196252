"""Asking servers as a stranger would: plain HTTP, nothing that corrects a request on the way."""

from __future__ import annotations

import http.client
import json
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def content_type(self) -> str:
        """The media type without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


def call(
    url: str,
    body: bytes | None = b"",
    headers: Mapping[str, str] | None = None,
    method: str = "POST",
    trust: Path | None = None,
) -> Reply:
    """Send one request on a connection of its own and return the answer.

    Args:
        url: Where to.
        body: What to send.
        headers: Sent as they are; no content type is added.
        method: Of HTTP.
        trust: Certificate to accept.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or 0
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=str(trust))
        connection: http.client.HTTPConnection = http.client.HTTPSConnection(host, port, timeout=280, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=280)
    try:
        connection.request(method, parts.path + (f"?{parts.query}" if parts.query else ""), body, dict(headers or {}))
        answer = connection.getresponse()
        return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
    finally:
        connection.close()
