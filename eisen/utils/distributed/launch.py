"""What torchrun tells each of its processes; without torch, so that it can be asked early."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass

from eisen._core.errors import ArgumentError

__all__ = ["Place", "place_of"]

_SIGNS = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")


@dataclass(frozen=True)
class Place:
    """Which of several processes this is.

    Args:
        rank: Number of the process, from 0.
        size: How many there are.
        local_rank: Number among those of this machine, from 0; the number of its GPU as well.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and shows."""
        return self.rank == 0

    @property
    def is_alone(self) -> bool:
        """Whether there is no other process."""
        return self.size == 1


def place_of(environment: Mapping[str, str] | None = None) -> Place:
    """Return which process this is; alone without torchrun.

    Args:
        environment: The variables of the process; None takes those it has.

    Raises:
        ArgumentError: If the variables of torchrun are no numbers.

    Example:
        >>> place_of({})
        Place(rank=0, size=1, local_rank=0)
    """
    environment = os.environ if environment is None else environment
    if not all(name in environment for name in _SIGNS):
        return Place()
    texts = {name: environment[name] for name in _SIGNS[:3]}
    try:
        place = Place(*(int(text) for text in texts.values()))
    except ValueError:
        place = Place(-1)
    if not 0 <= place.rank < place.size or place.local_rank < 0:
        raise ArgumentError(
            "the variables that torchrun sets are wrong: " + ", ".join(f"{k}={v}" for k, v in texts.items()),
            expected="RANK from 0 to WORLD_SIZE - 1, LOCAL_RANK from 0",
            to_do="start with torchrun or eisen train --devices, or unset them",
        )
    return place
