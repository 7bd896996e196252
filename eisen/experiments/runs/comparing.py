"""What is different between two runs: what went in, and what came out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eisen.experiments.provenance.compare import Change, changes
from eisen.experiments.runs.record import RunRecord

__all__ = ["Comparison", "ResultPair", "compare_runs"]


@dataclass(frozen=True)
class ResultPair:
    """One result in two runs.

    Args:
        name: E.g. ``"best mean metric"`` or ``"Validation dice"``.
        first: Its value in the first run; None when it has none.
        second: Its value in the second run.
    """

    name: str
    first: float | str | None
    second: float | str | None


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side.

    Args:
        changes: What went in and is different.
        results: What came out, both values.
        same_weights: Whether the weights are equal byte for byte; None when a run has no digest of them.
    """

    changes: list[Change]
    results: list[ResultPair]
    same_weights: bool | None

    @property
    def is_same(self) -> bool:
        """True when nothing is different, neither what went in nor what came out."""
        return not self.changes and self.same_weights is not False and all(r.first == r.second for r in self.results)


def compare_runs(first: RunRecord, second: RunRecord) -> Comparison:
    """Return what is different between two runs.

    Args:
        first: A run.
        second: Another one; what it has is called new.

    Example:
        >>> from pathlib import Path
        >>> one, other = (RunRecord(Path("."), {"seed": seed, "best": {"value": seed / 10}}) for seed in (3, 4))
        >>> compared = compare_runs(one, other)
        >>> print(*compared.changes), compared.results[0].second, compared.is_same
        seed: 3 -> 4
        (None, 0.4, False)
    """
    found = [*changes(first.fingerprint, second.fingerprint), *_commits(first.facts, second.facts)]
    before, after = _results(first), _results(second)
    pairs = [ResultPair(name, before.get(name), after.get(name)) for name in {**before, **after}]
    digests = [run.facts.get("weights_digest") for run in (first, second)]
    return Comparison(found, pairs, digests[0] == digests[1] if all(digests) else None)


def _results(run: RunRecord) -> dict[str, float | str | None]:
    """Return the best value and the losses and metrics of the last epoch of each phase, by name."""
    best = run.facts.get("best") or {}
    found: dict[str, float | str | None] = {f"best {best.get('name', 'value')}": run.best} if best else {}
    for row in run.facts.get("results") or []:
        values = {**row.get("losses", {}), **row.get("metrics", {})}
        found |= {f"{row.get('phase')} {name}": value for name, value in values.items()}
    done, _ = run.epochs
    return found if done is None else {**found, "epochs": done}


def _commits(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[Change]:
    before, after = _commit(first.get("git")), _commit(second.get("git"))
    if before == after or not before or not after:
        return []
    return [Change("code", "git commit beside the configuration", before, after, serious=False)]


def _commit(git: Any) -> str:
    if not isinstance(git, Mapping):
        return ""
    return f"{str(git.get('commit'))[:9]}{' with changes' if git.get('dirty') else ''}"
