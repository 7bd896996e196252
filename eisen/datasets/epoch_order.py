"""Which cases a pass shows, in which order, and whether there are enough of them."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import numpy.typing as npt

from eisen._core.errors import ArgumentError, EmptyDatasetError
from eisen.datasets.sampling import CaseSampler

__all__ = ["check_size", "numbered_draws", "samples_of"]

_log = logging.getLogger(__name__)

_Numbers = npt.NDArray[np.int64]


def samples_of(dataset: Any, seed: int, epoch: int, sampler: CaseSampler | None, shuffle: bool) -> _Numbers:
    """Return the samples of an epoch: numbers of cases; for those drawn again see `numbered_draws`.

    Args:
        dataset: The cases; with a method ``epoch_order(seed, epoch)`` it says how it is shuffled.
        seed: First part of what the order depends on.
        epoch: The other one.
        sampler: Draws the cases, if there is one; then `shuffle` does nothing.
        shuffle: Whether each epoch has its own order.

    Raises:
        ArgumentError: If the sampler or the data set gives something impossible.

    Example:
        >>> samples_of(range(4), 0, 0, None, False).tolist()
        [0, 1, 2, 3]
    """
    rng = np.random.default_rng(np.random.SeedSequence((seed, epoch), spawn_key=(0,)))  # none that a case has
    if sampler is not None:
        drawn = np.asarray(sampler.draw(dataset, rng), dtype=np.int64)
        _check_draw(drawn, len(dataset), sampler.n_draws(dataset), sampler)
        return numbered_draws(drawn, len(dataset))
    if shuffle and callable(wanted := getattr(dataset, "epoch_order", None)):
        return _checked_order(np.asarray(wanted(seed, epoch), dtype=np.int64), dataset)
    order = np.arange(len(dataset))
    return rng.permutation(order) if shuffle else order


def numbered_draws(drawn: npt.NDArray[np.int64], n_cases: int) -> npt.NDArray[np.int64]:
    """Tell repeated draws of a case apart: the second one of case 3 of 10 is sample 13, the third one sample 23.

    Random numbers depend on the number of the sample, so each draw has its own.

    Args:
        drawn: Numbers of cases.
        n_cases: Cases in the data set.

    Example:
        >>> numbered_draws(np.array([3, 1, 3, 3]), 10).tolist()
        [3, 1, 13, 23]
    """
    if len(np.unique(drawn)) == len(drawn):
        return drawn
    by_case = np.argsort(drawn, kind="stable")
    first = np.searchsorted(drawn[by_case], drawn[by_case])  # where the draws of the same case begin
    samples = drawn.copy()
    samples[by_case] += n_cases * (np.arange(len(drawn)) - first)
    return samples


def check_size(n_cases: int, batch_size: int, drop_last: bool) -> None:
    """Raise the error for a data set that gives no batch; say it if it gives one that is smaller than wanted.

    Args:
        n_cases: Cases in a pass.
        batch_size: Cases in a batch.
        drop_last: Whether a smaller batch is left out.

    Raises:
        EmptyDatasetError: If there is none.
    """
    if n_cases == 0:
        raise EmptyDatasetError(
            "the data set has no cases",
            expected="at least one case",
            to_do="check the folder, the list of cases and the phase of the data set",
        )
    if n_cases >= batch_size:
        return
    if drop_last:
        raise EmptyDatasetError(
            f"the data set has {n_cases} cases and a batch {batch_size}: drop_last leaves nothing",
            expected=f"at least {batch_size} cases",
            to_do=f"use a batch size of at most {n_cases}, or drop_last=False",
        )
    _log.warning("the data set has %d cases: the only batch is smaller than %d", n_cases, batch_size)


def _checked_order(order: _Numbers, dataset: Any) -> _Numbers:
    n = len(dataset)
    if len(order) != n or not np.array_equal(np.sort(order), np.arange(n)):
        raise ArgumentError(
            f"epoch_order of {type(dataset).__name__} gives {len(order)} numbers",
            expected=f"every number from 0 to {n - 1} once",
        )
    return order


def _check_draw(drawn: _Numbers, n: int, expected: int, sampler: CaseSampler) -> None:
    if len(drawn) != expected or (len(drawn) and not 0 <= drawn.min() <= drawn.max() < n):
        lowest, highest = drawn.min(initial=n), drawn.max(initial=0)
        raise ArgumentError(
            f"{type(sampler).__name__} drew {len(drawn)} cases, {lowest} to {highest}",
            expected=f"{expected} numbers from 0 to {n - 1}",
            to_do="let draw() return as many indices as n_draws() says",
        )
