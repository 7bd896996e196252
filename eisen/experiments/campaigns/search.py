"""What a sweep tries: the words of a command line, and the trials they stand for."""

from __future__ import annotations

import itertools
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError, nearest

__all__ = ["Range", "Trial", "grid_trials", "parse_grid", "parse_range", "random_trials"]

Trial = dict[str, Any]
"""One value per path of the configuration, e.g. ``{"Training.Optimizer[0].params.lr": 0.01}``."""

_RANGE = re.compile(r"\s*(\w+)\s*\((.*)\)\s*", re.DOTALL)
_GRID_FORM = "PATH=VALUE,VALUE,..., e.g. Training.Optimizer[0].params.lr=1e-2,1e-3"
_RANGE_FORM = 'PATH=KIND(...), e.g. "Training.Optimizer[0].params.lr=loguniform(1e-4,1e-2)"'


@dataclass(frozen=True)
class Range:
    """What a value is drawn from.

    Args:
        kind: ``"choice"``, ``"uniform"``, ``"loguniform"`` or ``"int"``.
        values: The choices, or the two ends (of ``"int"`` both included).

    Raises:
        ArgumentError: If there is no such kind, or the values do not fit it.

    Example:
        >>> 1e-4 <= Range("loguniform", (1e-4, 1e-2)).draw(np.random.default_rng(0)) <= 1e-2
        True
    """

    kind: str
    values: tuple[Any, ...]

    def __post_init__(self) -> None:
        if self.kind not in _DRAWS:
            known = ", ".join(_DRAWS)
            to_do = nearest(self.kind, _DRAWS)
            raise ArgumentError(f"there is no '{self.kind}' to draw from", expected=f"one of {known}", to_do=to_do)
        if self.kind == "choice":
            if not self.values:
                raise ArgumentError("choice() has nothing to choose from", expected="choice(8,16,32)")
            return
        numbers = [v for v in self.values if isinstance(v, (int, float)) and not isinstance(v, bool)]
        shown = f"{self.kind}({', '.join(map(str, self.values))})"
        if len(self.values) != 2 or len(numbers) != 2 or not numbers[0] < numbers[1]:
            raise ArgumentError(f"{shown} is no range", expected=f"{self.kind}(LOW,HIGH) with LOW below HIGH")
        if self.kind == "loguniform" and numbers[0] <= 0:
            raise ArgumentError(f"{shown} begins at {numbers[0]}", expected="a range above 0")
        if self.kind == "int" and not all(isinstance(v, int) for v in numbers):
            raise ArgumentError(f"{shown} has ends that are no whole numbers", expected="int(LOW,HIGH)")

    def draw(self, rng: np.random.Generator) -> Any:
        """Draw a value."""
        return _DRAWS[self.kind](rng, self.values)


def _loguniform(rng: np.random.Generator, ends: Sequence[Any]) -> float:
    return float(f"{math.exp(rng.uniform(math.log(ends[0]), math.log(ends[1]))):.6g}")


_DRAWS: dict[str, Callable[[np.random.Generator, Sequence[Any]], Any]] = {
    "choice": lambda rng, values: values[int(rng.integers(len(values)))],
    "uniform": lambda rng, ends: float(f"{rng.uniform(ends[0], ends[1]):.6g}"),
    "loguniform": _loguniform,
    "int": lambda rng, ends: int(rng.integers(ends[0], ends[1] + 1)),
}


def parse_grid(text: str) -> tuple[str, list[Any]]:
    """Return path and values of a grid.

    Args:
        text: ``PATH=VALUE,VALUE``; values are read as JSON, and as text where they are not.

    Raises:
        ArgumentError: If it has another form.

    Example:
        >>> parse_grid("Training.BatchSize=2,4"), parse_grid("General.Precision=fp32,bf16")[1]
        (('Training.BatchSize', [2, 4]), ['fp32', 'bf16'])
        >>> parse_grid("Training.Transforms[1].params.size=[8,8,8],[16,16,16]")[1]
        [[8, 8, 8], [16, 16, 16]]
    """
    path, equals, words = text.partition("=")
    values = _values(words)
    if not equals or not path.strip() or not values:
        raise ArgumentError(f"'{text}' is no line of a grid", expected=_GRID_FORM)
    return path.strip(), values


def parse_range(text: str) -> tuple[str, Range]:
    """Return path and range of a random search.

    Args:
        text: ``PATH=choice(a,b)``, ``PATH=uniform(low,high)``, ``PATH=loguniform(low,high)`` or ``PATH=int(low,high)``.

    Raises:
        ArgumentError: If it has another form.

    Example:
        >>> parse_range("Training.Optimizer[0].params.lr=loguniform(1e-4,1e-2)")[1]
        Range(kind='loguniform', values=(0.0001, 0.01))
    """
    path, equals, words = text.partition("=")
    match = _RANGE.fullmatch(words)
    if not equals or not path.strip() or match is None:
        raise ArgumentError(f"'{text}' is nothing to draw from", expected=_RANGE_FORM)
    try:
        return path.strip(), Range(match[1], tuple(_values(match[2])))
    except ArgumentError as error:
        raise error.note(config=path.strip()) from None


def grid_trials(grid: Mapping[str, Sequence[Any]]) -> list[Trial]:
    """Return every combination of the values of a grid; the last path changes fastest.

    Args:
        grid: Values by path.

    Example:
        >>> grid_trials({"a": [1, 2], "b": ["x", "y"]})[1]
        {'a': 1, 'b': 'y'}
    """
    return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]


def random_trials(ranges: Mapping[str, Range], n_trials: int, seed: int = 0) -> list[Trial]:
    """Return trials with drawn values; the first ones stay the same when more are asked for.

    Args:
        ranges: What to draw from, by path.
        n_trials: How many.
        seed: What chance depends on.

    Raises:
        ArgumentError: If there is no trial.

    Source:
        Bergstra and Bengio 2012, Random Search for Hyper-Parameter Optimization, JMLR 13.

    Example:
        >>> ranges = {"lr": Range("uniform", (0.0, 1.0))}
        >>> random_trials(ranges, 3, seed=1)[:2] == random_trials(ranges, 2, seed=1)
        True
    """
    if n_trials < 1:
        raise ArgumentError(f"the number of trials is {n_trials}", expected="a whole number from 1")
    trials = []
    for number in range(n_trials):
        rng = np.random.default_rng(np.random.SeedSequence((seed, number)))
        trials.append({path: each.draw(rng) for path, each in ranges.items()})
    return trials


def _values(words: str) -> list[Any]:
    """Return values between commas; commas inside of brackets and quotes belong to the values."""
    try:
        listed = json.loads(f"[{words}]", parse_constant=_refuse)
    except ValueError:
        return [_value(word.strip()) for word in _pieces(words) if word.strip()]
    return list(listed)


def _pieces(words: str) -> list[str]:
    """Split at commas outside of brackets and quotes."""
    pieces, depth, is_quoted = [""], 0, False
    for character in words:
        is_quoted ^= character == '"'
        depth += 0 if is_quoted else (character in "[{(") - (character in ")}]")
        if character == "," and depth == 0 and not is_quoted:
            pieces.append("")
        else:
            pieces[-1] += character
    return pieces


def _value(word: str) -> Any:
    try:
        return json.loads(word, parse_constant=_refuse)
    except ValueError:
        return word


def _refuse(constant: str) -> Any:
    raise ValueError(constant)
