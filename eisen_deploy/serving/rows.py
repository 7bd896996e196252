"""Requests and answers in the form in which TorchServe passes them on."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from eisen_deploy.serving.inputs import FORM
from eisen_deploy.serving.messages import Answer, Request

__all__ = ["requests_of", "write_answers"]

_BODY = ("body", "data")


def requests_of(rows: Sequence[Mapping[str, Any]] | None, context: Any) -> list[Request]:
    """Return the requests of a batch.

    Args:
        rows: One dict per request: ``body`` (bytes, text, or what was JSON), or the parts of a form by name.
        context: TorchServe's, which knows the headers.

    Example:
        >>> [request.body for request in requests_of([{"body": bytearray(b"scan")}], None)]
        [bytearray(b'scan')]
    """
    return [_request(row, _headers(context, index)) for index, row in enumerate(rows or [])]


def write_answers(answers: Sequence[Answer], context: Any) -> list[bytes]:
    """Tell the context status and headers of each answer, and return the bodies.

    Args:
        answers: One per request.
        context: TorchServe's; None: nobody wants to know.
    """
    for index, answer in enumerate(answers) if context is not None else ():
        context.set_response_content_type(index, answer.content_type)
        for name, value in answer.headers.items():
            context.set_response_header(index, name, value)
        context.set_response_status(int(answer.status), HTTPStatus(answer.status).phrase, index)
    return [answer.body for answer in answers]


def _headers(context: Any, index: int) -> dict[str, str]:
    """TorchServe mixes in the media types of the parts of a form, as dicts."""
    known = getattr(context, "get_all_request_header", None)
    headers = known(index) if known is not None and _has_requests(context) else {}
    return {str(name).lower(): value for name, value in headers.items() if isinstance(value, str)}


def _has_requests(context: Any) -> bool:
    """While a model is loaded there are none."""
    return getattr(context, "request_processor", True) is not None


def _request(row: Mapping[str, Any], headers: dict[str, str]) -> Request:
    if str(headers.get("describe", "")).lower() == "true":  # GET /models/<name>?customized=true
        return Request()
    request = Request(headers=headers)
    if request.content_type == FORM:
        return Request(_rest(row), headers)
    names = set(row)
    if not names <= set(_BODY) or request.content_type == "multipart/form-data":
        cut = b"--" if not row and headers.get("content-length", "0") != "0" else b""  # no question for the metadata
        return Request(cut, headers, dict(row))
    value = next((row[name] for name in _BODY if name in row), b"")
    if isinstance(value, Mapping):
        empty = b"" if value else b"{}"  # asks for nothing, but is no question for the metadata
        return Request(empty, {**headers, "content-type": "application/json"}, dict(value))
    return Request(_bytes(value), headers)


def _rest(row: Mapping[str, Any]) -> bytes:
    """Return something of a form, so that it does not look empty unless it was."""
    names = "".join(str(name) for name in row if name not in _BODY).encode("utf-8", "replace")
    return names or bytes(_bytes(next((row[name] for name in _BODY if name in row), b"")))


def _bytes(value: Any) -> bytes | bytearray | memoryview:
    if isinstance(value, (bytes, bytearray, memoryview)):
        return value
    if value is None:
        return b""
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()
