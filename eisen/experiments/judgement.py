"""What an epoch is judged by: ``"max dice - 0.1 * dice_ce"``."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from eisen._core.errors import ArgumentError, nearest
from eisen.experiments.records import EpochRow

__all__ = ["Judgement"]

_FORM = 'e.g. "max dice", "min Training.loss" or "max dice[liver] - 0.1 * dice_ce"'
_NAME = re.compile(r"(?<![\w.])[^\W\d][\w.]*(\[[^\]]*\])?")
_BINARY: dict[type, Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_UNARY: dict[type, Callable[[float], float]] = {ast.USub: operator.neg, ast.UAdd: operator.pos}


@dataclass(frozen=True)
class Judgement:
    """A formula over losses and metrics, and whether much or little of it is good.

    Names are those of losses and metrics, of a class as ``dice[liver]``, those of the validation first; ``Training.``
    in front asks for those of the training. Numbers, ``+ - * /`` and parentheses may stand between them. ``max`` or
    ``min`` comes first; without it, formulas of metrics alone are better when larger, of losses alone when smaller.

    Args:
        text: The formula.
        sign: 1 when larger is better, -1 when smaller is.
        names: The names in it.
        tree: The formula, taken apart.

    Example:
        >>> judgement = Judgement.parse("max dice - 0.1 * loss", losses=["loss"], metrics=["dice"])
        >>> round(judgement.value([EpochRow("Validation", 0, {"loss": 0.5}, {"dice": 0.8})]), 3)
        0.75
    """

    text: str
    sign: int
    names: tuple[str, ...]
    tree: ast.expr = field(repr=False, compare=False)

    @classmethod
    def parse(cls, text: str, losses: Sequence[str], metrics: Sequence[str]) -> Judgement:
        """Take a formula apart.

        Args:
            text: The formula.
            losses: Names of the losses there are.
            metrics: Names of the metrics there are.

        Raises:
            ArgumentError: If it cannot be read, names something that is not there, or does not say what is better.
        """
        words = text.strip().split(maxsplit=1)
        direction = words[0] if len(words) == 2 and words[0] in ("max", "min") else ""
        formula = words[1] if direction else text.strip()
        names: list[str] = []

        def stand_in(match: re.Match[str]) -> str:
            names.append(match.group())
            return f"_{len(names) - 1}"

        plain = _NAME.sub(stand_in, formula)
        try:
            tree = ast.parse(plain, mode="eval").body
            _compute(tree, [1.0] * len(names))
        except (SyntaxError, ValueError, RecursionError):
            raise ArgumentError(f".Best is '{text}', which cannot be read", expected=_FORM) from None
        except ZeroDivisionError:
            pass
        kinds = {_kind(name, losses, metrics) for name in names}
        if not names or (not direction and len(kinds) > 1):
            raise ArgumentError(f".Best is '{text}'", expected=f"max or min first, and a loss or metric: {_FORM}")
        larger = direction == "max" or (not direction and kinds == {"metric"})
        return cls(text, 1 if larger else -1, tuple(names), tree)

    def value(self, rows: Sequence[EpochRow]) -> float:
        """Return the value of an epoch; NaN where it is not defined.

        Raises:
            ArgumentError: If a name is not among the results.
        """
        known = _results(rows)
        for name in self.names:
            if name not in known:
                raise ArgumentError(
                    f".Best names '{name}', which was not reported",
                    expected=f"one of {', '.join(name for name in known if '.' not in name)}",
                    to_do=nearest(name, known),
                )
        try:
            return _compute(self.tree, [known[name] for name in self.names])
        except ZeroDivisionError:
            return float("nan")


def _kind(name: str, losses: Sequence[str], metrics: Sequence[str]) -> str:
    base = re.sub(r"^(Training|Validation)\.", "", name).partition("[")[0]
    if base in metrics:
        return "metric"
    if base in losses:
        return "loss"
    known = [*losses, *metrics]
    raise ArgumentError(
        f".Best names '{base}', which is no loss or metric",
        expected=f"one of {', '.join(known) or '(there are none)'}",
        to_do=nearest(base, known),
    )


def _results(rows: Sequence[EpochRow]) -> dict[str, float]:
    """Return all results by name; those of the validation also without the name of the phase."""
    known: dict[str, float] = {}
    for row in sorted(rows, key=lambda row: row.phase != "Validation"):
        for name, value in {**row.losses, **row.metrics}.items():
            known.setdefault(name, value)
            known[f"{row.phase}.{name}"] = value
    return known


def _compute(node: Any, values: Sequence[float] | Mapping[int, float]) -> float:
    if isinstance(node, ast.Name):
        return values[int(node.id[1:])]
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)) and not isinstance(node.value, bool):
        return float(node.value)
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return _BINARY[type(node.op)](_compute(node.left, values), _compute(node.right, values))
    if isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        return _UNARY[type(node.op)](_compute(node.operand, values))
    raise ValueError(ast.dump(node))
