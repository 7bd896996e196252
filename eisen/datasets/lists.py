"""A data set from a list that is already in memory."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Unpack

from eisen._core.errors import ArgumentError
from eisen._core.types import Step
from eisen.datasets.base import EisenDataset
from eisen.datasets.options import SplitOptions

__all__ = ["ListDataset"]


class ListDataset(EisenDataset):
    """A data set from a list of cases in memory, e.g. a table read with pandas or a folder you listed yourself.

    Every read gets its own copy of the item, so the list stays as it was, whatever the transform does.

    Args:
        data_list: One dict per case.
        transform: What to do with a case when it is read; None: nothing.
        **split: Which cases to keep.

    Raises:
        ArgumentError: If `data_list` has no length or cannot be indexed, or an argument of the split is wrong.

    Example:
        >>> cases = ListDataset([{"image": "a.nii.gz", "age": 61}, {"image": "b.nii.gz", "age": 47}])
        >>> len(cases), cases[1]["age"]
        (2, 47)
    """

    def __init__(self, data_list: Sequence[Any], transform: Step | None = None, **split: Unpack[SplitOptions]) -> None:
        if (
            not hasattr(data_list, "__getitem__")
            or not hasattr(data_list, "__len__")
            or isinstance(data_list, (str, dict))
        ):
            raise ArgumentError(
                f"ListDataset: data_list is {type(data_list).__name__}",
                expected="a list with one dict per case",
            )
        super().__init__(data_list, transform, **split)
        self.data_list = data_list
