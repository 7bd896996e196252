"""From the values of every batch to the numbers of an epoch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from eisen.utils.workflows.series import Batches, Numbers, nan_mean, per_class

__all__ = ["Summary", "summarise"]

_NOTHING: Mapping[tuple[int, str], Numbers] = MappingProxyType({})


@dataclass(frozen=True)
class Summary:
    """The losses, or the metrics, of an epoch.

    Args:
        means: Mean over the epoch, by name; for values per class also ``name[class]``.
        mean: Mean over the names; None when there are none.
        arrays: For each loss or metric a dict of name to values, first axis = batches.
    """

    means: dict[str, float]
    mean: float | None
    arrays: list[dict[str, Numbers]]


def summarise(
    columns: Mapping[tuple[int, str], Batches],
    class_names: Sequence[Sequence[str]] = (),
    finals: Mapping[tuple[int, str], Numbers] = _NOTHING,
) -> Summary:
    """Return the means of an epoch.

    The mean of a scalar is that of its batches. Values per class, shape (cases, classes), are averaged over the
    cases that have the class (NaN says that one has not), then over the classes. Where a metric made a value of the
    whole epoch itself, that value counts; a table such as a confusion matrix has no mean.

    Args:
        columns: Values of every batch by (number of the loss or metric, name).
        class_names: For each metric the names of its classes, empty where it has none.
        finals: Values of the whole epoch, for streaming metrics.

    Example:
        >>> summarise({(0, "dice"): np.array([[[0.5, np.nan]], [[0.7, 0.9]]])}, [["a", "b"]]).means
        {'dice': 0.75, 'dice[a]': 0.6, 'dice[b]': 0.9}
    """
    means: dict[str, float] = {}
    totals: list[float] = []
    arrays: list[dict[str, Numbers]] = [{} for _ in range(1 + max((i for i, _ in columns), default=-1))]
    for (position, name), batches in columns.items():
        classes = class_names[position] if position < len(class_names) else ()
        scores = per_class(batches, len(classes)) if classes else None
        final = finals.get((position, name))
        arrays[position].update(_by_batch(name, classes, batches, scores))
        if final is not None and final.ndim > 1:
            continue
        unique = _unused(name, means)
        values = final if final is not None else _of_epoch(batches, scores)
        means[unique] = float(nan_mean(values) if classes else np.mean(values, dtype=np.float64))
        if classes and values.shape == (len(classes),):
            means.update({f"{unique}[{label}]": float(v) for label, v in zip(classes, values, strict=True)})
        totals.append(means[unique])
    return Summary(means, float(np.mean(totals)) if totals else None, arrays)


def _of_epoch(batches: Batches, scores: list[Numbers] | None) -> Numbers:
    """Return the value of each class over the cases of an epoch, or the values of all batches."""
    return _array(batches) if scores is None else np.asarray(nan_mean(np.concatenate(scores), axis=0))


def _by_batch(name: str, classes: Sequence[str], batches: Batches, scores: list[Numbers] | None) -> dict[str, Numbers]:
    """Return the arrays that hooks get, batches first: of the metric, and of each of its classes."""
    if scores is None:
        return {name: _array(batches)}
    values = np.stack([nan_mean(rows, axis=0) for rows in scores])
    each = {f"{name}[{label}]": values[:, i] for i, label in enumerate(classes)}
    return {name: np.asarray(nan_mean(values, axis=1)), **each}


def _array(batches: Batches) -> Numbers:
    """Return one array with the batches first; batches of different shape count with their mean."""
    return batches if isinstance(batches, np.ndarray) else np.stack([np.mean(values) for values in batches])


def _unused(name: str, taken: Mapping[str, float]) -> str:
    """Return the name, or ``name (2)`` when another loss or metric has it already."""
    if name not in taken:
        return name
    return next(new for n in range(2, len(taken) + 3) if (new := f"{name} ({n})") not in taken)
