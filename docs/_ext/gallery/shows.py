"""The ways an entry is shown: before and after, several draws, tables of fields, error cards."""

from __future__ import annotations

import contextlib
import copy
import io
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from eisen._core import random
from eisen._core.collate import collate, separate
from eisen._core.errors import EisenError
from eisen._core.types import Batch, DataPoint, Geometry
from gallery.entry import Shown
from gallery.panels import Look, Panel, panel, readable

__all__ = ["before_after", "card", "chain", "draws", "on_batch", "pairs", "printed", "splitting", "table"]

Show = Callable[[Any, DataPoint], Shown]


def before_after(look: Look, after: Look | None = None, *between: tuple[Look, str]) -> Show:
    """Show a field before and after the step, with the window of before unless told otherwise, and more in between."""

    def show(step: Any, data: DataPoint) -> Shown:
        first = _with_window(data, look)
        result = step(data)
        panels = [panel(data, first, "before"), *(panel(data, one, title) for one, title in between)]
        return Shown([*panels, panel(result, after or first, "after")])

    return show


def draws(look: Look, cases: Sequence[int] = (1, 2, 3), after: Look | None = None) -> Show:
    """Show a field before a random step, and as the step makes it for three cases."""

    def show(step: Any, data: DataPoint) -> Shown:
        first = _with_window(data, look)
        changed = [panel(drawn(step, data, case), after or first, f"case {case}") for case in cases]
        return Shown([panel(data, first, "before"), *changed])

    return show


def chain(look: Look, cases: Sequence[int] = (1, 2, 3, 4)) -> Show:
    """Show what a chain makes of four cases, with the names of the steps that ran."""

    def show(step: Any, data: DataPoint) -> Shown:
        first, panels = _with_window(data, look), []
        for case in cases:
            noted, names = _noting(step)
            result = drawn(noted, data, case)
            panels.append(replace(panel(result, first, f"case {case}"), caption=" + ".join(names) or "unchanged"))
        return Shown(panels)

    return show


def pairs(looks: Sequence[Look], window: tuple[float, float], after: tuple[float, float]) -> Show:
    """Show two images before a step in one window, and after it in another one."""

    def show(step: Any, data: DataPoint) -> Shown:
        result, panels = step(data), []
        for title, point, limits in (("before", data, window), ("after", result, after)):
            panels += [panel(point, replace(look, window=limits), f"{look.field}, {title}") for look in looks]
        return Shown(panels)

    return show


def splitting(look: Look, *looks: tuple[Look, str]) -> Show:
    """Show a field before the step, and several views of the result."""

    def show(step: Any, data: DataPoint) -> Shown:
        result = step(data)
        return Shown([panel(data, look, "before"), *(panel(result, one, title) for one, title in looks)])

    return show


def on_batch(look: Look, cases: Sequence[int] = (1, 2, 3, 4)) -> Show:
    """Show the elements of a batch after random steps; the same image four times went in."""

    def show(step: Any, data: DataPoint) -> Shown:
        first = _with_window(data, look)
        names = [f"#{case}" for case in cases]
        batch = Batch(collate([data] * len(cases), names), names, list(cases))
        points = separate(step(batch), len(cases))
        return Shown([panel(point, first, f"element {n + 1}") for n, point in enumerate(points)])

    return show


def table(*looks: tuple[Look, str, str]) -> Show:
    """Show the fields before and after as a table, and pictures of fields ("before" or "after") if there are any."""

    def show(step: Any, data: DataPoint) -> Shown:
        result = step(data)
        names = [*data, *(name for name in result if name not in data)]
        rows = [(f"``{name}``", _words(data, name), _words(result, name)) for name in names]
        panels = [panel({"before": data, "after": result}[when], look, title) for look, when, title in looks]
        return Shown(panels, _rst_table([("field", "before", "after"), *rows]))

    return show


def printed() -> Show:
    """Show what a step prints."""

    def show(step: Any, data: DataPoint) -> Shown:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            step(data)
        return Shown([], _block("It prints:", out.getvalue()))

    return show


def card(*looks: tuple[Look, str]) -> Show:
    """Show what is wrong with a case, and the error that says so."""

    def show(step: Any, data: DataPoint) -> Shown:
        panels: list[Panel] = [panel(data, look, title) for look, title in looks]
        try:
            step(data)
        except EisenError as error:
            return Shown(panels, _block("The error:", str(error)))
        raise AssertionError(f"{step} found nothing wrong")

    return show


def drawn(step: Any, data: DataPoint, case: int) -> DataPoint:
    """Return what a random step makes of case number `case` with seed 0 in epoch 0."""
    with random.sample(0, 0, case):
        return step(data)


def _with_window(data: DataPoint, look: Look) -> Look:
    """Return the look with a window for before and after: from the least value to the 99.8th percentile."""
    if look.window or look.labels:
        return look
    low, high = np.percentile(readable(data)[look.field], [0, 99.8])
    return replace(look, window=(float(low), float(high)))


def _noting(step: Any) -> tuple[Any, list[str]]:
    """Return a copy of a chain that notes which of its steps ran."""
    noted, names = copy.copy(step), []

    def noting(inner: Any) -> Any:
        def run(data: DataPoint) -> DataPoint:
            names.append(type(inner).__name__.removeprefix("Random"))
            return inner(data)

        return run

    noted.transforms = [noting(inner) for inner in step.transforms]
    return noted, names


def _words(data: DataPoint, name: str) -> str:
    """Return what a value is, in a few words."""
    if name not in data:
        return "–"
    value = data[name]
    if isinstance(value, Geometry):
        return f"geometry, {' × '.join(f'{mm:.3g}' for mm in value.spacing)} mm"
    if hasattr(value, "GetSize"):
        return f"SimpleITK image, {value.GetPixelIDTypeAsString()}, {' × '.join(map(str, value.GetSize()))}"
    if hasattr(value, "dataobj"):
        return f"NIfTI image, {value.get_data_dtype()}, {' × '.join(map(str, value.shape))}"
    if hasattr(value, "getbands"):
        return f"picture, {value.mode}, {value.width} × {value.height}"
    if hasattr(value, "shape"):
        kind = "tensor" if hasattr(value, "device") and not isinstance(value, np.ndarray) else "array"
        return f"{kind}, {str(value.dtype).removeprefix('torch.')}, {' × '.join(map(str, value.shape))}"
    return f"``{value!r}``"


def _rst_table(rows: Sequence[Sequence[str]]) -> str:
    lines = [".. list-table::", "   :header-rows: 1", "   :align: left", "   :widths: 22 39 39", ""]
    for row in rows:
        lines += [f"   {'*' if i == 0 else ' '} - {cell}" for i, cell in enumerate(row)]
    return "\n".join([*lines, ""])


def _block(title: str, text: str) -> str:
    lines = [textwrap.fill(line, 84, subsequent_indent=" " * 11) for line in text.rstrip().splitlines()]
    body = textwrap.indent("\n".join(lines), "   ")
    return f"{title}\n\n.. code-block:: text\n\n{body}\n"
