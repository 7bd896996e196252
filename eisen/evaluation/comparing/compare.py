"""Several methods on the same cases: every pair of them, for each label and metric, and their ranks."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eisen._core.atomic import atomic_write
from eisen._core.errors import ArgumentError, EmptyDatasetError, nearest
from eisen.evaluation.comparing.paired import PairedDifference, holm, paired_difference
from eisen.evaluation.comparing.ranking import Ranking, bootstrap_ranking
from eisen.evaluation.measured import EmptyPolicy
from eisen.evaluation.metric import Metric
from eisen.evaluation.results import Results
from eisen.evaluation.statistics import charged

__all__ = ["Comparison", "PairRow", "RankRow", "compare_results", "write_table"]

_Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PairRow:
    """Two methods, one label, one metric.

    Args:
        label: Name of the label.
        metric: Name of the metric.
        first: A method.
        second: Another one.
        difference: First minus second.
        means: Mean of each over the cases that both have.
        p_holm: The p-value, corrected for all rows of the comparison.
        better: The method that is better by the mean, "" where none is or the metric has no direction.
    """

    label: str
    metric: str
    first: str
    second: str
    difference: PairedDifference
    means: tuple[float, float]
    p_holm: float = float("nan")
    better: str = ""

    def row(self) -> dict[str, Any]:
        """Return it as a row of a table."""
        d = self.difference
        named = {"label": self.label, "metric": self.metric, "first": self.first, "second": self.second}
        counts = {"n": d.n, "n_left_out": d.n_left_out, "n_higher": d.n_higher, "n_equal": d.n_equal}
        means = {"mean_first": self.means[0], "mean_second": self.means[1], "difference": d.mean}
        interval = {"low": d.interval.low, "high": d.interval.high, "median_difference": d.median}
        return {**named, **counts, **means, **interval, "p": d.p, "p_holm": self.p_holm, "better": self.better}


@dataclass(frozen=True)
class RankRow:
    """Ranks of all methods for one label and metric."""

    label: str
    metric: str
    ranking: Ranking


@dataclass(frozen=True)
class Comparison:
    """What came out.

    Args:
        methods: Their names.
        cases: The cases that all have.
        left_out: For each method, cases that others do not have.
        pairs: Every pair of methods, for each label and metric.
        ranks: For each label and metric that has a direction.
        metrics: The metrics, by their names.
        values: Method to label and metric to case to value, what was compared.
    """

    methods: tuple[str, ...]
    cases: list[str]
    left_out: dict[str, list[str]]
    pairs: list[PairRow]
    ranks: list[RankRow]
    metrics: dict[str, Metric]
    values: dict[str, dict[tuple[str, str], dict[str, float]]]


def compare_results(
    named: Mapping[str, Results],
    metrics: Sequence[str] | None = None,
    policy: EmptyPolicy | str | None = "worst",
    *,
    level: float = 0.95,
    seed: int = 0,
) -> Comparison:
    """Compare methods on the cases that all of them have.

    Args:
        named: Results of each method, by its name; two or more.
        metrics: Names of metrics; None: all that all methods have.
        policy: What a method is charged for labels that it missed or invented: "worst" (a distance: the diagonal of
            the image), an `EmptyPolicy`, or None: such cases are left out, which favours whoever misses hard ones.
        level: Of the confidence intervals.
        seed: Of the bootstrap.

    Raises:
        ArgumentError: If there are fewer than two methods, or a metric is not there.
        EmptyDatasetError: If they have no case, label and metric in common.

    Source: Wilcoxon signed-rank tests, corrected by Holm over all rows; ranks as in Wiesenfarth et al. 2021.

    Example:
        >>> from eisen.evaluation import Record
        >>> one = Results([Record(c, "lung", "DICE", v) for c, v in [("a", 0.9), ("b", 0.8), ("c", 0.7)]])
        >>> two = Results([Record(c, "lung", "DICE", v) for c, v in [("a", 0.8), ("b", 0.7), ("c", 0.65)]])
        >>> found = compare_results({"one": one, "two": two})
        >>> round(found.pairs[0].difference.mean, 3), found.pairs[0].difference.n
        (0.083, 3)
    """
    if len(named) < 2:
        raise ArgumentError(f"there is {len(named)} method to compare", expected="two or more, with different names")
    known = {name: r if policy is None else charged(r, policy) for name, r in named.items()}
    tables = {name: _table(results) for name, results in known.items()}
    keys = _common_keys(tables, metrics)
    cases = _common_cases(named)
    kinds = {name: metric for results in named.values() for name, metric in results.metrics.items()}
    values = {m: {key: {c: tables[m][key].get(c, np.nan) for c in cases} for key in keys} for m in named}
    pairs = [_pair(key, a, b, values, kinds, level, seed) for key in keys for a, b in combinations(named, 2)]
    corrected = holm([pair.difference.p for pair in pairs])
    return Comparison(
        tuple(named),
        cases,
        {name: [c for c in results.cases if c not in set(cases)] for name, results in named.items()},
        [replace(pair, p_holm=p) for pair, p in zip(pairs, corrected, strict=True)],
        [found for key in keys if (found := _ranks(key, values, kinds, seed)) is not None],
        {name: metric for name, metric in kinds.items() if name in {metric for _, metric in keys}},
        values,
    )


def write_table(found: Comparison, path: str | PathLike[str]) -> Path:
    """Write every pair of methods as a row of a CSV file.

    Args:
        found: What `compare_results` returned.
        path: The file; its folder is made where it is absent.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(target, "w") as file:
        writer = csv.DictWriter(file, list(found.pairs[0].row()), lineterminator="\n")
        writer.writeheader()
        writer.writerows(pair.row() for pair in found.pairs)
    return target


