"""Taking turns: which code may run in several threads at once, and how the other code waits for its turn.

Code of other people may draw from the global generators of Python, NumPy and torch, which all threads share with the
model, or keep something between two calls. Among threads it runs one at a time, while the main thread waits for data,
with the generators as its own sample has them: so its results are those of a single thread.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from typing import Any

from eisen._core import random

__all__ = ["Turn", "alone", "in_turns", "strangers"]

Turn = Callable[[], AbstractContextManager[None]]
"""Waits until it is this thread's turn, and gives it back."""

_FREE_MODULES = ("eisen.", "torch.utils.data.", "weakref.")
_LOOKED_AT = 1000
"""So many entries of a list are searched for code; longer ones list cases."""


@dataclass
class _Turns:
    """What a thread that reads among others has to know."""

    turn: Turn
    known: dict[int, tuple[Any, bool]]

    def is_free(self, code: Any) -> bool:
        if id(code) not in self.known:
            self.known[id(code)] = (code, not strangers(code))
        return self.known[id(code)][1]


_turns: ContextVar[_Turns | None] = ContextVar("eisen_turns", default=None)


@contextmanager
def in_turns(turn: Turn, known: dict[int, tuple[Any, bool]] | None = None) -> Iterator[None]:
    """Read samples among other threads: all in `eisen._core.random.sample` as ever, but code that is not free waits.

    Args:
        turn: What code waits for that must not run in several threads at once.
        known: Remembers which code is free, from block to block.

    Example:
        >>> with in_turns(turn=nullcontext), random.sample(1, 0, 7):
        ...     with alone(print):
        ...         first = random.generator().random()
        >>> with random.sample(1, 0, 7):
        ...     first == random.generator().random()
        True
    """
    token = _turns.set(_Turns(turn, {} if known is None else known))
    try:
        with random.lend():
            yield
    finally:
        _turns.reset(token)


def alone(code: Any) -> AbstractContextManager[None]:
    """Return what a call of some code has to be wrapped in: the turn it waits for, if it needs one.

    Args:
        code: A step or a data set.

    Example:
        >>> with alone(print):
        ...     print("nobody else")
        nobody else
    """
    turns = _turns.get()
    return nullcontext() if turns is None or turns.is_free(code) else _alone(turns)


@contextmanager
def _alone(turns: _Turns) -> Iterator[None]:
    token = _turns.set(None)  # what is called inside has the turn already
    try:
        with turns.turn(), random.borrowed():
            yield
    finally:
        _turns.reset(token)


def strangers(code: Any, *, inside_chains: bool = False) -> list[str]:
    """Return the names of what keeps some code from running in several threads at once; none if nothing does.

    Eisen's own steps and data sets are free, and what they hold is searched. A chain is free as well: each of its
    steps asks for itself. Anything else is free if it says so with an attribute ``thread_safe = True``: it draws random
    numbers from ``eisen._core.random.generator()`` only, and keeps nothing that another call could change.

    Args:
        code: A step or a data set.
        inside_chains: Whether to search the steps of chains too.

    Example:
        >>> strangers(len), strangers([{"image": "a.nii.gz"}])
        (['len'], [])
    """
    return list(dict.fromkeys(_strangers(code, inside_chains, set())))


def _strangers(code: Any, inside_chains: bool, seen: set[int]) -> Iterator[str]:
    if id(code) in seen:
        return
    seen.add(id(code))
    said = getattr(code, "thread_safe", None)
    if isinstance(said, bool):
        yield from () if said else (_name(code),)
    elif not isinstance(code, (list, tuple, dict)) and not _is_ours(code):
        yield _name(code)
    elif inside_chains or not hasattr(code, "call_step"):
        for item in _code_in(code):
            yield from _strangers(item, inside_chains, seen)


def _code_in(holder: Any) -> list[Any]:
    """Return what can be called, or may hold what can be called, inside of something."""
    fields = holder if isinstance(holder, (list, tuple, dict)) else getattr(holder, "__dict__", {})
    values = list(fields.values() if isinstance(fields, Mapping) else fields)
    found = [value for value in values if _may_hold_code(value)] if len(values) <= _LOOKED_AT else []
    if isinstance(fields, Mapping) and "dataset" in fields:
        found.append(fields["dataset"])
    if isinstance(fields, Mapping) and "datasets" in fields:
        found.extend(fields["datasets"])
    return found


def _may_hold_code(value: Any) -> bool:
    if isinstance(value, type):
        return False
    return callable(value) or isinstance(value, (list, tuple, dict)) or _is_ours(value)


def _is_ours(code: Any) -> bool:
    owner = code if hasattr(code, "__qualname__") else type(code)
    return f"{getattr(owner, '__module__', '')}.".startswith(_FREE_MODULES)


def _name(code: Any) -> str:
    code = code.func if isinstance(code, partial) else code
    return str(getattr(code, "__name__", None) or type(code).__name__)
