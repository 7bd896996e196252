"""From an error of the network to an error that tells whether something was predicted."""

from __future__ import annotations

import re
from collections.abc import Iterator

from eisen_deploy.client.bodies import Sending
from eisen_deploy.client.compression import DamagedError
from eisen_deploy.client.errors import ServingError, UnansweredError, UnreachableError
from eisen_deploy.client.limits import Clock
from eisen_deploy.client.refusals import one_line

__all__ = ["answer_failure", "half_sent", "request_failure"]

_MEBI = 2**20
_NEVER_CONNECTED = {
    "NewConnectionError",
    "NameResolutionError",
    "ConnectTimeout",
    "ConnectTimeoutError",
    "ProxyError",
}


def request_failure(error: BaseException, url: str, sending: Sending | None, clock: Clock) -> ServingError:
    """Return the error for a request that got no answer.

    Args:
        error: What requests or a socket raised.
        url: Where it went.
        sending: The body, which knows how far it came; None: it asked for no prediction.
        clock: Of the call.
    """
    names = {type(cause).__name__ for cause in _causes(error)}
    step = f"request to {url}"
    if "SSLError" in names or "SSLCertVerificationError" in names:
        return _untrusted(error, step)
    if names & _NEVER_CONNECTED and not (sending and sending.sent):
        return _nobody(names, url, step)
    if sending is None:
        return _no_reply(error, clock, step)
    if not sending.is_whole:
        return half_sent(url, sending.sent, sending.body.length, clock, is_silent="timed out" in str(error))
    return UnansweredError(
        f"the request went out whole and no answer came: {_why(error, clock)}",
        to_do="look into the log of the server; send it again, with more time, if a second prediction does no harm",
        step=step,
    )


def half_sent(url: str, sent: int, total: int | None, clock: Clock, *, is_silent: bool = False) -> UnreachableError:
    """Return the error for a body that did not go out whole: no server predicts from that.

    Args:
        url: Where it went.
        sent: How many bytes are out.
        total: How many there are, if that is known.
        clock: Of the call.
        is_silent: Whether the server stopped taking it.
    """
    step = f"request to {url}"
    how_far = f"after {_size(sent)}" + (f" of {_size(total)}" if total else "")
    if clock.is_over() or is_silent:
        why = _slow(clock) if clock.is_over() else f"the server took nothing for {clock.limits.silence:g} s"
        return UnreachableError(f"sending stopped {how_far}: {why}", to_do="allow more time (timeout_s)", step=step)
    return UnreachableError(
        f"the server closed the connection {how_far}, before the request was whole",
        retry=True,
        to_do="look into its log; its limit on the size of requests may be smaller",
        step=step,
    )


def answer_failure(error: BaseException, url: str, done: int, clock: Clock) -> ServingError:
    """Return the error for an answer that did not come whole.

    Args:
        error: What was raised.
        url: Where the request went.
        done: How many bytes had come.
        clock: Of the call.
    """
    why = _slow(clock) if clock.is_over() else f"it broke off after {_size(done)}"
    if isinstance(error, DamagedError):
        why = "its compressed bytes are damaged"
    return UnansweredError(
        f"the answer is lost: {why}",
        step=f"request to {url}",
        to_do="the server did predict; send the request again if a second prediction does no harm",
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and those behind it."""
    seen: set[int] = set()
    todo = [error]
    while todo:
        this = todo.pop()
        if isinstance(this, BaseException) and id(this) not in seen:
            seen.add(id(this))
            yield this
            todo += [this.__cause__, this.__context__, getattr(this, "reason", None), *this.args]


def _nobody(names: set[str], url: str, step: str) -> UnreachableError:
    place = re.sub(r"^(https?://[^/]+).*", r"\1", url)
    if "NameResolutionError" in names:
        return UnreachableError(
            f"there is no machine of the name in {place}", to_do="correct the name, or look at your network", step=step
        )
    if "ProxyError" in names:
        return UnreachableError(
            f"the proxy in front of {place} does not let this through",
            to_do="look at HTTPS_PROXY and NO_PROXY in the environment",
            step=step,
        )
    why = "nobody answers" if names & {"ConnectTimeout", "ConnectTimeoutError"} else "nobody listens"
    return UnreachableError(
        f"{why} at {place}",
        retry=True,
        to_do="start the server (eisen serve model.mar), or correct host and port",
        step=step,
    )


def _untrusted(error: BaseException, step: str) -> UnreachableError:
    reasons = " ".join(str(cause) for cause in _causes(error))
    if "WRONG_VERSION_NUMBER" in reasons or "HTTP_REQUEST" in reasons:
        return UnreachableError("the server speaks http, not https", to_do="write http:// in the address", step=step)
    found = re.search(r"certificate verify failed: ([^(\"']+)", reasons)
    why = f": {one_line(found[1], 100).strip()}" if found else ""
    return UnreachableError(
        f"the server's certificate is not trusted{why}",
        expected="a certificate for the name in the address, of a known authority",
        to_do="give the certificate of your authority as verify='ca.pem', or --ca ca.pem",
        step=step,
    )


def _no_reply(error: BaseException, clock: Clock, step: str) -> ServingError:
    """Return the error for a question that was not answered; it may be asked again, as it predicts nothing."""
    failure = UnansweredError(
        f"the server does not answer: {_why(error, clock)}",
        nothing_predicted=True,
        to_do="look into its log; a model whose worker cannot start never answers",
        step=step,
    )
    failure.retry = not clock.is_over()
    return failure


def _why(error: BaseException, clock: Clock) -> str:
    is_late = clock.is_over() or "timed out" in str(error).lower()
    return _slow(clock) if is_late else "the server closed the connection"


def _slow(clock: Clock) -> str:
    return f"it took longer than {clock.limits.total:g} s"


def _size(n: int) -> str:
    return f"{n} bytes" if n < 10_000 else f"{n / _MEBI:.1f} MiB"
