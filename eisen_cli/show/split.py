"""A frozen split on the screen: a row per fold, with cases, groups and classes of its parts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from eisen_cli.show.screen import Screen
from eisen_cli.show.tables import show_rows

if TYPE_CHECKING:
    from eisen.experiments.splits import Fold, Splits

__all__ = ["show_split"]

_MOST_CLASSES = 6
_MOST_FOLDS = 40


def show_split(screen: Screen, splits: Splits) -> None:
    """Write what a split is and how large the parts of its folds are.

    Args:
        screen: Where to write.
        splits: The split.
    """
    screen.line(_head(splits), style="title")
    screen.line(_means(splits), style="quiet")
    screen.line()
    classes = sorted({str(facts["class"]) for facts in splits.cases.values() if facts["class"] is not None})
    shown = classes[:_MOST_CLASSES]
    titles = ["fold", "cases", *(["groups"] if splits.group else []), *(f"{splits.stratify} {name}" for name in shown)]
    rows = [_row(fold, splits, shown) for fold in splits.folds[:_MOST_FOLDS]]
    show_rows(screen, titles, rows, right=range(1, len(titles)))
    if len(splits.folds) > _MOST_FOLDS:
        screen.line(f"and {len(splits.folds) - _MOST_FOLDS} more folds", style="quiet")
    if len(classes) > _MOST_CLASSES:
        screen.line(f"and {len(classes) - _MOST_CLASSES} more classes", style="quiet")
    screen.line()


def _head(splits: Splits) -> str:
    groups = len({facts["group"] for facts in splits.cases.values()})
    parts = [f"{len(splits.cases)} cases", f"{groups} groups" if splits.group else "no groups", _folds(len(splits))]
    return f"{splits.kind}: {', '.join(parts)}"


def _folds(count: int) -> str:
    return f"{count} fold{'s' if count != 1 else ''}"


def _means(splits: Splits) -> str:
    together = f"groups by {splits.group}" if splits.group else "every case declared to stand alone"
    classes = f", classes by {splits.stratify}" if splits.stratify else ""
    return f"{together}{classes}; training / validation / test"


def _row(fold: Fold, splits: Splits, classes: Sequence[str]) -> list[str]:
    parts = [members for _, members in fold.parts()]
    facts = [[splits.cases[name] for name in members] for members in parts]
    row = [fold.name, _triple([len(members) for members in parts])]
    if splits.group:
        row.append(_triple([len({entry["group"] for entry in part}) for part in facts]))
    counts = [Counter(str(entry["class"]) for entry in part) for part in facts]
    return row + [_triple([count[name] for count in counts]) for name in classes]


def _triple(numbers: Sequence[int]) -> str:
    return " / ".join(map(str, numbers))
