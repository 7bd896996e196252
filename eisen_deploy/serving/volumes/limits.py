"""How much a request may be when it is unpacked."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus

from eisen._core.sizes import memory_bytes, memory_text
from eisen_deploy.serving.messages import Refusal

__all__ = ["MAX_UNPACKED", "Limits", "too_large"]

MAX_UNPACKED = "EISEN_MAX_UNPACKED"
"""Environment variable: how many bytes a request may be when it is unpacked, e.g. ``"4GB"``."""


@dataclass(frozen=True)
class Limits:
    """How much a request may be when it is unpacked; headers are looked at before anything is allocated.

    Args:
        unpacked: Bytes of all images of a request together, after gzip and zip are undone.
        members: Files in a zip.

    Example:
        >>> Limits(unpacked=1000).demand_voxels((10, 10, 10), 1, "image")
        1000
        >>> Limits(unpacked=1000).demand_voxels((10, 10, 10), 2, "image")
        Traceback (most recent call last):
        eisen_deploy.serving.messages.Refusal: 'image' is too large when it is unpacked
    """

    unpacked: int = 4_000_000_000
    members: int = 20_000

    @classmethod
    def from_environment(cls) -> Limits:
        """Return the limits that `MAX_UNPACKED` sets."""
        text = os.environ.get(MAX_UNPACKED)
        return cls() if not text else cls(unpacked=memory_bytes(text))

    def demand_voxels(self, shape: Sequence[int], itemsize: int, field: str) -> int:
        """Return how many bytes the voxels are that a header announces.

        Raises:
            Refusal: If they are more than there may be, or none.
        """
        if not shape or min(shape) < 1:
            raise Refusal(
                f"'{field}' has no voxels",
                HTTPStatus.UNPROCESSABLE_ENTITY,
                "EmptyVolume",
                field=field,
                expected="at least one voxel along every axis",
                got=f"shape {tuple(int(n) for n in shape)}",
            )
        needed = math.prod(int(n) for n in shape) * itemsize
        if needed > self.unpacked:
            raise too_large(field, self.unpacked, f"{memory_text(needed)}: shape {tuple(int(n) for n in shape)}")
        return needed


def too_large(field: str, limit: int, got: str) -> Refusal:
    """Return the refusal of an image that is too large when it is unpacked."""
    return Refusal(
        f"'{field}' is too large when it is unpacked",
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "TooLarge",
        field=field,
        expected=f"at most {memory_text(limit)}",
        got=got,
        to_do=f"crop or downsample it, or let the server allow more with {MAX_UNPACKED}",
    )
