"""Reading one batch: its cases with their own random numbers, put together, or the error that came instead."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch.utils.data import Dataset, get_worker_info

from eisen._core import random
from eisen._core.collate import collate
from eisen._core.errors import DataError, EisenError, StepError
from eisen._core.types import Batch

__all__ = ["BatchKey", "BatchReader", "Collate", "Failure", "demand_dicts", "opened"]

BatchKey = tuple[int, tuple[int, ...]]
"""What tells a batch: the epoch, and the numbers of its samples.

In a data set of n cases, sample i shows case i modulo n: an index from n on is a case drawn again in the same epoch.
"""

Collate = Callable[[list[Any]], Any]


@dataclass
class Failure:
    """An error on its way from where a batch was read to where it is wanted."""

    error: EisenError


class BatchReader(Dataset[Any]):
    """Reads the cases of a batch, each with its own random numbers, and puts them together.

    Args:
        dataset: Anything with an index; its `case_name` is used if it has one.
        seed: First part of what the random numbers of a case depend on (seed, epoch, index).
        join: Turns the data points of a batch into one; None: `collate`.
    """

    def __init__(self, dataset: Any, seed: int, join: Collate | None = None) -> None:
        self.dataset = dataset
        self.seed = seed
        self.join = join

    def __getitem__(self, key: BatchKey) -> Any:
        """Return the batch, or the failure to read it."""
        try:
            return self._joined(*key)
        except EisenError as error:
            return Failure(_with_traceback(error))
        except Exception as error:
            failure = StepError(f"putting a batch together failed: {type(error).__name__}: {error}")
            failure.__cause__ = error
            return Failure(_with_traceback(failure))

    def _joined(self, epoch: int, indices: tuple[int, ...]) -> Any:
        return self._together([self._sample(epoch, index) for index in indices], indices)

    def _together(self, samples: list[Any], indices: tuple[int, ...]) -> Any:
        names = [self._name(index) for index in indices]
        if self.join is not None:
            joined = self.join(samples)
            return Batch(joined, names, indices) if isinstance(joined, Mapping) else joined
        demand_dicts(samples, names)
        return Batch(collate(samples, names), names, indices)

    def _read(self, epoch: int, index: int) -> Any:
        with random.sample(self.seed, epoch, index):
            return self.dataset[self._case(index)]

    def _sample(self, epoch: int, index: int) -> Any:
        try:
            return self._read(epoch, index)
        except EisenError as error:
            error.note(case=self._name(index))
            raise
        except Exception as error:
            what = f"reading a case failed: {type(error).__name__}: {error}"
            raise StepError(what, case=self._name(index)) from error

    def _name(self, index: int) -> str:
        name, number = getattr(self.dataset, "case_name", None), self._case(index)
        return str(name(number)) if callable(name) else f"#{number}"

    def _case(self, sample: int) -> int:
        """Return the number of the case that a sample shows."""
        n = len(self.dataset) if hasattr(self.dataset, "__len__") else 0
        return sample % n if n else sample


def demand_dicts(samples: Sequence[Any], names: Sequence[str]) -> None:
    """Raise the error for a data set whose items are no dicts.

    Args:
        samples: What the data set gave.
        names: What the cases are called.
    """
    for sample, name in zip(samples, names, strict=True):
        if not isinstance(sample, Mapping):
            raise DataError(
                f"the data set gives {type(sample).__name__}, not a dict",
                expected="a dict with the fields of the case",
                to_do="wrap it: EisenDatasetWrapper(dataset, ['image', 'label'])",
                case=name,
            )


def opened(result: Any) -> Any:
    """Return a batch that was read, or raise the error that came instead."""
    if isinstance(result, Failure):
        try:
            raise result.error
        finally:
            del result  # else error and frame hold each other, and the workers wait ten seconds for their end
    return result


def _with_traceback(error: EisenError) -> EisenError:
    """Keep the traceback as a note where it would be lost: between processes."""
    if get_worker_info() is not None:
        error.add_note("in the data worker:\n" + "".join(traceback.format_exception(error)))
    return error
