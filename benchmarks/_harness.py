"""Measuring several contenders fairly: in one run, in turn, medians and quartiles, a table of differences and ratios.

A contender is a function that does the work once and returns what it cost. All take turns, each round in another
order, so that a busy minute of the machine hits everybody alike; differences are taken within a round.

    results = measure({"bare": bare, "ours": ours}, rounds=9)
    show("Loop", results, unit="µs/step", baseline="bare", targets={"ours": 15.0})
"""

from __future__ import annotations

import os
import platform
import random
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median, quantiles

from rich.console import Console
from rich.table import Table

__all__ = ["Result", "measure", "quiet", "show", "timed"]

Contender = Callable[[], float]


@dataclass(frozen=True)
class Result:
    """What one contender cost, round by round.

    Args:
        name: Name in the table.
        samples: One cost per round.
    """

    name: str
    samples: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle of the samples."""
        return median(self.samples)

    @property
    def iqr(self) -> float:
        """How far the middle half of the samples spreads."""
        low, _, high = quantiles(self.samples, n=4) if len(self.samples) > 1 else (0.0, 0.0, 0.0)
        return high - low

    @property
    def fastest(self) -> float:
        """The least sample: what the work costs when nobody else has the machine, for others only add to it."""
        return min(self.samples)

    def over(self, baseline: Result) -> Result:
        """Return the differences to another contender, taken within each round."""
        pairs = zip(self.samples, baseline.samples, strict=True)
        return Result(self.name, tuple(ours - theirs for ours, theirs in pairs))


def measure(contenders: Mapping[str, Contender], rounds: int = 9, warmups: int = 1) -> dict[str, Result]:
    """Run all contenders in turn and return their results by name.

    Args:
        contenders: Names and functions; each returns its cost in the unit of the table.
        rounds: How often each is measured.
        warmups: How often each runs before without being measured.
    """
    samples: dict[str, list[float]] = {name: [] for name in contenders}
    shuffled = random.Random(0)
    for number in range(-warmups, rounds):
        names = shuffled.sample(list(contenders), len(contenders))
        for name in names:
            cost = contenders[name]()
            if number >= 0:
                samples[name].append(cost)
    return {name: Result(name, tuple(values)) for name, values in samples.items()}


def timed(work: Callable[[], object], times: int = 1, scale: float = 1.0) -> float:
    """Return the wall time of one call in seconds, divided by `times` and multiplied by `scale`."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) / times * scale


class quiet:  # noqa: N801  # used like a function: with quiet():
    """Send the standard output of a block, of other libraries too, to nowhere."""

    def __enter__(self) -> None:
        sys.stdout.flush()
        self._saved = os.dup(1)
        self._nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(self._nowhere, 1)

    def __exit__(self, *_: object) -> None:
        sys.stdout.flush()
        os.dup2(self._saved, 1)
        os.close(self._saved)
        os.close(self._nowhere)


def show(
    title: str,
    results: Mapping[str, Result],
    *,
    unit: str,
    baseline: str,
    targets: Mapping[str, float] | None = None,
    digits: int = 1,
    by_fastest: bool = False,
) -> bool:
    """Print a table: median and spread, difference and ratio to the baseline, target. Return whether all are met.

    The last ratio is that of the fastest rounds.

    Args:
        title: First line of the table.
        results: What `measure` returned.
        unit: Unit of the samples.
        baseline: Name of the contender that the others are compared with.
        targets: Largest difference to the baseline that is accepted, by name.
        digits: Decimal places.
        by_fastest: Whether the difference of the fastest rounds decides, not the median of the differences: for work
            that takes so long that the noise of the machine is larger than the target.
    """
    targets = targets or {}
    table = Table(title=f"{title} [{unit}]", caption=_machine(), title_justify="left", caption_justify="left")
    for column in ("", "median", "IQR", f"over {baseline}", "IQR", "ratio", "fastest", "ratio", "target"):
        table.add_column(column, justify="left" if not column else "right")
    met = True
    for name, result in sorted(results.items(), key=lambda item: item[1].median):
        over = result.over(results[baseline])
        base = results[baseline]
        row = [name, *(f"{value:.{digits}f}" for value in (result.median, result.iqr, over.median, over.iqr))]
        row += [f"{result.median / base.median:.2f}", f"{result.fastest:.{digits}f}"]
        judged = result.fastest - base.fastest if by_fastest else over.median
        met &= judged <= targets.get(name, float("inf"))
        table.add_row(*row, f"{result.fastest / base.fastest:.2f}", _verdict(judged, targets.get(name), digits))
    Console(width=130, highlight=False).print(table)
    return met


def _verdict(value: float, target: float | None, digits: int) -> str:
    if target is None:
        return ""
    return f"<= {target:.{digits}f} {'met' if value <= target else 'MISSED'}"


def _machine() -> str:
    load = os.getloadavg()[0]
    return f"Python {platform.python_version()}, {os.cpu_count()} cores, load {load:.1f}"
