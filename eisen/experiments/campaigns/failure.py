"""Error cards as plain data, so that they can leave the process they arose in."""

from __future__ import annotations

import traceback
from collections.abc import Mapping
from dataclasses import fields

from eisen._core import errors
from eisen._core.errors import Card, EisenError

__all__ = ["card_facts", "raised_error"]


def card_facts(error: BaseException) -> dict[str, str]:
    """Return the card of an error as plain data; of an error nobody foresaw, what Python knows about it.

    Args:
        error: What was raised.

    Example:
        >>> card_facts(ZeroDivisionError("by zero"))["what"]
        'ZeroDivisionError: by zero'
    """
    if isinstance(error, EisenError):
        rows = {name: text for name, text in vars(error.card).items() if text}
        return {"type": type(error).__name__, **rows}
    frame = traceback.extract_tb(error.__traceback__)[-1:]
    where = "".join(f"{entry.filename}:{entry.lineno}" for entry in frame)
    facts = {"type": type(error).__name__, "what": f"{type(error).__name__}: {error}".rstrip(": "), "file": where}
    return {name: text for name, text in facts.items() if text}


def raised_error(facts: Mapping[str, str]) -> EisenError:
    """Return an error with the card that `card_facts` took down.

    Args:
        facts: Entries of a card, and the name of its class as ``"type"``.

    Example:
        >>> type(raised_error({"type": "MissingFileError", "what": "there is no scan"})).__name__
        'MissingFileError'
    """
    known = {entry.name for entry in fields(Card)}
    card = {name: text for name, text in facts.items() if name in known}
    kind = getattr(errors, facts.get("type", ""), EisenError)
    if not (isinstance(kind, type) and issubclass(kind, EisenError)) or kind is errors.ConfigError:
        kind = EisenError  # that one is made of problems with places, which are text by now
    error: EisenError = kind(**{"what": "no reason is known", **card})
    return error
