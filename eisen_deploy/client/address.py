"""Addresses of models, and tokens, checked before anything is sent."""

from __future__ import annotations

import json
import os
import re
import warnings
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import SplitResult, quote, urlsplit

from eisen._core.errors import ArgumentError, MissingFileError

__all__ = ["TOKEN_VARIABLE", "Address", "checked_token", "read_token"]

TOKEN_VARIABLE = "EISEN_TOKEN"  # noqa: S105 - the name of a variable, not a token
"""Where a token is looked for when none is given."""

_TOKEN = re.compile(r"[\x21-\x7e]{1,4096}")


@dataclass(frozen=True)
class Address:
    """The URL of a server or of a model.

    Args:
        url: As one types it.

    Raises:
        ArgumentError: If it is not one, or has a password in it.

    Example:
        >>> address = Address("http://localhost:8080/predictions/liver")
        >>> address.origin, address.is_loopback, address.model
        ('http://localhost:8080', True, 'liver')
    """

    url: str

    def __post_init__(self) -> None:
        parts = _parts(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or re.search(r"[\s\x00-\x1f]", self.url):
            shown = self.url if "@" not in self.url else "the address"
            hint = f"http://{self.url}" if re.match(r"[\w.\-]+(:\d+(/|$)|/)", self.url) else ""
            raise ArgumentError(
                f"{shown!r} is not the address of a model",
                expected="like http://127.0.0.1:8080/predictions/hippocampus",
                to_do=f"did you mean {hint}?" if hint else "",
            )
        if parts.username is not None:
            raise ArgumentError(
                f"the address of {parts.hostname} has a user or password in it",
                expected="an address without them: addresses end up in logs",
                to_do=f"give a token as token=..., or in the environment variable {TOKEN_VARIABLE}",
            )

    @property
    def origin(self) -> str:
        """Scheme, host and port."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this machine and nobody in between sees what is sent."""
        host = urlsplit(self.url).hostname or ""
        try:
            return ip_address(host).is_loopback
        except ValueError:
            return host == "localhost" or host.endswith(".localhost")

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection is TLS."""
        return urlsplit(self.url).scheme == "https"

    @property
    def model(self) -> str:
        """The name of the model, if the address has one."""
        found = re.search(r"/predictions/([^/?#]+)", self.url)
        return found[1] if found else ""

    def beside(self, path: str) -> str:
        """Return the address of something else on the same server.

        Args:
            path: From the root, e.g. ``"/models"``.
        """
        return f"{self.origin}{quote(path, safe='/')}"


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise ArgumentError(f"this is not an address: {error}", expected="like http://127.0.0.1:8080") from error
    return parts


def checked_token(token: str | None, address: Address) -> str | None:
    """Return the token to send, from the environment if none is given; it is shown nowhere.

    Args:
        token: The token; None looks into ``EISEN_TOKEN``; empty: none.
        address: Where it goes; over http to another machine there is a warning.

    Raises:
        ArgumentError: If it cannot be a token.
    """
    token = os.environ.get(TOKEN_VARIABLE) if token is None else token
    token = (token or "").strip()
    if not token:
        return None
    if not _TOKEN.fullmatch(token):
        raise ArgumentError(
            "the token has characters that a token cannot have",
            expected="letters, digits and signs of ASCII, no blanks",
            to_do="copy it again; a file with a token is given with --token-file",
        )
    if not address.is_encrypted and not address.is_loopback:
        warnings.warn(f"the token goes to {address.origin} unencrypted; use https", UserWarning, stacklevel=3)
    return token


def read_token(path: str | Path) -> str:
    """Return the token in a file: a line of text, or the ``key_file.json`` of TorchServe.

    Args:
        path: The file.

    Raises:
        MissingFileError: If it cannot be read.
        ArgumentError: If there is no token in it.

    Example:
        >>> import tempfile
        >>> file = Path(tempfile.mkdtemp()) / "key_file.json"
        >>> _ = file.write_text('{"inference": {"key": "abc"}}', encoding="utf-8")
        >>> read_token(file)
        'abc'
    """
    try:
        text = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise MissingFileError(f"the token cannot be read from {path}", file=str(path)) from error
    if text.startswith("{"):
        try:
            text = str(json.loads(text)["inference"]["key"])
        except (ValueError, KeyError, TypeError) as error:
            raise ArgumentError(
                f"{path} has no token", expected="a line of text, or the key_file.json of TorchServe", file=str(path)
            ) from error
    if not text:
        raise ArgumentError(f"{path} is empty", expected="a token", file=str(path))
    return text
