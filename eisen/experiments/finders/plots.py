"""The pictures of the finders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from eisen._core.atomic import atomic_write
from eisen.experiments.finders.rates import RateFinding
from eisen.experiments.finders.sizes import SizeFinding

__all__ = ["plot_rates", "plot_sizes"]

_INK, _FAINT, _ACCENT, _GOOD, _BAD = "#20303c", "#b4bec6", "#2f7fb8", "#3d8f5f", "#c2504c"


def plot_rates(finding: RateFinding, path: str | Path) -> None:
    """Draw the loss over the learning rate, with the suggestion.

    Args:
        finding: What `find_lr` returned.
        path: Where to, a PNG file.

    Raises:
        ArtifactError: If it cannot be written.
    """
    figure, axes = _figure(1)
    axis = axes[0]
    axis.semilogx(finding.rates, finding.losses, color=_FAINT, linewidth=1, label="every step")
    axis.semilogx(finding.rates, finding.smoothed, color=_ACCENT, linewidth=2, label="smoothed")
    if finding.suggestion is not None and finding.steepest is not None:
        loss = finding.smoothed[finding.rates.index(finding.steepest)]
        axis.plot([finding.steepest], [loss], "o", color=_GOOD, markersize=9, zorder=3)
        axis.axvline(finding.steepest, color=_GOOD, linewidth=1, linestyle="--")
        axis.annotate(
            f"steepest: {finding.suggestion:g}",
            (finding.steepest, loss),
            (-10, -4),
            textcoords="offset points",
            color=_GOOD,
            ha="right",
            va="top",
        )
    axis.axvline(finding.tenth_of_lowest, color=_INK, linewidth=1, linestyle=":", label="a tenth of the lowest")
    if finding.diverged_at is not None:
        axis.axvline(finding.diverged_at, color=_BAD, linewidth=1, label="the loss explodes")
    axis.set_ylim(*_loss_range(finding))
    axis.set_xlabel("learning rate")
    axis.set_ylabel("loss")
    axis.set_title("Learning rate range test", loc="left")
    axis.legend(frameon=False, loc="lower left", fontsize=9)
    _save(figure, path)


def plot_sizes(finding: SizeFinding, path: str | Path) -> None:
    """Draw speed and memory over the batch size, with the suggestion and the limit.

    Args:
        finding: What `find_batch_size` returned.
        path: Where to, a PNG file.

    Raises:
        ArtifactError: If it cannot be written.
    """
    figure, axes = _figure(2)
    timed = [(t.size, t.cases_per_second) for t in finding.trials if t.cases_per_second]
    axes[0].plot(*zip(*timed, strict=True), "o-", color=_ACCENT, linewidth=2)
    axes[0].set_ylabel("cases per second")
    axes[0].set_ylim(0, 1.15 * max(speed or 0.0 for _, speed in timed))
    if finding.fastest:
        axes[0].axvline(finding.fastest, color=_GOOD, linewidth=1, linestyle="--", label=f"fastest: {finding.fastest}")
        axes[0].legend(frameon=False, loc="lower right", fontsize=9)
    known = [t for t in finding.trials if t.peak_bytes is not None]
    measured = [(t.size, (t.peak_bytes or 0) / 1e9) for t in known if not t.is_forecast]
    forecast = [(t.size, (t.peak_bytes or 0) / 1e9) for t in known if t.is_forecast]
    axes[1].plot(*zip(*measured, strict=True), "o-", color=_ACCENT, linewidth=2, label="measured")
    if forecast:
        axes[1].plot(*zip(*[measured[-1], *forecast], strict=True), "o:", color=_INK, label="computed", mfc="white")
    _mark_limit(axes[1], finding)
    axes[1].set_ylabel("memory at its highest, GB")
    axes[1].set_ylim(0, 1.25 * axes[1].get_ylim()[1])
    axes[1].legend(frameon=False, loc="upper left", fontsize=9)
    for axis in axes:
        _size_axis(axis, [trial.size for trial in finding.trials])
    axes[0].set_title(f"Batch size on {finding.device}", loc="left")
    _save(figure, path)


def _mark_limit(axis: Any, finding: SizeFinding) -> None:
    """Draw the limit where it is in sight; else the memory would be a line at the bottom."""
    highest = max((trial.peak_bytes or 0 for trial in finding.trials), default=0)
    if finding.limit_bytes is None:
        return
    limit = finding.limit_bytes / 1e9
    if finding.limit_bytes < 5 * highest:
        axis.axhline(limit, color=_BAD, linewidth=1, label=f"there is: {limit:.3g} GB")
    else:
        axis.plot([], [], color=_BAD, linewidth=1, label=f"there is: {limit:.3g} GB (beyond this picture)")


def _size_axis(axis: Any, sizes: list[int]) -> None:
    from matplotlib.ticker import NullLocator

    axis.set_xscale("log", base=2)
    shown = [size for i, size in enumerate(sizes) if i == len(sizes) - 1 or sizes[i + 1] >= 1.4 * size]
    axis.set_xticks(shown, [str(size) for size in shown])
    axis.xaxis.set_minor_locator(NullLocator())
    axis.set_xlabel("batch size")


def _loss_range(finding: RateFinding) -> tuple[float, float]:
    """Return the range of losses to show: what explodes at the end must not flatten the rest."""
    low, first = min(finding.smoothed), finding.smoothed[0]
    height = max(first, *finding.smoothed[: max(1, finding.smoothed.index(low) + 1)]) - low
    margin = 0.5 * (height or abs(first) or 1.0)
    return low - 0.5 * margin, low + height + margin


def _figure(n_axes: int) -> tuple[Any, list[Any]]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0 * (1 if n_axes == 1 else 1.5), 4.2), dpi=130, layout="constrained")
    FigureCanvasAgg(figure)
    axes = [figure.add_subplot(1, n_axes, number + 1) for number in range(n_axes)]
    for axis in axes:
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(color="#e6eaed", linewidth=0.8)
        axis.set_axisbelow(True)
    return figure, axes


def _save(figure: Any, path: str | Path) -> None:
    with atomic_write(path) as file:
        figure.savefig(file, format="png")
