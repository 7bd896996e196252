"""Metrics by the names that stand in a file."""

from __future__ import annotations

from collections.abc import Iterable

from eisen._core.errors import EisenError
from eisen.evaluation.metric import Metric
from eisen.evaluation.spelling import metric_of, registry

__all__ = ["known_metrics"]


def known_metrics(names: Iterable[str]) -> dict[str, Metric]:
    """Return the metrics of eisen among some names; nothing that a file names is imported.

    Args:
        names: As they are spelt in results.

    Example:
        >>> known_metrics(["DICE", "os.remove"])
        {'DICE': Dice()}
    """
    ours, found = registry(), {}
    for name in dict.fromkeys(names):
        if name.partition("(")[0] in ours:
            try:
                found[name] = metric_of(name)
            except EisenError:  # of another version, with other parameters
                continue
    return found
