"""One of several processes that work on one command: which of them shows what."""

from __future__ import annotations

import logging
import os
import sys
import time

from eisen._core.errors import EisenError, TrainingError
from eisen.utils.distributed.launch import Place, place_of

__all__ = ["LAUNCHED", "as_told", "hush", "is_main", "speaks_for", "with_process"]

_BEFORE_JOINING = 10.0
_FOR_THE_CULPRIT = 5.0
_FOR_THE_END = 60.0
_POLL = 0.05

LAUNCHED = "EISEN_LAUNCHED"
"""The variable that tells a process that ``--devices`` watches over it, and will say when one was killed."""


def is_main() -> bool:
    """Tell whether this is the process that shows and writes; also true for one that is alone."""
    return _place().is_main


def hush() -> None:
    """Let all processes but the main one say nothing but errors."""
    if not is_main():
        logging.getLogger("eisen").setLevel(logging.ERROR)


def speaks_for(error: BaseException) -> bool:
    """Tell whether this process is the one to show an error; the others wait for torchrun to end them.

    Args:
        error: What ended this process.
    """
    place = _place()
    if place.is_alone:
        return True
    if isinstance(error, KeyboardInterrupt):
        return place.is_main
    if "eisen.utils.distributed.group" not in sys.modules:  # before the processes know each other
        if not place.is_main:
            time.sleep(_BEFORE_JOINING)  # the main one has most likely failed with the same error
        return True
    return _is_first(error)


def as_told(error: BaseException) -> BaseException:
    """Return an error as it is shown: that another process is gone is said in words.

    Args:
        error: What ended this process.
    """
    place = _place()
    if _is_lost_connection(error):
        told: EisenError = TrainingError(
            "another process of this run has ended, or cannot be reached",
            expected=f"all {place.size} processes to work until the end",
            to_do="look at what the others have said; without a word, their memory was full or their machine is gone",
        )
        told.__cause__ = error
        return told
    return error


def with_process(error: EisenError) -> EisenError:
    """Add to an error in which of several processes it happened.

    Args:
        error: The error.
    """
    place = _place()
    return error if place.is_alone else error.note(process=f"{place.rank} of 0 to {place.size - 1}")


def _is_first(error: BaseException) -> bool:
    """Tell whether no other process has failed before; if one has, wait for the end."""
    from eisen.utils.distributed import present_distribution

    group, is_lost = present_distribution(), _is_lost_connection(error)
    patience = time.monotonic() + (_FOR_THE_CULPRIT if is_lost else 0.0)
    while group.failure() is None and time.monotonic() < patience:
        time.sleep(_POLL)
    if is_lost and LAUNCHED in os.environ and group.failure() is None:
        return False
    headline = f"{type(error).__name__}: {str(error).partition(chr(10))[0]}"
    if group.claim_failure(headline):
        return True
    time.sleep(_FOR_THE_END)
    return False


def _is_lost_connection(error: BaseException) -> bool:
    if "eisen.utils.distributed.group" not in sys.modules:
        return False
    from eisen.utils.distributed.failure import is_lost_connection

    return is_lost_connection(error)


def _place() -> Place:
    try:
        return place_of()
    except EisenError:  # it is raised again, and shown, where the processes are joined
        return Place()
