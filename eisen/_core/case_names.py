"""Names for result files: short, and no two alike."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

__all__ = ["case_names", "listed_file", "unique_names"]

_FILE = re.compile(r"[^/\\]\.[A-Za-z]\w{0,7}$")
_ENDINGS = re.compile(r"(\.nii|\.tar)?\.(gz|bz2|[A-Za-z]\w{0,7})$")
_UNSAFE = re.compile(r"[^\w.\-]+")


def case_names(dataset: Any) -> list[str]:
    """Return one file name (without ending) per case of a dataset.

    Args:
        dataset: A map-style dataset. Those of eisen know the files of a case without reading them; cases of others
            are numbered.

    Example:
        >>> from eisen.datasets import EisenDataset
        >>> case_names(EisenDataset([{"image": "imagesTs/la_003.nii.gz"}, {"id": 7}]))
        ['la_003', 'case_0001']
        >>> case_names(EisenDataset([{"ct": ["anna/ct/IM1", "anna/ct/IM2"]}, {"ct": ["ben/ct/IM1", "ben/ct/IM2"]}]))
        ['anna_ct', 'ben_ct']
    """
    if hasattr(dataset, "split_names"):  # part of a fold: its cases are called what the split calls them
        return list(dataset.split_names)
    if hasattr(dataset, "own_names"):  # its cases have names, as those of a store do
        return list(dataset.own_names)
    peek = getattr(dataset, "peek", None)
    files = [listed_file(peek(i)) if peek is not None else "" for i in range(len(dataset))]
    return unique_names([file or f"case_{i:04d}" for i, file in enumerate(files)])


def unique_names(files: Sequence[str]) -> list[str]:
    """Return a name per file; files of the same name get their folders in front, or a number.

    Example:
        >>> unique_names(["a/ct.nii.gz", "b/ct.nii.gz", "b/mr.nii.gz"])
        ['a_ct', 'b_ct', 'mr']
    """
    parts = [[p for p in PurePosixPath(file.replace("\\", "/")).parts if p not in ("/", ".", "..")] for file in files]
    depths = [1] * len(files)
    while True:
        names = [_name(words, depth) for words, depth in zip(parts, depths, strict=True)]
        counts = Counter(name.casefold() for name in names)
        deeper = [counts[n.casefold()] > 1 and d < len(w) for n, d, w in zip(names, depths, parts, strict=True)]
        if not any(deeper):
            return _numbered(names)
        depths = [depth + more for depth, more in zip(depths, deeper, strict=True)]


def _name(words: Sequence[str], depth: int) -> str:
    name = "_".join(words[-depth:])
    return _UNSAFE.sub("_", _ENDINGS.sub("", name)) or "case"


def _numbered(names: Sequence[str]) -> list[str]:
    """Give a number to the second and later ones of those that are still alike."""
    taken: set[str] = set()
    result = []
    for name in names:
        candidate, number = name, 1
        while candidate.casefold() in taken:
            number += 1
            candidate = f"{name}_{number}"
        taken.add(candidate.casefold())
        result.append(candidate)
    return result


def listed_file(case: Any) -> str:
    """Return the first file that a case names; for a series in many files, their folder."""
    values = case.values() if isinstance(case, dict) else ()
    for value in values:
        if isinstance(value, str) and _FILE.search(value):
            return value
        if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
            folder = PurePosixPath(value[0].replace("\\", "/")).parent
            return f"{folder}/." if len(value) > 1 and folder.name else value[0]
    return ""
