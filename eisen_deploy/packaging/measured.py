"""How good the model of a run is, as far as that was measured: for the model card."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eisen._core.errors import EisenError, MissingFileError

__all__ = ["Measure", "Measures", "measures_of"]

_FOLDER = "evaluation"
_PREFERRED = ("testing", "test", "", "validation")
_FILES = ("results.json", "results.parquet", "results.csv")


@dataclass(frozen=True)
class Measure:
    """One number.

    Args:
        label: Name of the label; empty where there are none.
        metric: Name of the metric.
        mean: Over the cases that have a value.
        low: Lower end of its 95 % confidence interval; NaN: there is none.
        high: Upper end.
        n: How many cases have a value.
        n_undefined: How many have none.
    """

    label: str
    metric: str
    mean: float
    low: float = math.nan
    high: float = math.nan
    n: int = 0
    n_undefined: int = 0

    @property
    def has_interval(self) -> bool:
        """Whether it is known how far the mean could be from what it is."""
        return math.isfinite(self.low)


@dataclass(frozen=True)
class Measures:
    """What was measured.

    Args:
        where: On which cases.
        rows: The numbers.
    """

    where: str = ""
    rows: tuple[Measure, ...] = ()


def measures_of(root: Path, facts: Mapping[str, Any], evaluation: str | Path | None = None) -> Measures:
    """Return the best numbers there are: an evaluation case by case, else the validation of the best epoch.

    Args:
        root: The artifact folder.
        facts: The record of the training.
        evaluation: Folder that `eisen evaluate` wrote, or a file in it; None: ``evaluation`` in the artifact folder.

    Raises:
        MissingFileError: If a named folder holds no results.
        CorruptFileError: If the results cannot be read.
    """
    found = _named(Path(evaluation)) if evaluation is not None else _usual(root)
    if found is not None:
        return _evaluated(*found)
    return _validated(root, facts)


def _named(place: Path) -> tuple[Path, str]:
    files = [place / name for name in _FILES] if place.is_dir() else [place]
    file = next((file for file in files if file.is_file()), None)
    if file is None:
        raise MissingFileError(
            f"there are no results in {place}",
            expected="a folder that eisen evaluate wrote, or a file in it",
            file=str(place),
        )
    return file, "cases measured by eisen evaluate"


def _usual(root: Path) -> tuple[Path, str] | None:
    """Return the results in an artifact folder; those of test cases come first."""
    for part in _PREFERRED:
        file = root / _FOLDER / part / _FILES[0]
        if file.is_file():
            cases = "all cases, each by a model that has not seen it (cross-validation)"
            return file, f"the cases of {part.capitalize()}" if part else cases
    return None


def _evaluated(file: Path, where: str) -> Measures:
    from eisen.evaluation import Results, aggregate
    from eisen.evaluation.comparing.intervals import bootstrap_interval

    results = Results.read(file)
    rows = []
    for each in aggregate(results):
        if not math.isfinite(each.mean):
            continue
        interval = bootstrap_interval(results.values(each.label, each.metric))
        rows.append(Measure(each.label, each.metric, each.mean, interval.low, interval.high, each.n, each.n_undefined))
    return Measures(where, tuple(rows))


def _validated(root: Path, facts: Mapping[str, Any]) -> Measures:
    """Return what the phase that chose the best epoch said in it."""
    best = facts.get("best") or {}
    rows = [*_history(root / "history.jsonl"), *(facts.get("results") or [])]
    chosen = next(
        (r for r in rows if r.get("epoch") == best.get("epoch") and r.get("phase") == best.get("phase")), None
    )
    if chosen is None:
        return Measures()
    n_cases = int(((facts.get("data") or {}).get(chosen["phase"]) or {}).get("n_cases") or 0)
    values = [*(chosen.get("metrics") or {}).items(), *(chosen.get("losses") or {}).items()]
    measured = [_measure(name, value, n_cases) for name, value in values if isinstance(value, (int, float))]
    return Measures(f"the cases of {chosen['phase']} in the best epoch", tuple(measured))


def _measure(name: str, value: float, n_cases: int) -> Measure:
    metric, _, label = name.partition("[")
    return Measure(label.removesuffix("]"), metric, float(value), n=n_cases)


def _history(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
        return [entry for line in lines if isinstance(entry := json.loads(line), dict)]
    except (OSError, ValueError, EisenError):
        return []
