"""What a client is told when something failed, and what only the log says."""

from __future__ import annotations

import logging
import re
import sys
from http import HTTPStatus
from secrets import token_hex

from eisen._core.errors import DataError, EisenError, MissingFileError, StepError
from eisen_deploy.serving.messages import Answer, Refusal

__all__ = ["answer_to_error", "is_out_of_memory", "without_folders"]

_log = logging.getLogger("eisen.serving")

_PATH = re.compile(r"(?<![\w/\\.:])(?:[A-Za-z]:)?[\\/](?:[^\s\\/'\"<>|]+[\\/])+(?=[^\s\\/'\"<>|])")
_NO_ROOM = ("can't allocate memory", "out of memory", "Unable to allocate")


def without_folders(text: str) -> str:
    """Return a text in which paths are the names of their files: strangers need not know the disks of a server.

    Args:
        text: A message.

    Example:
        >>> without_folders("'/srv/models/liver/model.pt' has 1/2 of its bytes")
        "'model.pt' has 1/2 of its bytes"
    """
    return _PATH.sub("", text)


def answer_to_error(error: Exception) -> Answer:
    """Return the answer that tells a client of an error; what is not the client's business goes to the log.

    Refusals say what they say. Data that could not be prepared is 422, with the card of the error. No memory is 507.
    Everything else is 500 with a number that is in the log as well.

    Args:
        error: What was raised.

    Example:
        >>> answer_to_error(Refusal("there is no field 'image'", kind="MissingField")).status
        400
    """
    if isinstance(error, Refusal):
        if error.status >= HTTPStatus.INTERNAL_SERVER_ERROR and error.__cause__ is not None:
            _log.error("%s", error.what, exc_info=error)
        return error.answer()
    if is_out_of_memory(error):
        return _no_room(error)
    if isinstance(error, DataError) and not isinstance(error, (StepError, MissingFileError)):
        _log.warning("a request was refused: %s", error)
        return _of_card(error).answer()
    number = token_hex(4)
    _log.error("fault %s", number, exc_info=error)
    return Refusal(
        "the server failed on this request",
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "ServerFault",
        fault=number,
        to_do=f"look for {number!r} in the log of the server",
    ).answer()


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether an error, or one of its causes, is about memory.

    Args:
        error: What was raised.

    Example:
        >>> is_out_of_memory(MemoryError()), is_out_of_memory(ValueError())
        (True, False)
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, MemoryError):
            return True
        if isinstance(cause, RuntimeError) and any(words in str(cause) for words in _NO_ROOM):
            return True
        cause = cause.__cause__
    return False


def _no_room(error: Exception) -> Answer:
    _log.error("out of memory", exc_info=error)
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.empty_cache()
    return Refusal(
        "the server has not enough memory for this request",
        HTTPStatus.INSUFFICIENT_STORAGE,
        "OutOfMemory",
        to_do="send less at once",
    ).answer()


def _of_card(error: EisenError) -> Refusal:
    card = error.card
    facts = {name: without_folders(getattr(card, name)) for name in ("field", "step", "shapes", "expected", "to_do")}
    return Refusal(without_folders(card.what), HTTPStatus.UNPROCESSABLE_ENTITY, type(error).__name__, **facts)