def _table(results: Results) -> dict[tuple[str, str], dict[str, float]]:
    table: dict[tuple[str, str], dict[str, float]] = {}
    for record in results:
        table.setdefault((record.label, record.metric), {})[record.case] = record.value
    return table


def _common_keys(
    tables: Mapping[str, Mapping[tuple[str, str], Any]], metrics: Sequence[str] | None
) -> list[tuple[str, str]]:
    first, *others = tables.values()
    keys = [key for key in first if all(key in table for table in others)]
    if metrics is not None:
        names = list(dict.fromkeys(metric for _, metric in keys))
        for wanted in metrics:
            if wanted not in names:
                raise ArgumentError(
                    f"not all methods have the metric {wanted!r}",
                    expected=f"one of {', '.join(names)}",
                    to_do=nearest(wanted, names),
                )
        keys = [key for key in keys if key[1] in metrics]
    if not keys:
        raise EmptyDatasetError(
            "the methods have no label and metric in common", expected="results of the same labels and metrics"
        )
    return keys


def _common_cases(named: Mapping[str, Results]) -> list[str]:
    first, *others = (results.cases for results in named.values())
    cases = [case for case in first if all(case in other for other in others)]
    if not cases:
        raise EmptyDatasetError(
            "the methods have no case in common: "
            + "; ".join(f"{name} has {', '.join(r.cases[:3])}, ..." for name, r in named.items()),
            expected="results of the same cases under the same names",
        )
    return cases


def _pair(
    key: tuple[str, str],
    first: str,
    second: str,
    values: Mapping[str, Mapping[tuple[str, str], Mapping[str, float]]],
    kinds: Mapping[str, Metric],
    level: float,
    seed: int,
) -> PairRow:
    a, b = (np.array(list(values[name][key].values())) for name in (first, second))
    difference = paired_difference(a, b, level=level, seed=seed)
    both = np.isfinite(a) & np.isfinite(b)
    means = (float(a[both].mean()), float(b[both].mean())) if both.any() else (float("nan"), float("nan"))
    sign = _sign(kinds.get(key[1]))
    better = "" if not sign or not difference.mean else first if difference.mean * sign > 0 else second
    return PairRow(*key, first, second, difference, means, better="" if difference.n == 0 else better)


def _ranks(
    key: tuple[str, str],
    values: Mapping[str, Mapping[tuple[str, str], Mapping[str, float]]],
    kinds: Mapping[str, Metric],
    seed: int,
) -> RankRow | None:
    sign = _sign(kinds.get(key[1]))
    if not sign:
        return None
    columns = {name: list(of[key].values()) for name, of in values.items()}
    return RankRow(*key, bootstrap_ranking(columns, higher_is_better=sign > 0, seed=seed))


def _sign(metric: Metric | None) -> int:
    better = metric.better if metric is not None else "neither"
    return {"higher": 1, "lower": -1, "neither": 0}[better]
