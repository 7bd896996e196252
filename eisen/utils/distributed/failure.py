"""Which process failed first, so that one card is shown and not one per process."""

from __future__ import annotations

from contextlib import suppress

import torch.distributed as dist

__all__ = ["FailureBoard", "is_lost_connection"]

_KEY = "eisen/first failure"
_SIGNS = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "Socket closed", "NCCL", "gloo")


class FailureBoard:
    """A line that the first process to fail writes, and the others can read.

    It lies in the store of torchrun's agent, which outlives the processes.

    Args:
        rank: Number of this process.
    """

    def __init__(self, rank: int) -> None:
        self.rank = rank
        self._store = dist.distributed_c10d._get_default_store()

    def claim(self, what: str) -> bool:
        """Write the line if there is none yet; tell whether it is the one of this process.

        Args:
            what: One line.
        """
        mine = f"{self.rank} {what}"
        try:
            winner = self._store.compare_set(_KEY, "", mine).decode("utf-8")
        except RuntimeError:  # the store is gone with torchrun itself: say what is known
            return True
        return winner.partition(" ")[0] == str(self.rank)

    def first(self) -> tuple[int, str] | None:
        """Return the number of the process that failed first and its line; None while none has."""
        with suppress(RuntimeError):
            if self._store.check([_KEY]):
                rank, _, what = self._store.get(_KEY).decode("utf-8").partition(" ")
                return int(rank), what
        return None


def is_lost_connection(error: BaseException) -> bool:
    """Tell whether an error only says that another process is no longer there.

    Args:
        error: What was raised.
    """
    if isinstance(error, dist.DistError):
        return True
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)
