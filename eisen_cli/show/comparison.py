"""What a comparison shows: differences and what is left out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eisen.evaluation.report.svg import number
from eisen_cli.show.screen import Screen
from eisen_cli.show.tables import show_rows

if TYPE_CHECKING:
    from eisen.evaluation import Comparison
    from eisen.evaluation.comparing.compare import PairRow

__all__ = ["show_comparison"]

_TITLES = ("label", "metric", "first", "second", "mean", "mean", "difference", "95 % CI", "p (Holm)", "cases", "")


def show_comparison(screen: Screen, found: Comparison) -> None:
    """Write a row per pair of methods, label and metric, and the cases that are left out.

    Args:
        screen: Where to write.
        found: What `eisen.evaluation.compare_results` returned.
    """
    show_rows(screen, _TITLES, [_row(pair) for pair in found.pairs], right=range(4, 10))
    for name, cases in found.left_out.items():
        if cases:
            more = ", ..." if len(cases) > 5 else ""
            screen.line(f"left out, only {name} has them: {', '.join(cases[:5])}{more}", style="warn")
    without = sum(pair.difference.n_left_out for pair in found.pairs)
    if without:
        screen.line(f"{without} values are left out, because one of two methods has none", style="warn")


def _row(pair: PairRow) -> list[str]:
    d = pair.difference
    chance = "< 0.001" if pair.p_holm < 0.001 else number(pair.p_holm, 2)
    verdict = f"{pair.better} is better" if pair.p_holm <= 0.05 and pair.better else ""
    interval = f"{number(d.interval.low)} to {number(d.interval.high)}"
    names = [pair.label or "all", pair.metric, pair.first, pair.second]
    return [*names, *map(number, pair.means), number(d.mean), interval, chance, str(d.n), verdict]
