"""An answer in msgpack as JSON, for clients that ask for it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import numpy as np

from eisen_deploy.serving.messages import Answer, Refusal, Request
from eisen_deploy.utils import unpack

__all__ = ["MSGPACK", "as_json", "wants_json"]

MSGPACK = "application/msgpack"


def wants_json(request: Request) -> bool:
    """Tell whether the answer shall be JSON: it was asked for, or the request was JSON.

    Example:
        >>> wants_json(Request(headers={"accept": "application/json"})), wants_json(Request())
        (True, False)
    """
    accepted = request.headers.get("accept", "").partition(";")[0].strip().lower()
    return accepted == "application/json" or (request.content_type == "application/json" and accepted != MSGPACK)


def as_json(body: bytes) -> Answer:
    """Return an answer in JSON; arrays become lists.

    Args:
        body: The answer in msgpack.

    Raises:
        Refusal: If JSON cannot say it: bytes, and numbers that are not finite.

    Example:
        >>> as_json(bytes.fromhex("81 a1 78 93 01 c3 c0")).body
        b'{"x": [1, true, null]}'
    """
    try:
        return Answer.of_json(_lists(unpack(body)))
    except (TypeError, ValueError) as error:
        raise Refusal(
            "the answer cannot be written as JSON: numbers in it are not finite, or there are bytes in it",
            HTTPStatus.NOT_ACCEPTABLE,
            "NotAcceptable",
            to_do=f"ask for {MSGPACK}",
        ) from error


def _lists(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {name: _lists(inner) for name, inner in value.items()}
    return [_lists(inner) for inner in value] if isinstance(value, list) else value
