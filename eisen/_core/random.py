"""Random numbers as a function of (seed, epoch, sample, step).

The loader enters `sample` around each item it reads, `Compose` enters `step` around each of its steps, and a
random transform asks for `generator()`. No state is shared between samples, so it does not matter which worker
or rank reads a sample, nor in which order, nor whether the run was interrupted before.

Outside a loader, `generator()` continues one generator of the process that `seed` sets.
"""

from __future__ import annotations

import json
import random as python_random
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

__all__ = [
    "Others",
    "borrowed",
    "generator",
    "late_step",
    "lend",
    "others_seeded",
    "position",
    "restore",
    "sample",
    "seed",
    "snapshot",
    "step",
]

T = TypeVar("T")


@dataclass
class _Position:
    """Where in the data pass we are; the draws counter tells repeated draws of one step apart."""

    key: tuple[int, int, int]
    path: tuple[int, ...] = ()
    draws: Counter[tuple[int, ...]] = field(default_factory=Counter)


_position: ContextVar[_Position | None] = ContextVar("eisen_random_position", default=None)
_process_generator = np.random.default_rng()


def seed(value: int) -> None:
    """Seed everything of this process: Python, NumPy, torch (when loaded) and eisen's own generator."""
    global _process_generator
    _process_generator = np.random.default_rng(value)
    _seed_globals(value)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(value)


