"""What several runs have in common, and what not, as rows of tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eisen._core.errors import EisenError
from eisen.experiments.runs import compare_runs, read_run
from eisen_cli.builder.board.view import RunView
from eisen_cli.builder.board.words import duration, number

__all__ = ["differences", "distinct_names", "result_rows", "try_differences"]


def distinct_names(folders: Sequence[Path]) -> list[str]:
    """Return the shortest names of folders that tell them apart.

    Example:
        >>> distinct_names([Path("runs/a"), Path("runs/b")]), distinct_names([Path("x/run"), Path("y/run")])
        (['a', 'b'], ['x/run', 'y/run'])
    """
    for n in range(1, max((len(folder.parts) for folder in folders), default=1) + 1):
        names = ["/".join(folder.parts[-n:]) for folder in folders]
        if len(set(names)) == len(names):
            return names
    return [str(folder) for folder in folders]


def result_rows(views: Sequence[RunView]) -> list[tuple[str, list[str], int | None]]:
    """Return name, a text per run, and the number of the best run where one is best.

    Args:
        views: The runs.
    """
    rows: list[tuple[str, list[str], int | None]] = [("status", [view.status for view in views], None)]
    rows.append(("epochs", [f"{view.n_done} / {view.n_epochs or '?'}" for view in views], None))
    bests = [view.best for view in views]
    values = [best.get("value") for best in bests]
    names = {str(best.get("name")) for best in bests if best}
    title = f"best {names.pop()}" if len(names) == 1 else "best"
    is_loss = title.startswith(("best mean loss", "best min"))
    rows.append(_numbers(title, values, None if title == "best" else not is_loss))
    epochs = [str(best["epoch"] + 1) if isinstance(best.get("epoch"), int) else "–" for best in bests]
    rows.append(("best epoch", epochs, None))
    for kind, larger in (("losses", False), ("metrics", None)):
        keys = {key: None for view in views for key in getattr(view.curves, kind)}
        for phase, name in keys:
            curves = [getattr(view.curves, kind).get((phase, name)) for view in views]
            rows.append(
                _numbers(f"{phase} {name}, last", [points[-1][1] if points else None for points in curves], larger)
            )
    seconds = [sum(y for points in view.curves.times.values() for _, y in points) for view in views]
    rows.append(("time of all epochs", [duration(value) if value else "–" for value in seconds], None))
    return rows


def differences(folders: Sequence[Path]) -> list[tuple[str, str, list[str]]]:
    """Return what went into some runs and is not the same in all: subject, what, and a text per run.

    Args:
        folders: Their artifact folders; all are compared with the first.

    Raises:
        MissingFileError: If there is no run in one of them.
    """
    first, *others = [read_run(folder) for folder in folders]
    found: dict[tuple[str, str], list[str]] = {}
    for i, other in enumerate(others):
        for change in compare_runs(first, other).changes:
            texts = found.setdefault((change.subject, change.what), [change.before, *[""] * len(others)])
            texts[i + 1] = change.after or ("other" if not change.before else "")
    return [
        (subject, what, [text or ("as the first" if i else "") for i, text in enumerate(texts)])
        for (subject, what), texts in found.items()
    ]


def try_differences(folders: Sequence[Path]) -> list[tuple[str, str, list[str]]] | EisenError:
    """Return `differences`, or why there are none yet, as while a run is only about to begin."""
    try:
        return differences(folders)
    except EisenError as error:
        return error


def _numbers(title: str, values: Sequence[object], larger: bool | None) -> tuple[str, list[str], int | None]:
    numbers = [float(value) if isinstance(value, (int, float)) else None for value in values]
    texts = ["–" if value is None else number(value) for value in numbers]
    known = [value for value in numbers if value is not None]
    if larger is None or len(known) < 2 or min(known) == max(known):
        return title, texts, None
    return title, texts, numbers.index(max(known) if larger else min(known))
