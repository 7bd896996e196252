"""What a dry run found: every field after every step, then model, losses and metrics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from eisen_cli.show.screen import Screen
from eisen_cli.show.tables import duration, number, text_columns

if TYPE_CHECKING:
    from eisen.experiments import CheckReport, FieldReport

__all__ = ["show_check"]

_LONGEST_TEXT = 60

Group = tuple[str, Sequence["FieldReport"]]
"""A heading and the fields under it."""


def show_check(screen: Screen, report: CheckReport, model: str) -> None:
    """Write the report of a dry run.

    Args:
        screen: Where to write.
        report: What `eisen.experiments.check` returned.
        model: Name of the model.
    """
    for line in text_columns([*_head(report)]):
        screen.line(line, style="title")
    screen.line()
    _show_groups(screen, [*_groups(report, model)])
    screen.line()
    for line in text_columns([*_facts(report)]):
        screen.line(line)
    screen.line()
    screen.line("Nothing is wrong, and nothing was written.", style="good")


def _head(report: CheckReport) -> Iterator[list[str]]:
    batches = f"{report.n_batches} batch{'es' if report.n_batches != 1 else ''} an epoch"
    yield ["phase", f"{report.phase}: {report.n_cases} case{'s' if report.n_cases != 1 else ''}, {batches}"]
    yield ["case", report.case]


def _groups(report: CheckReport, model: str) -> Iterator[Group]:
    """Yield the fields that each step made or changed."""
    for step in report.steps:
        heading = f"{step.number:>2}  {step.name}" if step.number else f"    {step.name}"
        yield heading, [field for field in step.fields if field.changed]
    yield "    batch", report.batch
    for step in report.batch_steps:
        yield f"    batch, {step.number}  {step.name}", [field for field in step.fields if field.changed]
    yield f"    {model}", report.outputs


def _show_groups(screen: Screen, groups: Sequence[Group]) -> None:
    rows = [_cells(field) for _, fields in groups for field in fields]
    lines = text_columns([["      field", "shape", "type", "range"], *rows], right=[])
    screen.line(next(lines), style="quiet")
    for heading, fields in groups:
        screen.line(heading, style="accent")
        for field in fields:
            line = next(lines)
            screen.line(f"      {field.name}: {_text(field)}" if field.shape is None else line)
        if not fields:
            screen.line("      changed nothing", style="quiet")


def _cells(field: FieldReport) -> list[str]:
    """Return name, shape, type and range of an array; what is no array takes no part in the columns."""
    if field.shape is None:
        return [""]
    shape = "×".join(map(str, field.shape)) or "one number"
    span = "" if field.minimum is None or field.maximum is None else f"{field.minimum:.4g} … {field.maximum:.4g}"
    return [f"      {field.name}", shape, field.dtype.removeprefix("torch."), span]


def _text(field: FieldReport) -> str:
    text = field.text or field.kind
    return text if len(text) <= _LONGEST_TEXT else f"…{text[1 - _LONGEST_TEXT :]}"


def _facts(report: CheckReport) -> Iterator[list[str]]:
    for name, value in report.losses.items():
        yield ["loss", f"{name} {number(value)}"]
    for name, value in report.metrics.items():
        yield ["metric", f"{name} {number(value)}"]
    yield ["model", f"{report.n_parameters:,} trained parameters"]
    if report.gradient_norm is not None:
        yield ["gradient", f"norm {report.gradient_norm:.3g}"]
    yield ["time", f"{duration(report.seconds)} for one batch"]