def snapshot() -> dict[str, Any]:
    """Return the state of all generators of this process, as text and tensors that a checkpoint can hold.

    Python's, NumPy's, torch's (those of the GPUs too), and eisen's own.

    Example:
        >>> seed(1)
        >>> state = snapshot()
        >>> first = generator().random(), np.random.random()
        >>> restore(state)
        >>> first == (generator().random(), np.random.random())
        True
    """
    import torch

    version, words, gauss = python_random.getstate()
    name, keys, position, has_gauss, cached = np.random.get_state()
    return {
        "python": json.dumps([version, words, gauss]),
        "numpy": json.dumps([name, np.asarray(keys).tolist(), position, has_gauss, cached]),
        "eisen": json.dumps(_process_generator.bit_generator.state, default=int),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def restore(state: dict[str, Any]) -> None:
    """Put all generators into the state that `snapshot` gave."""
    import torch

    global _process_generator
    version, words, gauss = json.loads(state["python"])
    python_random.setstate((version, tuple(words), gauss))
    name, keys, *rest = json.loads(state["numpy"])
    np.random.set_state((name, np.asarray(keys, dtype=np.uint32), *rest))
    _process_generator = np.random.default_rng()
    _process_generator.bit_generator.state = json.loads(state["eisen"])
    torch.set_rng_state(state["torch"].cpu())
    if len(state["cuda"]) == (torch.cuda.device_count() if torch.cuda.is_available() else 0):
        torch.cuda.set_rng_state_all([each.cpu() for each in state["cuda"]])


@contextmanager
def sample(seed: int, epoch: int, index: int, *, others: bool = True) -> Iterator[None]:
    """Make every random number inside a function of these three numbers.

    The global generators of Python, NumPy and torch are seeded too, for transforms of other libraries, and
    put back afterwards: reading a sample never disturbs the randomness of the model.

    Args:
        seed: 0 or more.
        epoch: 0 or more.
        index: 0 or more.
        others: Whether to seed the global generators too; inside of `lend` they are only lent, in any case.

    Example:
        >>> with sample(seed=1, epoch=0, index=7):
        ...     first = generator().random()
        >>> with sample(seed=1, epoch=0, index=7):
        ...     first == generator().random()
        True
    """
    position = _Position((seed, epoch, index))
    if _others.get() is not None:
        with _being(_others, Others(seed, epoch, index)), _at(position):
            yield
    else:
        with _entered(position, (seed, epoch, index)) if others else _at(position):
            yield


class Others:
    """The global generators of Python, NumPy and torch as one sample has them, for some of its steps only.

    Together the blocks `lent` see the same random numbers as the same code would inside of `sample`. The generators
    belong to the whole process: nobody else may use them while a block runs.

    Args:
        seed: As of `sample`.
        epoch: As of `sample`.
        index: As of `sample`.

    Example:
        >>> with sample(seed=1, epoch=0, index=7):
        ...     expected = np.random.random(2).tolist()
        >>> others, found = Others(seed=1, epoch=0, index=7), []
        >>> for _ in range(2):
        ...     with others.lent():
        ...         found.append(np.random.random())
        >>> found == expected
        True
    """

    def __init__(self, seed: int, epoch: int, index: int) -> None:
        self._key = (seed, epoch, index)
        self._mine: tuple[object, ...] | None = None

    @contextmanager
    def lent(self) -> Iterator[None]:
        """Put the generators where this sample left them, and back afterwards."""
        saved = _save_globals()
        try:
            if self._mine is None:
                _seed_globals(_global_seed(self._key))
            else:
                _restore_globals(self._mine)
            yield
            self._mine = _save_globals()
        finally:
            _restore_globals(saved)


_others: ContextVar[Others | None] = ContextVar("eisen_random_others", default=None)


@contextmanager
def lend() -> Iterator[None]:
    """Let samples inside leave the global generators alone, because other threads use them; see `borrowed`."""
    with _being(_others, Others(0, 0, 0)):
        yield


@contextmanager
def borrowed() -> Iterator[None]:
    """Inside of `lend`: have the global generators as they would be here without other threads.

    Nobody else may use them meanwhile.

    Example:
        >>> with sample(seed=1, epoch=0, index=7):
        ...     expected = np.random.random()
        >>> with lend(), sample(seed=1, epoch=0, index=7), borrowed():
        ...     np.random.random() == expected
        True
    """
    others = _others.get()
    if others is None:
        yield
        return
    with _being(_others, None), others.lent():
        yield


@contextmanager
def late_step(seed: int, epoch: int, index: int, number: int, *, others: bool = True) -> Iterator[None]:
    """Enter one step of the chain of a sample by itself, as a step that runs on a whole batch does for each element.

    Eisen's own random numbers are those of step `number` of a `Compose` inside `sample`. The global generators are
    seeded for this step alone: it cannot know what the steps before took from them.

    Args:
        seed: As of `sample`.
        epoch: As of `sample`.
        index: As of `sample`.
        number: Number of the step in its chain, from 0.
        others: Whether to seed the global generators of Python, NumPy and torch too; False saves their time.

    Example:
        >>> with sample(seed=1, epoch=0, index=7), step(3):
        ...     first = generator().random()
        >>> with late_step(seed=1, epoch=0, index=7, number=3):
        ...     first == generator().random()
        True
    """
    position = _Position((seed, epoch, index), (number,))
    with _entered(position, (seed, epoch, index), (number + 1,)) if others else _at(position):
        yield


@contextmanager
def others_seeded(rng: np.random.Generator) -> Iterator[int]:
    """Seed the global generators of Python, NumPy and torch for the code inside, and put them back afterwards.

    For code of other libraries, whose random numbers become a function of `rng` this way.

    Args:
        rng: What the seed is drawn from.

    Yields:
        The seed, 0 to 2^32 - 1, for generators that a library keeps for itself.

    Example:
        >>> with others_seeded(np.random.default_rng(1)):
        ...     first = np.random.random()
        >>> with others_seeded(np.random.default_rng(1)):
        ...     first == np.random.random()
        True
    """
    value, saved = int(rng.integers(2**32)), _save_globals()
    try:
        _seed_globals(value)
        yield value
    finally:
        _restore_globals(saved)


@contextmanager
def _entered(position: _Position, key: tuple[int, ...], spawn_key: tuple[int, ...] = ()) -> Iterator[None]:
    """Be at a position, with the global generators seeded by a key, and put them back afterwards."""
    saved = _save_globals()
    try:
        _seed_globals(_global_seed(key, spawn_key))
        with _at(position):
            yield
    finally:
        _restore_globals(saved)


def _at(position: _Position) -> AbstractContextManager[None]:
    return _being(_position, position)


@contextmanager
def _being(variable: ContextVar[T], value: T) -> Iterator[None]:
    token = variable.set(value)
    try:
        yield
    finally:
        variable.reset(token)


@contextmanager
def step(number: int) -> Iterator[None]:
    """Enter a numbered step of a chain; steps nest."""
    position = _position.get()
    if position is None:
        yield
        return
    outer, position.path = position.path, (*position.path, number)
    try:
        yield
    finally:
        position.path = outer


def position() -> tuple[int, int, int] | None:
    """Return seed, epoch and index of the sample that is read now; None outside of `sample`.

    Example:
        >>> with sample(seed=1, epoch=0, index=7):
        ...     position()
        (1, 0, 7)
    """
    now = _position.get()
    return None if now is None else now.key


def generator() -> np.random.Generator:
    """Return the generator of the step that runs now."""
    position = _position.get()
    if position is None:
        return _process_generator
    repeat = position.draws[position.path]
    position.draws[position.path] += 1
    return np.random.default_rng([*position.key, len(position.path), *position.path, repeat])


def _global_seed(key: tuple[int, ...], spawn_key: tuple[int, ...] = ()) -> int:
    return int(np.random.SeedSequence(key, spawn_key=spawn_key).generate_state(1)[0])


def _seed_globals(value: int) -> None:
    python_random.seed(value)
    np.random.seed(value % 2**32)
    if "torch" in sys.modules:  # not torch.manual_seed, which seeds the GPUs too, and those are not put back
        sys.modules["torch"].default_generator.manual_seed(value)


def _save_globals() -> tuple[object, ...]:
    torch = sys.modules.get("torch")
    return python_random.getstate(), np.random.get_state(), torch.get_rng_state() if torch else None


def _restore_globals(saved: tuple[object, ...]) -> None:
    python_random.setstate(saved[0])  # type: ignore[arg-type]
    np.random.set_state(saved[1])  # type: ignore[arg-type]
    if saved[2] is not None:
        sys.modules["torch"].set_rng_state(saved[2])
