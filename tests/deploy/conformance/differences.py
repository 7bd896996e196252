"""Where TorchServe cannot answer as the embedded server does, and why. Everything else must be equal."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Difference:
    """What TorchServe answers instead.

    Args:
        status: Of HTTP.
        type: What its error says it is; empty: the body is not compared.
        why: The reason.
    """

    status: int
    type: str
    why: str


_TWICE = "TorchServe keeps one of two parts of a name, and does not say so"
_CUT = "TorchServe drops a part that is not complete, and does not say so"
_RAW = "TorchServe hands on a form without a boundary as bytes, under the name 'body'"
_FORM = "TorchServe takes the bytes apart as a form before any of our code sees them; some it cannot"

TORCHSERVE = {
    "form with a part twice": Difference(200, "", _TWICE),
    "form cut": Difference(400, "MissingField", _CUT),
    "form without boundary": Difference(400, "MissingField", _RAW),
    "volume as web form": Difference(500, "ErrorDataDecoderException", _FORM),
}


@dataclass(frozen=True)
class ServerFact:
    """What the servers say themselves, without the worker core: status and, of errors, type.

    Args:
        method: Of HTTP.
        address: Behind host and port.
        embedded: What the embedded server says.
        torchserve: What TorchServe says.
        why: The reason where they differ.
        token: Whether the token is sent.
        size: Of the body.
        headers: More headers.
    """

    method: str
    address: str
    embedded: tuple[int, str]
    torchserve: tuple[int, str]
    why: str = ""
    token: bool = True
    size: int = 0
    headers: tuple[tuple[str, str], ...] = ()


_KEY = "TorchServe calls a missing token a bad request"
_NAMES = "TorchServe has its own names for errors"
_PORT = "TorchServe answers this on its management or metrics port"
_ANY = "TorchServe predicts for every method but OPTIONS"
_OPEN = "TorchServe looks at neither Host nor Origin"
_ALIAS = "TorchServe has more addresses of the same thing"
_AT = "/predictions/tiny"

SERVERS = {
    "ping": ServerFact("GET", "/ping", (200, ""), (200, "")),
    "ping without token": ServerFact("GET", "/ping", (200, ""), (400, "InvalidKeyException"), _KEY, token=False),
    "no token": ServerFact("POST", _AT, (401, "Unauthorized"), (400, "InvalidKeyException"), _KEY, token=False),
    "head": ServerFact("HEAD", _AT, (200, ""), (200, "")),
    "query": ServerFact("POST", f"{_AT}?a=1", (200, ""), (200, "")),
    "unknown model": ServerFact(
        "POST", "/predictions/none", (404, "ModelNotFound"), (404, "ModelNotFoundException"), _NAMES
    ),
    "unknown version": ServerFact(
        "POST", f"{_AT}/9.9", (404, "ModelNotFound"), (404, "ModelVersionNotFoundException"), _NAMES
    ),
    "unknown address": ServerFact("GET", "/nothing", (404, "NotFound"), (404, "ResourceNotFoundException"), _NAMES),
    "too large": ServerFact("POST", _AT, (413, "TooLarge"), (413, ""), "TorchServe says nothing", size=20_000_001),
    "delete": ServerFact("DELETE", _AT, (405, "MethodNotAllowed"), (200, ""), _ANY),
    "deeper": ServerFact("POST", f"{_AT}/1.0/more", (404, "NotFound"), (200, ""), _ALIAS),
    "slash": ServerFact("POST", f"{_AT}/", (404, "NotFound"), (200, ""), _ALIAS),
    "kserve 1": ServerFact("POST", "/v1/models/tiny:predict", (404, "NotFound"), (200, ""), _ALIAS),
    "kserve 2": ServerFact("POST", "/v2/models/tiny/infer", (404, "NotFound"), (200, ""), _ALIAS),
    "explanation": ServerFact("POST", "/explanations/tiny", (404, "NotFound"), (200, ""), _ALIAS),
    "description": ServerFact("GET", "/models/tiny", (200, ""), (404, "ResourceNotFoundException"), _PORT),
    "numbers": ServerFact("GET", "/metrics", (200, ""), (404, "ResourceNotFoundException"), _PORT),
    "host": ServerFact("POST", _AT, (421, "WrongHost"), (200, ""), _OPEN, headers=(("Host", "evil.example.org"),)),
    "origin": ServerFact(
        "POST", _AT, (403, "WrongOrigin"), (200, ""), _OPEN, headers=(("Origin", "https://evil.example.org"),)
    ),
}
