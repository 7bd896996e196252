"""A picture of how far probabilities can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.atomic import atomic_write
from eisen.experiments.prediction.reliability import Reliability

__all__ = ["write_reliability_diagram"]

_BLUE, _RED, _YELLOW, _GREY = "#3b6ea5", "#d9705a", "#e3b23c", "#8a8a8a"


def write_reliability_diagram(path: str | Path, found: Mapping[str, Reliability]) -> None:
    """Draw how often a model was right against how sure it was, one panel per entry, as PNG.

    Blue bars are the share of right decisions. Red is what is missing to how sure the model was, yellow how much it was
    better than that. The small bars below show where the decisions are.

    Args:
        path: Where to.
        found: Title of the panel to what `reliability` found.

    Raises:
        ArtifactError: If it cannot be written.

    Example:
        >>> import tempfile
        >>> from eisen.experiments.prediction.reliability import reliability
        >>> path = Path(tempfile.mkdtemp()) / "calibration.png"
        >>> write_reliability_diagram(path, {"before": reliability([[0.9, 0.1], [0.3, 0.7]], [0, 0])})
        >>> path.stat().st_size > 1000
        True
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.2 * len(found), 5.0), dpi=120)
    canvas: Any = FigureCanvasAgg(figure)
    panels = figure.subplots(
        2,
        len(found),
        squeeze=False,
        sharex=True,
        gridspec_kw={
            "height_ratios": [4, 1],
            "hspace": 0.08,
            "left": 0.6 / (4.2 * len(found)),
            "right": 0.98,
            "top": 0.94,
        },
    )
    for column, (title, entry) in enumerate(found.items()):
        _draw(panels[0, column], panels[1, column], title, entry)
    panels[0, 0].set_ylabel("share that is right")
    panels[1, 0].set_ylabel("decisions")
    with atomic_write(path) as file:
        canvas.print_png(file)


def _draw(above: Any, below: Any, title: str, found: Reliability) -> None:
    n = len(found.counts)
    edges = np.arange(n) / n
    seen = found.counts > 0
    style = {"width": 1 / n, "align": "edge", "edgecolor": "white", "linewidth": 0.6}
    right, sure = found.accuracy[seen], found.confidence[seen]
    above.bar(edges[seen], np.minimum(right, sure), color=_BLUE, **style)
    above.bar(edges[seen], np.maximum(sure - right, 0), bottom=right, color=_RED, label="too sure", **style)
    above.bar(edges[seen], np.maximum(right - sure, 0), bottom=sure, color=_YELLOW, label="not sure enough", **style)
    above.legend(loc="upper left", frameon=False)
    above.plot([0, 1], [0, 1], color=_GREY, linestyle="--", linewidth=1)
    above.set(xlim=(0, 1), ylim=(0, 1), title=f"{title}: ECE {100 * found.error:.2f} %")
    below.bar(edges, found.counts / found.counts.sum(), color=_GREY, **style)
    below.set(ylim=(0, 1), yticks=[0, 1], yticklabels=["0", "all"], xlabel="how sure the model was")
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
