"""What a server answered."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen_deploy.client.errors import ServingError
from eisen_deploy.client.refusals import one_line

if TYPE_CHECKING:
    import numpy as np

__all__ = ["ServerAnswer", "warnings_of"]


@dataclass(frozen=True)
class ServerAnswer:
    """What a server answered.

    Args:
        path: The file it was written to; None: it is in `body`.
        body: Its bytes; empty when they were written to a file.
        content_type: Its media type.
        warnings: What the server wants to be known about this image, e.g. that the model was not trained for such ones.
        model: Name and version of the model, as the server says.
        size: How many bytes it has.
        seconds: How long it took, from the first byte sent to the last one received.

    Example:
        >>> ServerAnswer(body=b'{"volumes_ml": {"liver": 1480.5}}', content_type="application/json").json()
        {'volumes_ml': {'liver': 1480.5}}
    """

    path: Path | None = None
    body: bytes | bytearray = b""
    content_type: str = ""
    warnings: tuple[str, ...] = ()
    model: str = ""
    size: int = 0
    seconds: float = 0.0

    def content(self) -> bytes | bytearray:
        """Return its bytes, from memory or from the file."""
        return self.body if self.path is None else self.path.read_bytes()

    def json(self) -> Any:
        """Return what it says, if it is JSON.

        Raises:
            ServingError: If it is not.
        """
        try:
            return json.loads(self.content())
        except ValueError as error:
            raise ServingError(
                f"the answer is {self.content_type or 'of no known type'}, not JSON", to_do="ask for accept='json'"
            ) from error

    def array(self) -> np.ndarray[Any, Any]:
        """Return its voxels, if it is ``.npy``; nothing in it is executed.

        Raises:
            ServingError: If it is not.
        """
        import numpy as np

        try:
            return np.asarray(np.lib.format.read_array(io.BytesIO(self.content()), allow_pickle=False))
        except (ValueError, EOFError) as error:
            raise ServingError(
                f"the answer is {self.content_type or 'of no known type'}, not .npy", to_do="ask for accept='npy'"
            ) from error


def warnings_of(headers: Mapping[str, str]) -> tuple[str, ...]:
    """Return the warnings that came with an answer.

    Args:
        headers: Of the answer.

    Example:
        >>> warnings_of({"X-Eisen-Warnings": '["spacing 9 mm is outside 0.5 to 2 mm"]'})
        ('spacing 9 mm is outside 0.5 to 2 mm',)
    """
    text = headers.get("X-Eisen-Warnings", "")
    try:
        value = json.loads(text) if text else []
    except (ValueError, RecursionError):
        value = [text]
    return tuple(one_line(entry) for entry in (value if isinstance(value, list) else [value]))
