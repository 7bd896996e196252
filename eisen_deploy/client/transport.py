"""Sending requests so that a prediction is never made twice unknowingly."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eisen._core.errors import EisenError
from eisen._core.optional import require
from eisen_deploy.client.bodies import Body, Sending
from eisen_deploy.client.errors import ServingError
from eisen_deploy.client.failures import answer_failure, half_sent, request_failure
from eisen_deploy.client.limits import CLOCK, Clock, Limits
from eisen_deploy.client.refusals import refusal_of

if TYPE_CHECKING:
    import requests

    from eisen_deploy.client.session import Sessions

__all__ = ["Call", "Progress", "Reply", "Transport"]

Progress = Callable[[str, int, "int | None"], None]
"""Told what goes on (``"sending"``, ``"waiting"``, ``"receiving"``), how many bytes are through, and of how many."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.25, 8.0
_ERROR_BYTES = 256 * 1024


@dataclass(frozen=True)
class Call:
    """One request.

    Args:
        url: Where it goes.
        body: What is sent; None: an empty body.
        headers: More headers.
        method: Of HTTP.
        progress: Told how far it is.
    """

    url: str
    body: Body | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    progress: Progress = lambda _what, _done, _total: None


class Reply:
    """An answer that is good, with its body still on the way."""

    def __init__(self, response: requests.Response, call: Call, clock: Clock) -> None:
        self.headers: Mapping[str, str] = response.headers
        self.url, self.status = call.url, response.status_code
        self._response, self._call, self._clock = response, call, clock

    @property
    def content_type(self) -> str:
        """The media type in small letters, without parameters."""
        return self.headers.get("Content-Type", "").partition(";")[0].strip().lower()

    def pieces(self) -> Iterator[bytes]:
        """Yield the body as it comes.

        Raises:
            UnansweredError: If it breaks off, or the time is up.
        """
        from eisen_deploy.client.session import pieces_of

        done, total = 0, _length(self.headers)
        source = pieces_of(self._response)
        while True:
            try:
                piece = next(source, None)
            except Exception as error:
                raise answer_failure(error, self._call.url, done, self._clock) from error
            if piece is None:
                return
            if self._clock.is_over():
                raise answer_failure(TimeoutError(), self._call.url, done, self._clock)
            done += len(piece)
            self._call.progress("receiving", done, total)
            yield piece

    def seconds(self) -> float:
        """How long the call has taken so far."""
        return self._clock.taken()

    def read(self) -> bytearray:
        """Return the whole body."""
        whole = bytearray()
        for piece in self.pieces():
            whole += piece
        return whole


class Transport:
    """Sends requests: within time limits, without following redirects, repeating only what certainly was not computed.

    Args:
        sessions: The connections.
        limits: How long a call may take.
        retries: How often what certainly was not computed is sent again.
        has_token: Whether the sessions send a token.
    """

    def __init__(self, sessions: Sessions, limits: Limits, retries: int, has_token: bool) -> None:
        self._sessions, self._limits, self._retries, self._has_token = sessions, limits, retries, has_token

    @contextmanager
    def sent(self, call: Call) -> Iterator[Reply]:
        """Send a request and yield its answer; the connection is free again afterwards.

        Args:
            call: The request.

        Raises:
            UnreachableError: If it never arrived whole, also when tried again.
            UnansweredError: If it arrived and no whole answer came.
            RefusedError: If the server said no.
        """
        clock = Clock(self._limits)
        token = CLOCK.set(clock)
        try:
            response = self._persistent(call, clock)
            try:
                yield Reply(response, call, clock)
            finally:
                response.close()
        finally:
            CLOCK.reset(token)

    def _persistent(self, call: Call, clock: Clock) -> requests.Response:
        """Try until there is an answer, or an error that must not or need not be tried again."""
        attempt = 0
        while True:
            try:
                return self._once(call, clock)
            except ServingError as error:
                pause = error.retry_after_s
                if pause is None:
                    pause = min(_FIRST_PAUSE_S * 2**attempt, _LONGEST_PAUSE_S)
                if not error.retry or attempt == self._retries or pause >= clock.left():
                    raise _told(error, attempt + 1, pause)  # noqa: B904 - it is the same error
            time.sleep(pause)
            attempt += 1

    def _once(self, call: Call, clock: Clock) -> requests.Response:
        library: Any = require("requests", "deploy", "calling a server")
        sending: Any = None if call.body is None else Sending(call.body, _watch(call, clock))
        headers = dict(call.headers)
        if call.body is not None:
            headers |= call.body.headers | ({"Content-Type": call.body.content_type} if call.body.content_type else {})
        session = self._sessions.mine()
        settings: dict[str, Any] = {"timeout": (clock.connecting(), clock.left()), "verify": session.verify}
        try:
            response: requests.Response = session.request(
                call.method, call.url, data=sending, headers=headers, stream=True, allow_redirects=False, **settings
            )
        except EisenError:
            raise
        except (library.RequestException, OSError, ValueError) as error:
            raise request_failure(error, call.url, sending, clock) from error
        if response.status_code < 300:
            return response
        raise self._refused(response, call)

    def _refused(self, response: requests.Response, call: Call) -> ServingError:
        from eisen_deploy.client.session import pieces_of

        body = bytearray()
        try:
            for piece in pieces_of(response):
                body += piece
                if len(body) > _ERROR_BYTES:
                    break
        except Exception:  # noqa: S110 - an error that broke off is still that error
            pass
        finally:
            response.close()
        return refusal_of(response.status_code, response.headers, bytes(body), has_token=self._has_token, url=call.url)


def _watch(call: Call, clock: Clock) -> Callable[[int], None]:
    """Return what looks at the clock while a body goes out."""
    body = call.body
    total = body.length if body is not None else None

    def on_piece(sent: int) -> None:
        if clock.is_over():
            raise half_sent(call.url, sent, total, clock)
        call.progress("sending", sent, total)

    return on_piece


def _length(headers: Mapping[str, str]) -> int | None:
    """Return how many bytes will come, when they come as they are."""
    text = headers.get("Content-Length", "")
    return int(text) if text.isdecimal() and not headers.get("Content-Encoding") else None


def _told(error: ServingError, attempts: int, pause: float) -> ServingError:
    """Add how often it was tried, and when it makes sense again."""
    if error.retry and error.retry_after_s is not None:
        error.card.to_do = f"try again in {pause:.0f} s: that is what the server asks for"
    if attempts > 1 and "attempts" not in error.card.what:
        error.card.what += f" ({attempts} attempts)"
        error.args = (error.card.what,)
    return error
