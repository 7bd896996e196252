"""Some cases of a data set, by number or by name."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from torch.utils.data import Dataset

from eisen._core.errors import ArgumentError, nearest
from eisen._core.types import Step
from eisen.datasets.around import DatasetAround, checked_dataset, name_inside
from eisen.datasets.listing import first_file
from eisen.datasets.values import listed

__all__ = ["SubsetDataset"]

_ENDING = re.compile(r"(\.nii|\.tar)?\.[A-Za-z]\w{0,7}$")


class SubsetDataset(DatasetAround):
    """Some cases of a data set, in the order in which they are named.

    Args:
        dataset: Any data set with a length and an index; in a configuration an entry of its own.
        cases: Which cases: numbers from 0 (or from the end, below 0), or names. A name is that of the first file of a
            case, with or without folder and ending, or the value of its field ``name`` or ``id``.
        exclude: Take all cases but these, in the order of the data set.
        transform: What to do with a case when it is read; None: nothing.

    Raises:
        ArgumentError: If there is no such case, if a name means several, or if a case is named twice.

    Example:
        >>> from eisen.datasets import ListDataset
        >>> scans = ListDataset([{"image": f"ct/{name}.nii.gz"} for name in ("anna", "ben", "cleo")])
        >>> [case["image"] for case in SubsetDataset(scans, ["cleo", 0])]
        ['ct/cleo.nii.gz', 'ct/anna.nii.gz']
        >>> SubsetDataset(scans, ["ben"], exclude=True).case_name(1)
        '#1 (cleo.nii.gz)'
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        cases: Sequence[int | str],
        exclude: bool = False,
        transform: Step | None = None,
    ) -> None:
        checked_dataset(dataset, type(self).__name__)
        if isinstance(cases, (str, int)):
            raise ArgumentError(f"SubsetDataset: cases is {cases!r}", expected="a list of numbers or names")
        numbers = _numbers(dataset, list(cases))
        if exclude:
            left_out = set(numbers)
            numbers = [number for number in range(len(dataset)) if number not in left_out]  # type: ignore[arg-type]
        super().__init__(dataset, transform, numbers)
        self.exclude = exclude


def _numbers(dataset: Any, cases: Sequence[int | str]) -> list[int]:
    names = _numbers_by_name(dataset) if any(isinstance(case, str) for case in cases) else {}
    numbers = [_number(case, len(dataset), names) for case in cases]
    twice = next((case for i, case in enumerate(cases) if numbers[i] in numbers[:i]), None)
    if twice is not None:
        raise ArgumentError(f"SubsetDataset: the case {twice!r} is named twice", expected="every case once")
    return numbers


def _number(case: int | str, n: int, names: dict[str, list[int]]) -> int:
    if not isinstance(case, str):
        if isinstance(case, bool) or not -n <= case < n:
            raise ArgumentError(f"SubsetDataset: there is no case {case}", expected=f"a number from 0 to {n - 1}")
        return case % n
    found = names.get(case, [])
    if len(found) != 1:
        what = f"{len(found)} cases are called '{case}'" if found else f"no case is called '{case}'"
        raise ArgumentError(
            f"SubsetDataset: {what}",
            expected=f"the name of one of the {n} cases, e.g. {', '.join(list(names)[:3])}",
            to_do="name them with their folders, or by number" if found else nearest(case, names),
        )
    return found[0]


def _numbers_by_name(dataset: Any) -> dict[str, list[int]]:
    """Return the cases that each name means."""
    known: dict[str, list[int]] = {}
    for number in range(len(dataset)):
        for name in _names(dataset, number):
            known.setdefault(name, []).append(number)
    return known


def _names(dataset: Any, number: int) -> list[str]:
    """Return everything a case is called, the shortest name first."""
    case = listed(dataset, number)
    path = first_file(case).replace("\\", "/")
    file = PurePosixPath(path).name
    said = [str(case[field]) for field in ("name", "id") if isinstance(case.get(field), (str, int))]
    names = [_ENDING.sub("", file), *said, file, path.removeprefix("./"), name_inside(dataset, number, number)]
    return list(dict.fromkeys(name for name in names if name))
