"""Drawing what a benchmark has found as one picture for the documentation."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from _harness import Result

__all__ = ["draw_states"]

_MARKS = {"steady": ("o", "full"), "first": ("o", "none"), "cold": ("D", "none")}
_WORDS = {"steady": "seen before", "first": "first touch, file in memory", "cold": "first touch, file on disk"}


def draw_states(found: Mapping[tuple[str, str], Mapping[str, Result]], path: Path, ours: str = "eisen") -> None:
    """Draw one panel per part: a row per contender, a mark per state of the memory, on a logarithmic axis.

    Args:
        found: Results by part and state, each by the name of the contender.
        path: The picture, SVG or PNG.
        ours: What the names of our own contenders begin with; they are drawn in colour.
    """
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt
    from matplotlib.ticker import NullFormatter

    parts = list(dict.fromkeys(part for part, _ in found))
    names = list(dict.fromkeys(name for results in found.values() for name in results))
    figure, panels = plt.subplots(1, len(parts), figsize=(3.2 * len(parts), 0.9 + 0.28 * len(names)), sharey=True)
    for panel, part in zip([panels] if len(parts) == 1 else panels, parts, strict=True):
        for (_, state), results in ((key, value) for key, value in found.items() if key[0] == part):
            mark, fill = _MARKS[state]
            for name, result in results.items():
                colour = "#c2410c" if name.startswith(ours) else "#475569"
                panel.plot(result.median, names.index(name), mark, fillstyle=fill, color=colour)
        panel.set(title=part, xscale="log", xlabel="ms", ylim=(len(names) - 0.5, -0.5))
        panel.xaxis.set_minor_formatter(NullFormatter())
        panel.set_yticks(range(len(names)), names)
        panel.grid(axis="both", alpha=0.25)
    handles = [
        plt.Line2D([], [], marker=_MARKS[s][0], fillstyle=_MARKS[s][1], color="#475569", linestyle="", label=_WORDS[s])
        for s in dict.fromkeys(state for _, state in found)
    ]
    figure.legend(handles=handles, loc="lower center", ncols=len(handles), frameon=False)
    figure.tight_layout(rect=(0, 0.06, 1, 1))
    figure.savefig(path, metadata={"Date": None} if path.suffix == ".svg" else None, dpi=150)
