"""Data sets that stand around the cases, e.g. patches of them: a split divides what is inside."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from eisen.config.build import build
from eisen.config.experiment import Entry
from eisen.config.locate import locate

__all__ = ["built_around", "case_entry"]


def case_entry(entry: Entry) -> Entry:
    """Return the entry of the data set whose cases are divided: the one inside of those that stand around it.

    A class says with ``splits_inside = True`` that its argument `dataset` holds the cases, as `PatchDataset` does.

    Args:
        entry: The entry of a data set.

    Example:
        >>> inside = {"type": "eisen.datasets.JsonDataset", "params": {"json_file": "cases.json"}}
        >>> outside = Entry("eisen.datasets.CachedDataset", {"dataset": inside}, "Training.Datasets[0]")
        >>> case_entry(outside).where
        'Training.Datasets[0].params.dataset'
        >>> case_entry(case_entry(outside)).name
        'JsonDataset'
    """
    inside = _inside(entry)
    return entry if inside is None else case_entry(inside)


def built_around(entry: Entry, cases: Any, **injected: Any) -> Any:
    """Return the data set of an entry with other cases in the place of its own.

    Args:
        entry: The entry of a data set that stands around another one.
        cases: The cases.
        **injected: What the program fills in, as of `eisen.config.build`; the transform goes to the outermost.
    """
    inside = _inside(entry)
    if inside is None:
        return cases
    others = {name: value for name, value in injected.items() if name != "transform"}
    return build(
        replace(entry, params={**entry.params, "dataset": built_around(inside, cases, **others)}),
        "Datasets",
        **injected,
    )


def _inside(entry: Entry) -> Entry | None:
    """Return the entry that stands inside of another one; None where that one lists the cases itself."""
    held = entry.params.get("dataset")
    if not isinstance(held, dict) or not isinstance(held.get("type"), str):
        return None
    if not getattr(locate(entry.type), "splits_inside", False):
        return None
    return Entry(held["type"], dict(held.get("params", {})), f"{entry.where or entry.name}.params.dataset")
