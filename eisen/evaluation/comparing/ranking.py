"""Ranks of several methods, and how stable they are when the cases are drawn again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from eisen._core.errors import ArgumentError, ShapeError
from eisen.evaluation.comparing.intervals import Interval

__all__ = ["Ranking", "bootstrap_ranking"]

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """Ranks of methods; 1 is the best, ties share the mean of their places.

    Args:
        methods: Names.
        ranks: On all cases, one per method.
        intervals: Of each rank, over the draws.
        shares: Methods x places: how often a method has a place (1st, 2nd, ...) in the draws; ties count in parts.
        wins: Methods x methods: how often the one of the row is before that of the column.
        stability: Mean of Kendall's tau between the ranking on all cases and those of the draws; 1 is stable.
        n_cases: Cases that were ranked.
    """

    methods: tuple[str, ...]
    ranks: tuple[float, ...]
    intervals: tuple[Interval, ...]
    shares: _Floats
    wins: _Floats
    stability: float
    n_cases: int

    @property
    def order(self) -> list[str]:
        """The methods, the best first."""
        return [self.methods[k] for k in np.argsort(self.ranks, kind="stable")]

    def named(self) -> dict[str, float]:
        """Return the rank of each method by its name."""
        return dict(zip(self.methods, self.ranks, strict=True))


def bootstrap_ranking(
    values: Mapping[str, Sequence[float] | _Floats],
    *,
    higher_is_better: bool = True,
    by: Literal["mean", "rank"] = "mean",
    n_draws: int = 2000,
    seed: int = 0,
) -> Ranking:
    """Rank methods by their values on the same cases, and again on cases drawn with replacement.

    A case in which a method has no value is its worst case there: it comes last, so that nobody climbs by leaving
    hard cases out.

    Args:
        values: Of each method, one per case in the same order; NaN where it has none.
        higher_is_better: Direction of the metric.
        by: "mean" averages over cases and then ranks, "rank" ranks in each case and then averages the ranks.
        n_draws: How often the cases are drawn.
        seed: Of the draws.

    Raises:
        ArgumentError: If there are fewer than two methods or no case, or `by` is something else.
        ShapeError: If the methods have different numbers of cases.

    Source: Wiesenfarth et al., Methods and open-source toolkit for analyzing and visualizing challenge results,
        Scientific Reports 11, 2021 (mean-then-rank, rank-then-mean, bootstrapped ranks).

    Example:
        >>> found = bootstrap_ranking({"ours": [0.9, 0.8, 0.9], "theirs": [0.7, 0.6, 0.8]})
        >>> found.order, found.ranks, found.stability
        (['ours', 'theirs'], (1.0, 2.0), 1.0)
    """
    if by not in ("mean", "rank"):
        raise ArgumentError(f"by is {by!r}", expected='"mean" or "rank"')
    names, table = _table(values, higher_is_better)
    scores = _case_ranks(table) if by == "rank" else table
    draws = np.random.default_rng(seed).integers(0, table.shape[1], (n_draws, table.shape[1]))
    ranks = _ranked(scores.mean(axis=1)[None])[0]
    drawn = _ranked(np.stack([scores[:, draw].mean(axis=1) for draw in draws]))
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return Ranking(
        methods=names,
        ranks=tuple(float(r) for r in ranks),
        intervals=tuple(Interval(float(a), float(b)) for a, b in zip(low, high, strict=True)),
        shares=_shares(drawn),
        wins=_wins(drawn),
        stability=_mean_tau(ranks, drawn),
        n_cases=table.shape[1],
    )


def _table(values: Mapping[str, Sequence[float] | _Floats], higher_is_better: bool) -> tuple[tuple[str, ...], _Floats]:
    """Return methods x cases, where lower is better and a missing value is as bad as the worst of all."""
    sizes = {name: len(column) for name, column in values.items()}
    if len(sizes) < 2 or not all(sizes.values()):
        raise ArgumentError(f"there is nothing to rank: {sizes}", expected="two methods or more, with cases")
    if len(set(sizes.values())) > 1:
        raise ShapeError(f"the methods have different numbers of cases: {sizes}", expected="the same cases")
    table = np.array([np.asarray(column, dtype=np.float64) for column in values.values()])
    table = -table if higher_is_better else table
    finite = np.isfinite(table)
    worst = float(table[finite].max()) if finite.any() else 0.0
    span = float(np.ptp(table[finite])) if finite.any() else 0.0
    table[~finite] = worst + max(span, abs(worst) * 1e-6, 1e-12)
    return tuple(values), table


def _ranked(rows: _Floats) -> _Floats:
    """Return the ranks within each row; ties share the mean."""
    below = (rows[:, None, :] < rows[:, :, None]).sum(axis=2)
    equal = (rows[:, None, :] == rows[:, :, None]).sum(axis=2)
    ranks: _Floats = 1 + below + (equal - 1) / 2
    return ranks


def _case_ranks(table: _Floats) -> _Floats:
    return _ranked(table.T).T


def _shares(drawn: _Floats) -> _Floats:
    """Count places; a tie for two places is half of each."""
    n = drawn.shape[1]
    places = np.arange(1, n + 1)
    width = (drawn[:, None, :] == drawn[:, :, None]).sum(axis=2)  # how many share the rank
    low = drawn - (width - 1) / 2
    inside = (places >= low[..., None] - 1e-9) & (places <= low[..., None] + width[..., None] - 1 + 1e-9)
    shares: _Floats = (inside / width[..., None]).mean(axis=0)
    return shares


def _wins(drawn: _Floats) -> _Floats:
    before = (drawn[:, :, None] < drawn[:, None, :]) + (drawn[:, :, None] == drawn[:, None, :]) / 2
    wins: _Floats = before.mean(axis=0)
    np.fill_diagonal(wins, np.nan)
    return wins


def _mean_tau(ranks: _Floats, drawn: _Floats) -> float:
    from scipy import stats

    if np.ptp(ranks) == 0:
        return float("nan")
    kinds, counts = np.unique(drawn, axis=0, return_counts=True)
    taus = np.array([0.0 if np.ptp(kind) == 0 else stats.kendalltau(ranks, kind).statistic for kind in kinds])
    return float((taus * counts).sum() / counts.sum())
