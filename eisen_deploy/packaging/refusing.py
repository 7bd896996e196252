"""Archives that are refused, in a way that scripts written for the archiver of TorchServe understand."""

from __future__ import annotations

import sys
from functools import cache
from typing import Any

from eisen._core.errors import ArgumentError

__all__ = ["refused"]


def refused(what: str, **facts: str) -> ArgumentError:
    """Return the error for an archive that cannot be made.

    Args:
        what: What was wrong.
        **facts: More entries of the card.

    Returns:
        An ArgumentError. Packing was the business of torch-model-archiver in the original: for scripts that have
        imported its ``ModelArchiverError``, to catch it, it is one too.

    Example:
        >>> print(refused("there is no folder model_zoo", to_do="make it"))
        there is no folder model_zoo
            to do  make it
    """
    archiver = sys.modules.get("model_archiver.model_archiver_error")
    kind = ArgumentError if archiver is None else _both(archiver.ModelArchiverError)
    return kind(what, **facts)


@cache
def _both(theirs: type[Exception]) -> type[ArgumentError]:
    def reduce(error: ArgumentError) -> Any:  # no module has the class: elsewhere it is an ArgumentError
        return _revive, (dict(error.__dict__),)

    return type("RefusedArchiveError", (ArgumentError, theirs), {"__reduce__": reduce, "__module__": __name__})


def _revive(state: dict[str, Any]) -> ArgumentError:
    error = ArgumentError("")
    error.__dict__.update(state)
    error.args = (error.card.what,)
    return error
