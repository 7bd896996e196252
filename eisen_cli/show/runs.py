"""Runs on the screen: a list, one of them, two side by side, and the verdict of a repetition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eisen.experiments.runs import Comparison, Reproduction, RunRecord
from eisen_cli.show.progress import shortest
from eisen_cli.show.run_facts import fact_rows
from eisen_cli.show.screen import Screen
from eisen_cli.show.tables import number, show_rows, text_columns

__all__ = ["show_comparison", "show_list", "show_run", "show_verdict", "summary"]

_TITLES = ("run", "status", "started", "epochs", "best", "of", "seed", "config", "fold")
_OF, _FOLD, _NUMBERS = 5, 8, (3, 4, 6)
_STYLES = {"complete": "good", "running": "accent", "failed": "bad", "dead": "bad", "unreadable": "bad"}


def summary(run: RunRecord) -> dict[str, Any]:
    """Return the row of a run for machines."""
    done, asked = run.epochs
    best = run.facts.get("best") or {}
    return {
        "folder": run.folder,
        "status": run.status,
        "started": run.facts.get("started"),
        "epochs_complete": done,
        "epochs": asked,
        "best": run.best,
        "best_of": best.get("name"),
        "seed": run.facts.get("seed"),
        "config_digest": run.facts.get("config_digest"),
        "fold": run.fold or None,
    }


def show_list(screen: Screen, runs: Sequence[RunRecord], folder: Path) -> None:
    """Write a line per run.

    Args:
        screen: Where to write.
        runs: The runs, in order.
        folder: Where they were looked for; they are named from there.
    """
    if not runs:
        screen.line(f"there are no runs in {folder} or below; 'eisen train' makes one", style="quiet")
        return
    rows = [_row(run, folder) for run in runs]
    judged_by = {row[_OF] for row in rows if row[_OF]}
    hidden = ([_OF] if len(judged_by) == 1 else []) + ([] if any(run.fold for run in runs) else [_FOLD])
    shown = [i for i in range(len(_TITLES)) if i not in hidden]
    right = [shown.index(i) for i in _NUMBERS]
    show_rows(screen, [_TITLES[i] for i in shown], [[row[i] for i in shown] for row in rows], right=right)
    if _OF in hidden:
        screen.line(f"best: {', '.join(judged_by)}", style="quiet")


def show_run(screen: Screen, run: RunRecord) -> None:
    """Write everything that is known about a run, for people.

    Args:
        screen: Where to write.
        run: The run.
    """
    screen.line(shortest(run.folder), style="title")
    screen.line(_status(run), style=_STYLES.get(run.status, "warn"))
    for title, rows in fact_rows(run):
        screen.line()
        screen.line(title, style="accent")
        for line in text_columns([("", name, text) for name, text in rows]):
            screen.line(line)


def show_comparison(screen: Screen, first: RunRecord, second: RunRecord, compared: Comparison) -> None:
    """Write what is different between two runs.

    Args:
        screen: Where to write.
        first: A run.
        second: Another one.
        compared: Both, compared.
    """
    for subject in dict.fromkeys(change.subject for change in compared.changes):
        screen.line(subject, style="accent")
        for change in compared.changes:
            if change.subject == subject:
                screen.line(f"  {change}", style="" if change.serious else "quiet")
    if not compared.changes:
        screen.line("the same configuration, data, split, code and environment", style="good")
    screen.line()
    rows = [(pair.name, _value(pair.first), _value(pair.second)) for pair in compared.results]
    show_rows(screen, ("result", shortest(first.folder), shortest(second.folder)), rows, right=[1, 2])
    if compared.same_weights is None:
        screen.line("whether the weights are equal is not known: a run has no digest of them", style="quiet")
    else:
        same = compared.same_weights
        screen.line("identical weights" if same else "different weights", style="good" if same else "warn")


def show_verdict(screen: Screen, made: Reproduction) -> None:
    """Write whether a run could be repeated.

    Args:
        screen: Where to write.
        made: What came out.
    """
    screen.line()
    screen.line(f"the repetition is in {shortest(made.folder)}", style="quiet")
    if made.result.interrupted or not made.weights:
        screen.line("interrupted: there is nothing to compare" if made.result.interrupted else "no weights to compare")
        return
    for pair in made.weights:
        screen.line(f"  {pair}", style="" if pair.identical else "bad")
    if made.same_history is not None:
        screen.line(f"  losses and metrics of all epochs: {'identical' if made.same_history else 'different'}")
    if made.identical:
        screen.line("identical weights", style="good")
    else:
        screen.line(f"different weights; {_reason(made)}", style="bad")


def _reason(made: Reproduction) -> str:
    if not made.changes:
        return "nothing that is known has changed, so something in it does not repeat itself (docs: runs)"
    subjects = ", ".join(dict.fromkeys(change.subject for change in made.changes))
    return f"what has changed since: {subjects} (see above)"


def _row(run: RunRecord, folder: Path) -> list[str]:
    done, asked = run.epochs
    best = run.facts.get("best") or {}
    counted = f"{'?' if done is None else done}/{'?' if asked is None else asked}"
    return [
        _place(run.folder, folder),
        run.status,
        str(run.facts.get("started", ""))[5:16].replace("T", " "),
        "" if done is None and asked is None else counted,
        "" if run.best is None else number(run.best),
        str(best.get("name", "")),
        str(run.facts.get("seed", "")),
        str(run.facts.get("config_digest", ""))[:6],
        run.fold,
    ]


def _place(run: Path, folder: Path) -> str:
    inside = run.relative_to(folder) if run.is_relative_to(folder) else run
    return str(inside) if inside.parts else "."


def _status(run: RunRecord) -> str:
    done, asked = run.epochs
    text = run.status if done is None or asked is None else f"{run.status}, {done} of {asked} epochs"
    error: Mapping[str, Any] | str = run.facts.get("error", "")
    return f"{text}: {error}" if error else text


def _value(value: float | str | None) -> str:
    if value is None:
        return "–"
    return number(value) if isinstance(value, float) else str(value)
