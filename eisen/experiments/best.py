"""Which epoch was the best one."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from eisen.experiments.judgement import Judgement
from eisen.experiments.records import EpochRow

__all__ = ["Best", "criterion"]


@dataclass
class Best:
    """The best value so far; larger metrics and smaller losses are better, NaN never is.

    Args:
        epoch: The epoch it was reached in, from 0; -1 before there is one.
        phase: The phase it was measured in.
        name: ``"mean metric"``, ``"mean loss"`` or the formula of ``.Best``.
        value: The value.

    Example:
        >>> best = Best()
        >>> best.update([EpochRow("Validation", 0, {"loss": 0.5}, {"dice": 0.8})])
        True
        >>> best.update([EpochRow("Validation", 1, {"loss": 0.4}, {"dice": 0.8})])
        False
        >>> best.epoch, best.name, best.value
        (0, 'mean metric', 0.8)
    """

    epoch: int = -1
    phase: str = ""
    name: str = ""
    value: float = math.nan

    def update(self, rows: Sequence[EpochRow], judgement: Judgement | None = None) -> bool:
        """Take in the results of an epoch; return True when it is better than all before.

        Args:
            rows: The results, one row per phase.
            judgement: What to judge by; None: see `criterion`.
        """
        row, name, value = (rows[-1], judgement.text, judgement.value(rows)) if judgement else criterion(rows)
        comparable = (row.phase, name) == (self.phase, self.name)
        larger_is_better = judgement.sign > 0 if judgement else name == "mean metric"
        better = not comparable or (value > self.value if larger_is_better else value < self.value)
        if not math.isfinite(value) or not better:
            return False
        self.epoch, self.phase, self.name, self.value = row.epoch, row.phase, name, value
        return True

    def facts(self) -> dict[str, float | int | str]:
        """Return it as a plain dict; empty before there is a best epoch."""
        return asdict(self) if self.epoch >= 0 else {}


def criterion(rows: Sequence[EpochRow]) -> tuple[EpochRow, str, float]:
    """Return by which row, name and value an epoch is judged.

    The validation metric where there is one, else the validation loss, else the training loss, else the training
    metric. Of several the mean is taken; classes (``dice[anterior]``) count only where there is no mean of them.
    """
    validation = [row for row in rows if row.phase == "Validation"]
    for row in validation:
        if row.metrics:
            return row, "mean metric", _mean(row.metrics)
    for row in [*validation, *rows]:
        if row.losses:
            return row, "mean loss", _mean(row.losses)
    return rows[0], "mean metric", _mean(rows[0].metrics)


def _mean(values: Mapping[str, float]) -> float:
    overall = [value for name, value in values.items() if "[" not in name] or list(values.values())
    return math.fsum(overall) / len(overall) if overall else math.nan
