"""How a model is served: what both engines, the embedded server and TorchServe, are told."""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from eisen._core.errors import ArgumentError
from eisen._core.sizes import memory_bytes

__all__ = ["ServerSettings", "is_loopback"]

_TOKEN = re.compile(r"^[A-Za-z0-9._~+/=-]{16,512}$")
_HOST = re.compile(r"^[A-Za-z0-9.:_-]{1,255}$")
_ORIGIN = re.compile(r"^https?://[A-Za-z0-9.\-_\[\]:]+$")
_AT_LEAST_ONE = ("workers", "batch_size", "queue_size", "threads")
_GATES = (None, "off", "warn", "refuse")


def is_loopback(host: str) -> bool:
    """Tell whether an address reaches this machine only.

    Args:
        host: A name or an address.

    Example:
        >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("0.0.0.0")
        (True, True, False)
    """
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host.lower() == "localhost"


@dataclass(frozen=True)
class ServerSettings:
    """How a model is served. The defaults are safe: this machine only, and nobody without the token.

    Args:
        host: Address to listen on; others than those of this machine need a token and TLS.
        port: Port; 0: any free one.
        workers: Processes that compute, per model; each one holds the model.
        token: What clients send as ``Authorization: Bearer <token>``; ``"random"``: a fresh one, which then stands
            here; ``"off"`` or ``""``: none is needed, and ``""`` stands here.
        max_bytes: Largest request, and for TorchServe answer, in bytes; text such as ``"1GB"`` becomes a number.
        batch_size: Most waiting requests that go to a worker together.
        batch_delay_ms: How long a worker waits for a batch to fill, in milliseconds.
        queue_size: Most requests that wait, per model; one more is told to come back later.
        timeout_s: Most seconds that a request waits, and most seconds that a worker computes.
        tls_certificate: Certificate (PEM) for HTTPS.
        tls_key: Its private key (PEM).
        gate: What happens to images unlike those of the training: ``"off"``, ``"warn"`` or ``"refuse"``; None: as the
            package says.
        require_signature: Public key (PEM) that must have signed what is served.
        allowed_origins: Web pages (``"https://viewer.example.org"``) that may use the server from a browser.
        allowed_hosts: More names by which clients may address the server.
        device: Where the workers compute, e.g. ``"cuda:0"``; None: as the package says.
        threads: Processor threads per worker; None: the cores of the machine divided by `workers`.

    Raises:
        ArgumentError: If a value is not possible, or the server would be open to strangers.

    Example:
        >>> settings = ServerSettings(port=8081)
        >>> settings.max_bytes, settings.url, len(settings.token)
        (1000000000, 'http://127.0.0.1:8081', 43)
    """

    host: str = "127.0.0.1"
    port: int = 8080
    workers: int = 1
    token: str = field(default="random", repr=False)
    max_bytes: int = 1_000_000_000
    batch_size: int = 1
    batch_delay_ms: float = 50
    queue_size: int = 100
    timeout_s: float = 600
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    gate: Literal["off", "warn", "refuse"] | None = None
    require_signature: Path | None = None
    allowed_origins: Sequence[str] = ()
    allowed_hosts: Sequence[str] = ()
    device: str | None = None
    threads: int | None = None

    def __post_init__(self) -> None:
        self._set("max_bytes", memory_bytes(self.max_bytes))
        self._set("token", {"off": "", "random": secrets.token_urlsafe(32)}.get(self.token, self.token))
        for name in ("tls_certificate", "tls_key", "require_signature"):
            value = getattr(self, name)
            self._set(name, None if value is None else Path(value))
        self._set("allowed_origins", tuple(origin.rstrip("/") for origin in self.allowed_origins))
        self._set("allowed_hosts", tuple(host.lower() for host in self.allowed_hosts))
        self._check_numbers()
        self._check_words()
        self._check_tls()
        self._check_openness()

    @property
    def has_tls(self) -> bool:
        """Whether clients speak HTTPS."""
        return self.tls_certificate is not None

    @property
    def url(self) -> str:
        """Where clients on this machine find the server, without a slash at the end."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host).strip("[]")  # noqa: S104
        return f"{'https' if self.has_tls else 'http'}://{f'[{host}]' if ':' in host else host}:{self.port}"

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)

    def _check_numbers(self) -> None:
        for name in _AT_LEAST_ONE:
            value = getattr(self, name)
            allowed = value is None and name == "threads"
            if not allowed and (not isinstance(value, int) or isinstance(value, bool) or value < 1):
                raise ArgumentError(f"{name} is {value!r}", expected="a whole number of at least 1")
        if not isinstance(self.port, int) or not 0 <= self.port <= 65535:
            raise ArgumentError(f"port is {self.port!r}", expected="a number from 1 to 65535, or 0 for any free port")
        if not self.timeout_s > 0:
            raise ArgumentError(f"timeout_s is {self.timeout_s!r}", expected="seconds, more than 0")
        if not 0 <= self.batch_delay_ms <= 60_000:
            raise ArgumentError(f"batch_delay_ms is {self.batch_delay_ms!r}", expected="milliseconds, 0 to 60000")

    def _check_words(self) -> None:
        if not _HOST.match(self.host.strip("[]")):
            raise ArgumentError(f"{self.host!r} is no host", expected="an address such as 127.0.0.1, or a name")
        if self.token and not _TOKEN.match(self.token):
            raise ArgumentError(
                "the token cannot be used",
                expected="16 to 512 letters, digits or . _ ~ + / = -",
                to_do="leave it out, and a random one is made",
            )
        if self.gate not in _GATES:
            raise ArgumentError(f"gate is {self.gate!r}", expected="'off', 'warn' or 'refuse'")
        for origin in self.allowed_origins:
            if not _ORIGIN.match(origin):
                raise ArgumentError(
                    f"{origin!r} is no origin", expected="scheme and host of a page, e.g. 'https://viewer.example.org'"
                )

    def _check_tls(self) -> None:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise ArgumentError("TLS needs two files", expected="both tls_certificate and tls_key, or neither")
        for path in (self.tls_certificate, self.tls_key, self.require_signature):
            if path is not None and not path.is_file():
                raise ArgumentError(f"there is no file {path}", to_do="check the name")

    def _check_openness(self) -> None:
        if is_loopback(self.host):
            return
        missing = [word for word, given in (("token", self.token), ("TLS", self.has_tls)) if not given]
        if missing:
            raise ArgumentError(
                f"{self.host} can be reached from other machines, and there is no {' and no '.join(missing)}",
                expected="a token and TLS (tls_certificate and tls_key) for every address but those of this machine",
                to_do="listen on 127.0.0.1 behind a proxy that encrypts, or give certificate, key and token",
            )
