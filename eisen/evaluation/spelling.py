"""Metrics by their spelling: ``DICE``, ``HDRFDST(percentile=95)``, ``overlap``, ``package.module.Metric``."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from typing import Any

from eisen._core.errors import ArgumentError, nearest
from eisen.config import locate
from eisen.evaluation.metric import Metric

__all__ = ["metric_of", "metrics_of", "registry", "split_spellings"]

_SPELLING = re.compile(r"^\s*([\w.-]+)\s*(?:\((.*)\))?\s*$", re.DOTALL)


def registry() -> dict[str, type[Metric]]:
    """Return the metrics of eisen by all their names: abbreviation, class name, and words in lower case.

    Example:
        >>> sorted(name for name, cls in registry().items() if cls.__name__ == "Dice")
        ['DICE', 'Dice', 'dice']
    """
    return dict(_registry())


@cache
def _registry() -> Mapping[str, type[Metric]]:
    metrics: Any = import_module("eisen.evaluation.metrics")
    found: dict[str, type[Metric]] = {}
    for name in metrics.__all__:
        cls = getattr(metrics, name)
        if isinstance(cls, type) and issubclass(cls, Metric) and hasattr(cls, "abbreviation"):
            found |= {cls.abbreviation: cls, name: cls, _words(name): cls}
    return found


def metric_of(spelling: str | Metric) -> Metric:
    """Return the metric of a spelling.

    Args:
        spelling: Abbreviation or plain name, with parameters in parentheses where wanted; the dotted path of a class
            of your own; a metric is returned as it is.

    Raises:
        ArgumentError: If there is no such metric, or it does not take these parameters.

    Example:
        >>> metric_of("DICE")
        Dice()
    """
    if isinstance(spelling, Metric):
        return spelling
    match = _SPELLING.match(str(spelling))
    if match is None:
        raise ArgumentError(f"{spelling!r} is no metric", expected='a name, e.g. "DICE" or "HDRFDST(percentile=95)"')
    name, given = match.groups()
    cls = _class_of(name)
    try:
        made = cls(**_parameters(given or "", spelling))
    except TypeError as error:
        raise ArgumentError(f"{cls.abbreviation} cannot be made of {spelling!r}: {error}") from error
    return made


def metrics_of(spellings: str | Sequence[str | Metric], kind: str = "segmentation") -> list[Metric]:
    """Return the metrics of several spellings, each once; the name of a group stands for all of the group.

    Args:
        spellings: A list, or one text with commas between them; "all" is every metric of the kind.
        kind: "segmentation", "image" or "classification".

    Raises:
        ArgumentError: If there is no such metric or group, or one is of another kind.

    Example:
        >>> metrics_of("DICE, dice")
        [Dice()]
    """
    listed = split_spellings(spellings) if isinstance(spellings, str) else list(spellings)
    found: dict[str, Metric] = {}
    for spelling in listed:
        for metric in _group(str(spelling), kind) or [metric_of(spelling)]:
            if metric.kind != kind:
                raise ArgumentError(f"{metric.name} is a metric for {metric.kind}s", expected=f"one for {kind}s")
            found.setdefault(metric.name, metric)
    return list(found.values())


def _group(name: str, kind: str) -> list[Metric]:
    classes = [cls for cls in dict.fromkeys(registry().values()) if cls.kind == kind]
    return [cls() for cls in classes if name == "all" or name in cls.groups]


def _class_of(name: str) -> type[Metric]:
    known = registry()
    for key in (name, name.upper(), name.lower().replace("-", "_")):
        if key in known:
            return known[key]
    if "." not in name:
        close = nearest(name.upper(), [key for key in known if key.isupper()]) or nearest(name, list(known))
        raise ArgumentError(f"there is no metric {name!r}", expected="a name listed by `eisen metrics`", to_do=close)
    found: Any = locate(name)
    if not (isinstance(found, type) and issubclass(found, Metric)):
        raise ArgumentError(f"{name} is no metric", expected="a class derived from eisen.evaluation.Metric")
    return found


def _parameters(text: str, spelling: str) -> dict[str, Any]:
    try:
        call = ast.parse(f"f({text})", mode="eval").body
        if not isinstance(call, ast.Call) or call.args:
            raise ValueError("parameters need their names")
        return {keyword.arg: ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg}
    except (SyntaxError, ValueError) as error:
        raise ArgumentError(
            f"the parameters of {spelling!r} cannot be read: {error}", expected='e.g. "HDRFDST(percentile=95)"'
        ) from error


def split_spellings(text: str) -> list[str]:
    """Return the spellings of a list in one text: commas inside of parentheses do not count.

    Args:
        text: Spellings with commas between them.

    Example:
        >>> split_spellings("DICE, FMEASR(beta=2), overlap")
        ['DICE', 'FMEASR(beta=2)', 'overlap']
    """
    return [part.strip() for part in re.split(r",(?![^(\[]*[)\]])", text) if part.strip()]


def _words(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()
