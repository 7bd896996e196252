"""From the scores of all folds and seeds to a summary: means, intervals, and how much folds and seeds differ."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from eisen.experiments.campaigns.measured import Measured
from eisen.experiments.campaigns.statistics import N_RESAMPLES_TOGETHER, Interval, Spread, bootstrap, sd, spread_of

if TYPE_CHECKING:
    from eisen.utils import EisenModuleWrapper

__all__ = ["FoldScores", "MetricSummary", "summarise_scores"]


@dataclass(frozen=True)
class FoldScores:
    """The scores of one fold with one seed.

    Args:
        fold: Name of the fold.
        seed: Seed of the run.
        round: Folds of one round together test every case once.
        measured: The scores.
    """

    fold: str
    seed: int
    round: int
    measured: Measured


@dataclass(frozen=True)
class MetricSummary:
    """One metric over the whole cross-validation.

    Args:
        name: Name of the metric; a class as ``"dice[anterior]"``.
        how: ``"mean of the cases"``, ``"all cases together"`` or ``"mean of the folds"``.
        value: The value.
        interval: 95 % confidence interval; None where there is none.
        sd: Standard deviation over cases, or over folds for a mean of folds.
        n_values: How many values were measured.
        n_missing: How many cases (with each seed and repeat) had no value; the mean leaves them out.
        folds: Value of each fold, mean over seeds.
        seeds: Value of each seed, mean over folds.
        sd_folds: Standard deviation between folds.
        sd_seeds: Standard deviation between seeds; NaN for one seed.
    """

    name: str
    how: str
    value: float
    interval: Interval | None
    sd: float
    n_values: int
    n_missing: int
    folds: dict[str, float] = field(default_factory=dict)
    seeds: dict[str, float] = field(default_factory=dict)
    sd_folds: float = math.nan
    sd_seeds: float = math.nan

    def facts(self) -> dict[str, Any]:
        """Return it as plain data."""
        return asdict(self)


def summarise_scores(
    scores: Sequence[FoldScores],
    groups: Mapping[str, str | None] | None,
    metrics: Sequence[EisenModuleWrapper],
) -> list[MetricSummary]:
    """Return one line per metric: those with a value per case first, then those of all cases together.

    A case that was measured several times (seeds, repeats) counts with the mean of its values. Metrics of all cases
    together are computed from the cases of all folds where their parts can be joined, else folds are averaged.

    Args:
        scores: Scores of all folds and seeds.
        groups: Group of each case; None when cases are independent.
        metrics: The wrapped metrics of the phase that was measured.
    """
    names = list(dict.fromkeys(name for each in scores for name in each.measured.values))
    lines = [_of_cases(name, scores, groups) for name in names]
    return [*lines, *_of_all(scores, groups, metrics)]


def _of_cases(name: str, scores: Sequence[FoldScores], groups: Mapping[str, str | None] | None) -> MetricSummary:
    by_case: dict[str, list[float]] = {}
    table: dict[tuple[str, int], float] = {}
    for each in scores:
        values = each.measured.values.get(name, [math.nan] * len(each.measured.cases))
        table[each.fold, each.seed] = _mean(values)
        for case, value in zip(each.measured.cases, values, strict=True):
            by_case.setdefault(case, []).append(value)
    spread = spread_of(
        [_mean(v) for v in by_case.values()], None if groups is None else [groups[case] for case in by_case]
    )
    everything = [value for values in by_case.values() for value in values]
    missing = sum(map(math.isnan, everything))
    return _line(name, "mean of the cases", spread, table, (len(everything), missing))


def _of_all(
    scores: Sequence[FoldScores], groups: Mapping[str, str | None] | None, metrics: Sequence[EisenModuleWrapper]
) -> Iterator[MetricSummary]:
    """Yield the metrics that make one value of all cases together."""
    for metric in scores[0].measured.whole if scores else ():
        wholes = [next(w for w in each.measured.whole if w.position == metric.position) for each in scores]
        tables = {
            name: {(s.fold, s.seed): w.values.get(name, math.nan) for s, w in zip(scores, wholes, strict=True)}
            for name in metric.values
        }
        n_cases = sum(len(each.measured.cases) for each in scores)
        if metric.kind and all(whole.kind == metric.kind for whole in wholes):
            wrapper = metrics[metric.position]
            joined = _joined(scores, wrapper, metric.position, metric.kind, groups)
            for name, spread in joined.items():
                yield _line(name, "all cases together", spread, tables[name], (n_cases, 0))
            continue
        for name, table in tables.items():
            values = list(table.values())
            missing = sum(map(math.isnan, values))
            spread = Spread(_mean(values), sd(values), len(values) - missing, missing, _no_interval())
            yield _line(name, "mean of the folds", spread, table, (len(values), missing))


def _joined(
    scores: Sequence[FoldScores],
    wrapper: EisenModuleWrapper,
    position: int,
    kind: str,
    groups: Mapping[str, str | None] | None,
) -> dict[str, Spread]:
    """Return a metric over the cases of all folds; with several seeds or repeats, the mean over those."""
    from eisen.experiments.campaigns.whole import joined_values

    series: dict[tuple[int, int], list[Measured]] = {}
    for each in scores:
        series.setdefault((each.seed, each.round), []).append(each.measured)
    cases = list(dict.fromkeys(case for each in scores for case in each.measured.cases))
    labels = cases if groups is None else [str(groups[case]) for case in cases]
    unit_of = dict(zip(cases, np.unique(labels, return_inverse=True)[1], strict=True))
    parts = []
    for folds in series.values():
        keys = sorted(key for key in folds[0].arrays if key.startswith(f"{position}."))
        units = np.asarray([unit_of[case] for fold in folds for case in fold.cases])
        parts.append((units, [np.concatenate([fold.arrays[key] for fold in folds]) for key in keys]))

    def measure(drawn: Any) -> dict[str, float]:
        results = [joined_values(wrapper, kind, arrays, drawn[units]) for units, arrays in parts]
        return {name: _mean([result[name] for result in results]) for name in results[0]}

    n_units = len(set(unit_of.values()))
    values = measure(np.ones(n_units, dtype=np.int64))
    memory: list[dict[str, float]] = []

    def resampled(name: str) -> Any:
        def statistic(draws: Any) -> Any:
            memory.extend(measure(drawn) for drawn in draws[len(memory) :])
            return np.asarray([result[name] for result in memory])

        return statistic

    unit = "case" if groups is None else "group"
    spreads = {}
    for name, value in values.items():
        is_cell = "," in name  # a cell of a table of counts, which has no interval worth its name
        interval = _no_interval() if is_cell else bootstrap(n_units, resampled(name), unit, N_RESAMPLES_TOGETHER)
        spreads[name] = Spread(value, math.nan, len(cases), 0, interval)
    return spreads


def _line(
    name: str, how: str, spread: Spread, table: Mapping[tuple[str, int], float], counts: tuple[int, int]
) -> MetricSummary:
    folds = {fold: _mean([v for (f, _), v in table.items() if f == fold]) for fold, _ in table}
    seeds = {str(seed): _mean([v for (_, s), v in table.items() if s == seed]) for _, seed in table}
    interval = spread.interval if spread.interval.n_units > 1 else None
    between = sd(list(folds.values())), sd(list(seeds.values()))
    return MetricSummary(name, how, spread.mean, interval, spread.sd, *counts, folds, seeds, *between)


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return math.fsum(known) / len(known) if known else math.nan


def _no_interval() -> Interval:
    return Interval(math.nan, math.nan, "fold", 0)
