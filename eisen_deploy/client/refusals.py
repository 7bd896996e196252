"""From what a server answers instead of a prediction to an error with a card."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

from eisen_deploy.client.address import TOKEN_VARIABLE
from eisen_deploy.client.errors import InputRefusedError, RefusedError, TokenError

__all__ = ["one_line", "refusal_of", "retry_after_of"]

_LONGEST = 600
_OF_INPUT = {400, 406, 411, 413, 414, 415, 422, 431}
_NO_TOKEN = "InvalidKeyException"  # noqa: S105 - what TorchServe answers when a token is missing or wrong
_TO_DO = {
    404: "correct the name in the address; eisen call http://HOST:PORT shows the models",
    405: "use the address of a prediction: http://HOST:PORT/predictions/NAME",
    413: "raise the server's limit on the size of requests, or send fewer bytes: .nii.gz, compression='zstd', int16",
    429: "try again later, or with fewer requests at a time",
    500: "look into the log of the server",
    503: "try again later; look into the log of the server if it stays so",
    507: "look into the log of the server: it ran out of memory",
}


def one_line(text: Any, longest: int = _LONGEST) -> str:
    r"""Return text of somebody else as one line that does nothing to a terminal.

    Example:
        >>> one_line("red:\x1b[31m\n  alarm")
        'red:[31m alarm'
    """
    plain = "".join(sign for sign in str(text) if sign.isprintable() or sign.isspace())
    short = " ".join(plain.split())
    return short if len(short) <= longest else f"{short[:longest]}…"


def retry_after_of(headers: Mapping[str, str]) -> float | None:
    """Return how many seconds a server asks to wait; None when it does not say so.

    Example:
        >>> retry_after_of({"Retry-After": "3"}), retry_after_of({"Retry-After": "soon"})
        (3.0, None)
    """
    text = headers.get("Retry-After", "").strip()
    if re.fullmatch(r"\d{1,9}", text):
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max((when - datetime.now(UTC)).total_seconds(), 0.0)


def refusal_of(status: int, headers: Mapping[str, str], body: bytes, *, has_token: bool, url: str) -> RefusedError:
    """Return the error for an answer that is no prediction.

    Args:
        status: Of HTTP.
        headers: Of the answer; names in any case.
        body: The answer, or its beginning.
        has_token: Whether a token was sent.
        url: What was asked.
    """
    said = _json_object(body)
    kind = one_line(said.get("type", ""), 100)
    if status in (401, 403) or kind == _NO_TOKEN:
        return _about_token(status, kind, said, has_token, url)
    if 300 <= status < 400:
        return _redirect(status, headers, url)
    facts = _facts(said)
    facts.setdefault("to_do", _TO_DO.get(status, "look into the log of the server" if status >= 500 else ""))
    cls = InputRefusedError if status in _OF_INPUT else RefusedError
    error = cls(
        _message(status, headers, body, said), status=status, kind=kind, said=said, step=f"request to {url}", **facts
    )
    error.retry_after_s = retry_after_of(headers)
    error.retry = status == 429 or (status == 503 and error.retry_after_s is not None)
    error.nothing_predicted = error.nothing_predicted or error.retry
    return error


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _message(status: int, headers: Mapping[str, str], body: bytes, said: Mapping[str, Any]) -> str:
    name = HTTPStatus(status).phrase if status in HTTPStatus._value2member_map_ else ""
    head = f"the server answered {status}{name and f' {name}'}"
    if said.get("message"):
        return one_line(said["message"])
    text = body.decode("utf-8", "replace")
    if "html" in headers.get("Content-Type", "").lower() or text.lstrip()[:1] == "<":
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
        page = f", titled {one_line(title[1], 100)!r}" if title and title[1].strip() else ""
        return f"{head} with a web page{page}: is there something between you and the model server?"
    if not body:
        return f"{head}, and nothing else"
    return f"{head}: {one_line(text)}" if "\ufffd" not in text else head


def _facts(said: Mapping[str, Any]) -> dict[str, str]:
    """Return the entries of the card that the server filled."""
    facts = {name: one_line(said[name]) for name in ("field", "expected", "to_do") if said.get(name) not in (None, "")}
    got = one_line(said.get("got") or "")
    if got and not isinstance(said["got"], list):  # a list is in the message, one by one
        facts["expected"] = f"{facts['expected']}; got {got}" if "expected" in facts else f"something else than {got}"
    return facts


def _about_token(status: int, kind: str, said: Mapping[str, Any], has_token: bool, url: str) -> TokenError:
    what = "the server does not accept this token" if has_token else "the server wants a token"
    to_do = (
        "ask for a valid token; those of a TorchServe that eisen did not start end after an hour"
        if has_token
        else f"give it as token=..., --token-file FILE, or in the environment variable {TOKEN_VARIABLE}"
    )
    return TokenError(what, status=status, kind=kind, said=said, step=f"request to {url}", to_do=to_do)


def _redirect(status: int, headers: Mapping[str, str], url: str) -> RefusedError:
    place = one_line(headers.get("Location", "nowhere"), 200).partition("?")[0]
    return RefusedError(
        f"the server sends you to {place}; neither image nor token were sent there",
        status=status,
        step=f"request to {url}",
        to_do="use the address of the model itself, if you trust that place",
    )
