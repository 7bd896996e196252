"""The cases of data sets under names that do not depend on the order in which they are listed."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eisen._core.digest import bytes_digest, text_digest
from eisen._core.errors import ArgumentError, DataError
from eisen.experiments.case_names import listed_file, unique_names

__all__ = ["Listed", "Source", "keys_of", "list_cases"]

_IDS = ("case", "case_id", "name", "id", "image_id", "subject_id")
"""Fields that tell cases without files apart."""


@dataclass(frozen=True)
class Source:
    """A data set, and what tells it from others.

    Args:
        dataset: Anything with a length and an index; data sets of eisen are asked what they list.
        label: Begins the names of cases that nothing is listed about, e.g. ``"train"``.
        identity: Equal for data sets that list the same rows.
        where: Where it comes from, for messages.
        data_dir: Folder that listed files are relative to.
    """

    dataset: Any
    label: str = "case"
    identity: str = ""
    where: str = "the data set"
    data_dir: str | os.PathLike[str] = ""

    def entry(self, number: int) -> Any:
        """Return what is listed about a case, without reading it; None when nothing is."""
        peek = getattr(self.dataset, "peek", None)
        if peek is not None:
            return peek(number)
        return self.dataset[number] if isinstance(self.dataset, Sequence) else None

    def row(self, number: int) -> int | None:
        """Return the row of an array that a case is; None when it is listed in another way."""
        cases = getattr(self.dataset, "cases", None)
        stored = cases[number] if cases is not None else self.entry(number)
        if stored is None:
            return number
        return int(stored) if hasattr(stored, "__index__") else None


@dataclass(frozen=True)
class Listed:
    """Cases by name, in the order of their names.

    Args:
        entries: What is listed about each case.
        places: The data set of each case (its number among the sources) and the number of the case in it.
        sources: The data sets.
    """

    entries: dict[str, Any]
    places: dict[str, tuple[int, int]] = field(default_factory=dict, repr=False)
    sources: tuple[Source, ...] = field(default=(), repr=False)

    def __len__(self) -> int:
        return len(self.entries)

    @property
    def names(self) -> list[str]:
        """The names, sorted."""
        return list(self.entries)

    def sample(self, name: str) -> Any:
        """Read a case, with whatever its data set does to it."""
        source, number = self.places[name]
        return self.sources[source].dataset[number]


def list_cases(cases: Any) -> Listed:
    """Return cases by name.

    Args:
        cases: A data set; a list of cases (dicts) or of case names; or the listed cases by name. A case is called
            like its first file, without ending; where two would have one name, with folder.

    Raises:
        ArgumentError: If it is none of those.
        DataError: If a case is there twice.

    Example:
        >>> list_cases([{"image": "scans/b.nii.gz", "patient": "ben"}, {"image": "scans/a.nii.gz"}]).names
        ['a', 'b']
        >>> list_cases(["carl", "anna"]).names
        ['anna', 'carl']
    """
    if isinstance(cases, Listed):
        return cases
    if isinstance(cases, Mapping):
        return Listed({str(name): cases[name] for name in sorted(cases, key=str)})
    if isinstance(cases, Sequence) and cases and all(isinstance(case, str) for case in cases):
        _demand_once(cases, "the list")
        return Listed(dict.fromkeys(sorted(cases)))
    if isinstance(cases, str) or not hasattr(cases, "__len__") or not hasattr(cases, "__getitem__"):
        raise ArgumentError(f"cases are {type(cases).__name__}", expected="a data set, a list of cases or case names")
    return joined([Source(cases)])


def joined(sources: Sequence[Source]) -> Listed:
    """Return the cases of several data sets by name; a case of a later one that an earlier one has is that case."""
    keys = _keys_of_all(sources)
    places: dict[tuple[str, str], tuple[int, int]] = {}
    for number, (source, own) in enumerate(zip(sources, keys, strict=True)):
        _demand_once(own, source.where)
        for index, key in enumerate(own):
            places.setdefault(key, (number, index))
    ordered = sorted(places)
    labels = [_label(sources[places[key][0]], places[key][1]) for key in ordered]
    named = dict(sorted(zip(unique_names(labels), (places[key] for key in ordered), strict=True)))
    entries = {name: sources[number].entry(index) for name, (number, index) in named.items()}
    return Listed(entries, named, tuple(sources))


def keys_of(source: Source, *, by_file: bool = True) -> list[tuple[str, str]]:
    """Return what tells each case of a data set from others, wherever it stands: its file, or all that is listed.

    Args:
        source: The data set.
        by_file: False tells cases of one file apart.
    """
    return [_key(source, number, by_file) for number in range(len(source.dataset))]


def _keys_of_all(sources: Sequence[Source]) -> list[list[tuple[str, str]]]:
    """Tell cases by their files where each data set names a file once, else by everything that is listed."""
    keys = [keys_of(source) for source in sources]
    if all(len(set(own)) == len(own) for own in keys):
        return keys
    return [keys_of(source, by_file=False) for source in sources]


def _key(source: Source, number: int, by_file: bool) -> tuple[str, str]:
    entry = source.entry(number)
    file = listed_file(entry)
    path = os.path.normpath(Path(source.data_dir) / file.replace("\\", "/")) if file else ""
    if path and by_file:
        return path, ""
    row = source.row(number)
    if row is not None:
        return source.identity, f"{row:012d}"
    if isinstance(entry, Mapping):
        return path, json.dumps(entry, sort_keys=True, default=_shown)
    return source.identity, f"{number:012d}"


def _shown(value: Any) -> str:
    """Return arrays and the like as text that is the same in every process."""
    if hasattr(value, "tobytes"):
        return f"{value.shape} {bytes_digest(value.tobytes())}"
    return os.fspath(value) if isinstance(value, os.PathLike) else type(value).__name__


def _label(source: Source, number: int) -> str:
    """Return what a case is called, before names that are alike are told apart."""
    entry = source.entry(number)
    file = listed_file(entry)
    if file:
        inside = os.path.relpath(file, source.data_dir) if Path(file).is_absolute() and source.data_dir else file
        return inside.replace("\\", "/")
    row = source.row(number)
    if row is not None or not isinstance(entry, Mapping):
        return f"{source.label}_{number if row is None else row:05d}"
    known = [entry[name] for name in _IDS if isinstance(entry.get(name), str | int)]
    return str(known[0]) if known else f"case_{text_digest(_key(source, number, False)[1])[:8]}"


def _demand_once(keys: Iterable[Any], where: str) -> None:
    twice = [key for key, count in Counter(keys).items() if count > 1]
    if twice:
        shown = "".join(twice[0]) if isinstance(twice[0], tuple) else str(twice[0])
        raise DataError(
            f"{where} lists a case twice: {shown[:200]}",
            expected="each case once, or a split could put it in two parts",
            to_do="remove the second one; cases that are listed alike need something to tell them apart, e.g. an 'id'",
        )
