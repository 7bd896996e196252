"""What a metric is, in words: read from its class and docstring, and for empty masks from what it does."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from textwrap import dedent
from typing import Any

import numpy as np

from eisen.evaluation.metric import Metric, SegmentationMetric
from eisen.evaluation.pairs.case_pair import CasePair
from eisen.evaluation.spelling import metric_of, metrics_of

__all__ = ["KINDS", "Definition", "Parameter", "definition_of", "definitions", "number_text"]

KINDS = ("segmentation", "image", "classification")
"""What metrics are computed from: masks, images, or scores and classes."""

_SECTIONS = ("Args", "Attributes", "Example", "Raises", "Source")


@dataclass(frozen=True)
class Parameter:
    """One parameter of a metric.

    Args:
        name: As it is given.
        default: What it is when nothing is said.
        doc: What it does.
    """

    name: str
    default: Any
    doc: str


@dataclass(frozen=True)
class Definition:
    """What a metric is.

    Args:
        name: As it is spelt, with the parameters that were given.
        plain_name: Name of the class.
        kind: "segmentation", "image" or "classification".
        summary: One sentence.
        formula: As in the docstring; "" where words define it.
        text: The paragraphs after the summary: range, spacing, empty masks, conventions.
        source: Where it comes from.
        low: Smallest possible value.
        high: Largest possible value.
        better: "higher", "lower" or "neither".
        unit: "" for plain numbers.
        groups: Names under which several metrics are asked for at once.
        parameters: What can be set.
        on_empty: Found by measuring, for "empty prediction", "empty reference" and "both empty": a number, "value"
            where it depends on the masks, or "undefined". Empty for what is no metric of masks.
    """

    name: str
    plain_name: str
    kind: str
    summary: str
    formula: str
    text: str
    source: str
    low: float
    high: float
    better: str
    unit: str
    groups: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    on_empty: dict[str, str]

    @property
    def range(self) -> str:
        """Smallest and largest value with the unit, e.g. "0 to ∞ mm"."""
        return f"{number_text(self.low)} to {number_text(self.high)} {self.unit}".rstrip()

    def as_dict(self) -> dict[str, Any]:
        """Return everything as plain values; infinite ones as None, since JSON has none."""
        values = asdict(self)
        return values | {key: values[key] if math.isfinite(values[key]) else None for key in ("low", "high")}


def definition_of(metric: str | Metric) -> Definition:
    """Return what a metric is.

    Args:
        metric: The metric, or its spelling.

    Raises:
        ArgumentError: If there is no such metric.

    Example:
        >>> dice = definition_of("DICE")
        >>> dice.formula, dice.range, dice.on_empty["empty prediction"], dice.on_empty["both empty"]
        ('2 TP / (2 TP + FP + FN)', '0 to 1', '0', '1')
    """
    made = metric_of(metric)
    parts = _parts(inspect.getdoc(type(made)) or "")
    paragraphs = parts[""].split("\n\n")
    return Definition(
        name=made.name,
        plain_name=type(made).__name__,
        kind=made.kind,
        summary=_one_line(paragraphs[0]),
        formula=_formula(paragraphs),
        text="\n\n".join(_one_line(p) for p in paragraphs[1:]),
        source=_one_line(parts.get("Source", "")),
        low=made.low,
        high=made.high,
        better=made.better,
        unit=made.unit,
        groups=made.groups,
        parameters=tuple(_parameters(made, parts.get("Args", ""))),
        on_empty=_on_empty(made) if isinstance(made, SegmentationMetric) else {},
    )


def definitions(of: str | None = None) -> list[Definition]:
    """Return what all metrics are, or those of a group or kind, by kind and name; none where there is no such group.

    Args:
        of: Name of a group, e.g. "overlap", or of a kind, e.g. "image"; None: all.

    Example:
        >>> [found.name for found in definitions("counts")]
        ['FN', 'FP', 'TN', 'TP']
    """
    known = [metric for kind in KINDS for metric in metrics_of("all", kind)]
    found = [definition_of(m) for m in known if of in (None, m.kind, *m.groups)]
    return sorted(found, key=lambda d: (KINDS.index(d.kind), d.name))


def number_text(value: float) -> str:
    """Return an end of a range, short.

    Args:
        value: A number, maybe infinite.

    Example:
        >>> number_text(1.0), number_text(-0.5), number_text(float("inf"))
        ('1', '-0.5', '∞')
    """
    return f"{value:g}".replace("inf", "∞")


def _parts(doc: str) -> dict[str, str]:
    """Return the sections of a Google docstring by their titles; what comes first is called ""."""
    found, title = {"": ""}, ""
    for line in doc.splitlines():
        start = re.match(rf"({'|'.join(_SECTIONS)}):\s*(.*)$", line)
        if start:
            title, line = start[1], start[2]
        found[title] = f"{found.get(title, '')}\n{line}"
    return {key: dedent(text).strip() for key, text in found.items()}


def _formula(paragraphs: Sequence[str]) -> str:
    """Return the code in the summary, or else the one that the paragraph after it begins with."""
    in_summary = re.search(r"``(.+?)``", _one_line(paragraphs[0]))
    begins = re.match(r"``(.+?)``", _one_line(paragraphs[1])) if len(paragraphs) > 1 else None
    found = in_summary or begins
    return found[1] if found else ""


def _parameters(metric: Metric, text: str) -> Iterable[Parameter]:
    entries = re.findall(r"^(\w+): (.+(?:\n +.+)*)", text, re.MULTILINE)
    words = {name: _one_line(entry) for name, entry in entries}
    for name, parameter in inspect.signature(type(metric)).parameters.items():
        yield Parameter(name, parameter.default, words.get(name, ""))


def _one_line(text: str) -> str:
    return " ".join(text.split())


@cache
def _cases() -> dict[str, tuple[CasePair, CasePair]]:
    """Return two cases for each kind of emptiness, so that a value which depends on the masks can be told."""
    masks = np.zeros((2, 8, 9, 10), np.uint8)
    masks[0, 2:5, 2:6, 3:8] = masks[1, 1:6, 2:7, 3:6] = 1
    nothing = np.zeros_like(masks[0])
    return {
        "empty prediction": (CasePair(nothing, masks[0]), CasePair(nothing, masks[1])),
        "empty reference": (CasePair(masks[0], nothing), CasePair(masks[1], nothing)),
        "both empty": (CasePair(nothing, nothing), CasePair(nothing[1:], nothing[1:])),
    }


def _on_empty(metric: SegmentationMetric) -> dict[str, str]:
    found = {}
    for which, cases in _cases().items():
        one, other = (metric.measure(case.label(1)) for case in cases)
        if not one.is_defined:
            found[which] = "undefined"
        else:
            found[which] = number_text(one.value) if one.value == other.value else "value"
    return found
