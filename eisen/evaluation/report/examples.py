"""The cases a reader should see: the worst ones and the one in the middle, with pictures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eisen._core.errors import EisenError
from eisen.evaluation.grids import on_one_grid
from eisen.evaluation.inputs import opened
from eisen.evaluation.labels import LabelNames
from eisen.evaluation.metric import Metric
from eisen.evaluation.report.overlays import Picture, three_planes
from eisen.evaluation.report.svg import number
from eisen.evaluation.results import Record, Results
from eisen.evaluation.statistics import charged

__all__ = ["Example", "examples_of", "ranked_cases"]

_N_WORST = 3


@dataclass(frozen=True)
class Example:
    """A case with its pictures.

    Args:
        title: Which one it is, e.g. "worst".
        case: Its name.
        label: Of which label.
        value: Of the metric, as text.
        pictures: In three planes; none where files could not be opened.
        note: Why there is no picture.
    """

    title: str
    case: str
    label: str
    value: str
    pictures: list[Picture] = field(default_factory=list)
    note: str = ""


def ranked_cases(results: Results, label: str, metric: Metric) -> list[Record]:
    """Return the records of a label, the worst first; a missed label is worse than all that were measured.

    Args:
        results: What was measured.
        label: Name of the label.
        metric: What decides.
    """
    known = [r for r in charged(results, "worst").of(label, metric.name) if not np.isnan(r.value)]
    sign = -1.0 if metric.better == "lower" else 1.0
    return sorted(known, key=lambda record: sign * record.value)


def examples_of(
    results: Results, metric: Metric, labels: LabelNames, images: Mapping[str, Any] | None = None
) -> list[Example]:
    """Return the worst cases and the median case of each label.

    Args:
        results: With the files of the cases among its facts.
        metric: What decides.
        labels: Values of each label.
        images: What is behind the outlines, by case: arrays or files.
    """
    found = []
    for values, label in labels.items():
        ranked = ranked_cases(results, label, metric)
        chosen = [("worst", 0), ("2nd worst", 1), ("3rd worst", 2)][:_N_WORST]
        places = [(title, k) for title, k in chosen if k < len(ranked)]
        middle = len(ranked) // 2
        if ranked and middle not in [k for _, k in places]:
            places.append(("median", middle))
        found += [_example(title, ranked[k], results, values, images or {}) for title, k in places]
    return found


def _example(
    title: str, record: Record, results: Results, values: tuple[int, ...], images: Mapping[str, Any]
) -> Example:
    told = {"missed": ", missed", "extra": ", invented"}.get(record.presence, "")
    value = f"{record.metric} {number(record.value)}{told}"
    facts = results.facts.get(record.case)
    if facts is None or not facts.reference:
        return Example(
            title, record.case, record.label, value, note="arrays were measured, so there is no file to show"
        )
    try:
        pictures = _pictures(facts.prediction or None, facts.reference, values, images.get(record.case))
    except (EisenError, OSError) as error:
        return Example(title, record.case, record.label, value, note=f"no picture: {str(error).splitlines()[0]}")
    return Example(title, record.case, record.label, value, pictures)


def _pictures(prediction: Any, reference: Any, values: tuple[int, ...], image: Any) -> list[Picture]:
    pair = on_one_grid(prediction, reference)
    behind = None if image is None else on_one_grid(image, reference, is_map=False).prediction
    spacing = pair.spacing or (1.0,) * pair.reference.ndim
    masks = [np.isin(side, values) for side in (pair.prediction, pair.reference)]
    geometry = opened(reference, "reference").geometry
    is_whole = geometry is not None and tuple(geometry.shape) == pair.reference.shape
    return three_planes(masks[0], masks[1], spacing, behind, geometry.affine if geometry and is_whole else None)
