"""What a case of a data set is made of: steps, settings, the listed values, and files."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from eisen._core.digest import json_digest
from eisen._core.errors import ArgumentError
from eisen._core.types import Step
from eisen.datasets.around import DatasetAround
from eisen.datasets.base import EisenDataset
from eisen.datasets.steady import is_random
from eisen.storage.cache.describe import describe, type_name
from eisen.storage.cache.recipe import Recipe
from eisen.storage.cache.sources import named_files

__all__ = ["Origin"]

_SELECTION = (
    "cases",
    "data_list",
    "dataset",
    "datasets",
    "exclude",
    "json_file",
    "keep_volumes",
    "numbers",
    "split",
    "transform",
)
"""Attributes of our data sets that say which cases there are, not what is in them: folds share what is cached."""


class Origin:
    """Tells what the cases of a data set are made of, so that it can be seen whether that has changed.

    Args:
        dataset: The data set whose cases are kept.
        steps: The steps behind it that run before a case is kept.

    Raises:
        ArgumentError: If it is not possible to tell, or a step on the way draws random numbers.

    Example:
        >>> from eisen.datasets import ListDataset
        >>> young, old = (Origin(ListDataset([{"age": age}]), []) for age in (31, 61))
        >>> young.recipe == old.recipe, young.key(0) == old.key(0)
        (True, False)
    """

    def __init__(self, dataset: Any, steps: Sequence[Step]) -> None:
        self._dataset = dataset
        layers = list(_layers(dataset))
        for layer in layers:
            _demand_steady(layer)
        inner = [layer.transform for layer in layers if getattr(layer, "transform", None) is not None]
        self._folders = sorted(set(_folders([*layers, *inner, *steps])))
        is_listed = hasattr(_inside(dataset, 0)[0], "peek")
        telling = [layer for layer in layers if not (is_listed and _hands_on(layer))]
        facts = [_facts(layer) if is_listed else _all_facts(layer, self._folders) for layer in telling]
        names = " of ".join(type(layer).__name__ for layer in layers)
        self.recipe = Recipe.of(facts, [*inner[::-1], *steps], [type(layer) for layer in telling], names)
        self._is_numbered = not all(_is_ours(layer) or _hands_on(layer) for layer in layers)

    def key(self, number: int) -> str:
        """Return what tells a case from all others: its listed values, and where its files are looked for.

        Args:
            number: Its number in the data set.
        """
        what = [describe(_listed(self._dataset, number)), self._absolute_folders]
        if self._is_numbered:  # a data set of somebody else may give what it does not list
            what.append(number)
        return json_digest(what)[:40]

    def files(self, number: int) -> list[Path]:
        """Return the files a case is made of.

        Args:
            number: Its number in the data set.
        """
        return named_files(_listed(self._dataset, number), self._folders)

    @cached_property
    def _absolute_folders(self) -> list[str]:
        return [os.path.abspath(folder) for folder in self._folders]  # noqa: PTH100  # links stay


def _hands_on(dataset: Any) -> bool:
    """Tell whether a data set gives just what it lists, or what the one inside gives: then folds share the cache."""
    kind = type(dataset)
    if getattr(kind, "hands_on", False):  # the part of a fold: it reads where the case is listed
        return True
    if kind.__module__ == "torch.utils.data.dataset" and hasattr(dataset, "indices"):
        return True
    ours = _is_ours(dataset) and kind.__getitem__ is EisenDataset.__getitem__
    return ours and kind.read in (EisenDataset.read, DatasetAround.read)


def _facts(dataset: Any) -> dict[str, Any]:
    """Return what a data set does with a case it lists, described."""
    own = getattr(dataset, "__dict__", {}).items()
    shown = {name: value for name, value in own if name not in _SELECTION and not name.startswith("_")}
    return {"type": type_name(type(dataset)), "params": describe(shown)}


def _all_facts(dataset: Any, folders: Sequence[str]) -> dict[str, Any]:
    """Return everything a data set holds that does not list its cases, and the state of all files it names."""
    inside = {id(part) for part in _parts(dataset)} | {id(getattr(dataset, "transform", None))}
    values = getattr(dataset, "__dict__", None)
    held = list(dataset) if values is None else {k: v for k, v in values.items() if id(v) not in inside}
    files = [[str(path), path.stat().st_size, path.stat().st_mtime_ns] for path in named_files(held, folders)]
    return {"type": type_name(type(dataset)), "params": describe(held), "files": files}


def _parts(dataset: Any) -> list[Any]:
    """Return the data sets inside of a data set."""
    parts = [getattr(dataset, "dataset", None), *(getattr(dataset, "datasets", None) or ())]
    return [part for part in parts if hasattr(part, "__getitem__") and hasattr(part, "__len__")]


def _layers(dataset: Any) -> Iterator[Any]:
    """Yield a data set and those inside of it, outermost first."""
    yield dataset
    for part in _parts(dataset):
        yield from _layers(part)


def _inside(dataset: Any, number: int) -> tuple[Any, int]:
    """Return the data set that lists a case, and its number there: looks into `torch.utils.data.Subset`."""
    while not hasattr(dataset, "peek") and hasattr(dataset, "dataset") and hasattr(dataset, "indices"):
        number = int(dataset.indices[number]) if len(dataset.indices) else 0
        dataset = dataset.dataset
    return dataset, number


def _listed(dataset: Any, number: int) -> Any:
    """Return what is listed about a case, whatever it is; its number where nothing is."""
    dataset, number = _inside(dataset, number)
    return dataset.peek(number) if hasattr(dataset, "peek") else number


def _is_ours(dataset: Any) -> bool:
    return type(dataset).__module__.startswith("eisen.")


def _folders(things: Sequence[Any]) -> Iterator[str]:
    """Yield the folders that file names are relative to: those of data sets and readers, also inside of chains."""
    for thing in things:
        folder = getattr(thing, "data_dir", None)
        if isinstance(folder, (str, os.PathLike)):
            yield os.fspath(folder)
        yield from _folders(list(getattr(thing, "transforms", ())))


def _demand_steady(dataset: Any) -> None:
    transform = getattr(dataset, "transform", None)
    if is_random(transform):
        raise ArgumentError(
            f"CachedDataset: the transform of {type(dataset).__name__}, inside of it, draws random numbers",
            expected="random steps behind the cache, where they draw anew every time",
            to_do="give the chain to CachedDataset as its transform: it keeps what comes before the first random step",
        )
