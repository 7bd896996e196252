"""What a call of a server can end with.

    EisenError
    └── ServingError                              a request was not answered with a prediction
        ├── UnreachableError  (ConnectionError)       the request never arrived whole: nothing was predicted
        ├── UnansweredError   (ConnectionError)       it arrived, its answer did not: nobody knows what was predicted
        └── RefusedError                              the server said no
            ├── TokenError    (PermissionError)           it wants a token, or another one
            └── InputRefusedError  (DataError)            it cannot use what was sent

`ServingError.nothing_predicted` tells whether the same request may be sent again without a second prediction.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eisen._core.errors import DataError, EisenError

__all__ = ["InputRefusedError", "RefusedError", "ServingError", "TokenError", "UnansweredError", "UnreachableError"]


class ServingError(EisenError):
    """A request was not answered with a prediction.

    Args:
        what: What was wrong, one sentence.
        nothing_predicted: Whether it is certain that the server computed nothing.
        **facts: Entries of the card.

    Example:
        >>> error = UnreachableError("nobody listens at http://127.0.0.1:1", to_do="start the server")
        >>> error.nothing_predicted, isinstance(error, ConnectionError)
        (True, True)
    """

    retry = False
    """Whether the client sends the request again by itself, if it may."""
    retry_after_s: float | None = None
    """How long the server asked to wait before that."""

    def __init__(self, what: str, *, nothing_predicted: bool = False, **facts: str) -> None:
        super().__init__(what, **facts)
        self.nothing_predicted = nothing_predicted


class UnreachableError(ServingError, ConnectionError):
    """The request never arrived whole, so that nothing was predicted."""

    def __init__(self, what: str, *, retry: bool = False, **facts: str) -> None:
        super().__init__(what, nothing_predicted=True, **facts)
        self.retry = retry


class UnansweredError(ServingError, ConnectionError):
    """The request went out whole and no whole answer came back; it is never repeated by itself."""


class RefusedError(ServingError):
    """The server answered, and not with a prediction.

    Args:
        what: What the server said.
        status: Of HTTP.
        kind: The ``type`` of the server's answer.
        said: The whole answer, when it was JSON.
        **facts: Entries of the card.
    """

    def __init__(
        self, what: str, *, status: int = 0, kind: str = "", said: Mapping[str, Any] | None = None, **facts: str
    ) -> None:
        super().__init__(what, nothing_predicted=400 <= status < 500, **facts)
        self.status, self.kind, self.said = status, kind, dict(said or {})


class TokenError(RefusedError, PermissionError):
    """The server wants a token, or another one than it got."""


class InputRefusedError(RefusedError, DataError):
    """The server cannot use what was sent: a field, a shape, a file format, a size."""
