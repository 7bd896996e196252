"""What campaigns show: how each run stands, and the tables at the end."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from eisen.experiments.campaigns.observer import CampaignObserver
from eisen_cli.exit_codes import exit_code_of
from eisen_cli.show.cards import show_error
from eisen_cli.show.progress import RunDisplay, shortest
from eisen_cli.show.screen import Screen
from eisen_cli.show.tables import duration, number, show_rows, text_columns

if TYPE_CHECKING:
    from eisen.experiments import Observer
    from eisen.experiments.campaigns import CrossValidationResult, MetricSummary, SweepResult, Task, TaskOutcome

__all__ = ["CampaignDisplay", "show_crossval", "show_sweep"]


class CampaignDisplay(CampaignObserver):
    """Shows a campaign: the display of each run where they run here, else one line per start and end.

    Args:
        screen: Where to write.
    """

    def __init__(self, screen: Screen) -> None:
        self._screen = screen
        self._n_tasks, self._n_ended = 0, 0
        self._display: RunDisplay | None = None

    def __enter__(self) -> CampaignDisplay:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def on_plan(self, tasks: list[Task]) -> None:
        """Remember how many there are."""
        self._n_tasks = len(tasks)

    def on_task_start(self, task: Task) -> None:
        """Say which run begins."""
        self._screen.line(f"{task.name}: started", style="title")

    def run_observer(self, task: Task) -> Observer:  # noqa: ARG002 - a method of CampaignObserver
        """Return the display of a single run."""
        self._display = RunDisplay(self._screen)
        self._display.__enter__()
        return self._display

    def on_task_end(self, outcome: TaskOutcome) -> None:
        """Say how a run ended."""
        self._close()
        self._n_ended += 1
        style = {"complete": "good", "failed": "bad", "interrupted": "warn"}[outcome.status]
        count = f"({self._n_ended} of {self._n_tasks})"
        self._screen.line(f"{outcome.name}: {_how(outcome)}  {count}", style="quiet" if outcome.reused else style)

    def on_message(self, text: str) -> None:
        """Write the line."""
        self._screen.line(text, style="quiet")

    def _close(self) -> None:
        if self._display is not None:
            self._display.__exit__()
            self._display = None


def show_crossval(screen: Screen, result: CrossValidationResult) -> None:
    """Write what came out of a cross-validation.

    Args:
        screen: Where to write.
        result: What `CrossValidation.run` returned.
    """
    _show_failures(screen, result.failures)
    screen.line()
    if result.metrics:
        _show_metrics(screen, result.metrics)
        _show_folds(screen, result.metrics)
        if len(result.facts["seeds"]) > 1:
            _show_seeds(screen, result.metrics)
        for note in result.notes:
            screen.line(f"note: {note}", style="quiet")
        screen.line()
    done = sum(outcome.is_complete for outcome in result.outcomes)
    _show_end(screen, done, result.n_runs, interrupted=result.interrupted)
    _show_artifacts(screen, result.artifacts)


def show_sweep(screen: Screen, result: SweepResult) -> None:
    """Write what came out of a sweep: the trials, the best first.

    Args:
        screen: Where to write.
        result: What `Sweep.run` returned.
    """
    _show_failures(screen, result.failures)
    screen.line()
    paths = list(result.trials[0].values)
    titles = ["trial", result.judged_by or "value", *map(_short_path, paths)]
    rows = [
        [t.name, t.status if math.isnan(t.value) else number(t.value), *(str(t.values[path]) for path in paths)]
        for t in result.trials
    ]
    show_rows(screen, titles, rows, right=[1])
    screen.line()
    if result.best is not None:
        direction = "largest" if result.larger_is_better else "smallest"
        screen.line(
            f"best: {result.best.name}, {direction} {result.judged_by} {number(result.best.value)}", style="good"
        )
        for path, value in result.best.values.items():
            screen.line(f"  --set {path}={value}")
        screen.line("it was chosen by the validation data: test it on other data", style="quiet")
    done = sum(trial.status == "complete" for trial in result.trials)
    _show_end(screen, done, len(result.trials), interrupted=result.interrupted)
    _show_artifacts(screen, result.artifacts)


def _how(outcome: TaskOutcome) -> str:
    if outcome.status == "failed":
        return f"failed after {duration(outcome.seconds)}"
    if outcome.status == "interrupted":
        return "interrupted, the same command continues it"
    value = outcome.best.get("value")
    best = f", best {outcome.best.get('name')} {number(value)}" if isinstance(value, float) else ""
    when = "complete before" if outcome.reused else f"complete in {duration(outcome.seconds)}"
    return f"{when}{best}"


def _show_failures(screen: Screen, failures: Sequence[TaskOutcome]) -> None:
    from eisen.experiments.campaigns.failure import raised_error

    for outcome in failures:
        screen.line(error=True)
        screen.line(f"{outcome.name} failed", style="bad", error=True)
        error = raised_error(outcome.error)
        show_error(screen, error, exit_code_of(error))


def _show_metrics(screen: Screen, metrics: Sequence[MetricSummary]) -> None:
    titles = ["metric", "value", "95 % interval", "sd", "values", "without", "is the"]
    rows = [
        [m.name, number(m.value), _interval(m), _or_dash(m.sd), str(m.n_values), str(m.n_missing), m.how]
        for m in _shown(metrics)
    ]
    show_rows(screen, titles, rows, right=[1, 3, 4, 5])
    missing = [m.name for m in metrics if m.n_missing]
    if missing:
        screen.line(f"without a value (NaN) and not in the mean: see {', '.join(missing)}", style="warn")
    cells = {m.name.partition("[")[0] for m in metrics if "," in m.name}
    for name in sorted(cells):
        screen.line(f"the table of {name} is in summary.json", style="quiet")
    screen.line()


def _show_folds(screen: Screen, metrics: Sequence[MetricSummary]) -> None:
    lines = [*_shown(metrics)]
    folds = list(lines[0].folds) if lines else []
    rows = [[fold, *(number(m.folds.get(fold, math.nan)) for m in lines)] for fold in folds]
    rows.append(["sd", *(_or_dash(m.sd_folds) for m in lines)])
    show_rows(screen, ["fold", *(m.name for m in lines)], rows, right=range(1, len(lines) + 1))
    screen.line()


def _show_seeds(screen: Screen, metrics: Sequence[MetricSummary]) -> None:
    lines = [*_shown(metrics)]
    seeds = list(lines[0].seeds) if lines else []
    rows = [[m.name, *(number(m.seeds[s]) for s in seeds), _or_dash(m.sd_seeds), _or_dash(m.sd_folds)] for m in lines]
    titles = ["metric", *(f"seed {seed}" for seed in seeds), "sd of seeds", "sd of folds"]
    show_rows(screen, titles, rows, right=range(1, len(titles)))
    screen.line()


def _shown(metrics: Sequence[MetricSummary]) -> Iterator[MetricSummary]:
    return (line for line in metrics if "," not in line.name)


def _interval(line: MetricSummary) -> str:
    if line.interval is None or math.isnan(line.interval.low):
        return "–"
    return f"{number(line.interval.low)} … {number(line.interval.high)}"


def _or_dash(value: float) -> str:
    return "–" if math.isnan(value) else number(value)


def _short_path(path: str) -> str:
    """Return the last two words of a path: ``Optimizer[0].lr`` for ``Training.Optimizer[0].params.lr``."""
    return ".".join([part for part in path.split(".") if part != "params"][-2:])


def _show_end(screen: Screen, done: int, total: int, *, interrupted: bool) -> None:
    rest = "" if done == total else "; the same command does the rest"
    style = "good" if done == total else "warn"
    screen.line(f"{'interrupted: ' if interrupted else ''}{done} of {total} runs are complete{rest}", style=style)


def _show_artifacts(screen: Screen, artifacts: Sequence[tuple[Path, str]]) -> None:
    for line in text_columns([["", what, shortest(path)] for path, what in artifacts]):
        screen.line(line)
