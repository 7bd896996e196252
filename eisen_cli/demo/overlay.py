"""The overlay picture: image, reference and prediction of one case in three planes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from eisen_cli.demo.slices import PLANES, Plane, Volume, dice_per_class, informative_slices, read_canonical

__all__ = ["draw_overlay"]

_BACKGROUND, _INK, _FAINT = "#0e1116", "#e6e9ee", "#7d8590"
_COLOURS = ("#4cc9f0", "#ffb454", "#8bd17c", "#f28b9b", "#c39bff", "#f2e863", "#5fd3bc", "#d9a066")
_WIDTH_INCHES = 9.6
_COLUMNS = ("image", "reference", "prediction")


def draw_overlay(
    image: str | Path,
    reference: str | Path,
    prediction: str | Path,
    names: Mapping[int, str],
    output: str | Path,
    title: str = "",
) -> float:
    """Draw one case: image, reference and prediction side by side, in axial, coronal and sagittal planes.

    Distances are true in all planes, whatever the voxel spacing. Patient right is on the left, as on a light box.

    Args:
        image: NIfTI file of the scan.
        reference: NIfTI file of its label map.
        prediction: NIfTI file of the predicted label map, on the same grid.
        names: Names of the label values.
        output: PNG file to write.
        title: Name of the case.

    Returns:
        Mean Dice over the classes of the reference.
    """
    scan, truth, found = (read_canonical(path) for path in (image, reference, prediction))
    scores = dice_per_class(truth.values, found.values)
    mean = float(np.mean(list(scores.values()))) if scores else float("nan")
    figure, axes = _canvas(scan)
    window = tuple(np.percentile(scan.values, [1, 99.7]))
    for row, (plane, index) in enumerate(zip(PLANES, _slices(truth), strict=True)):
        for column, labels in enumerate((None, truth, found)):
            axis = axes[row][column]
            _draw_slice(axis, scan, plane, index, window)
            if labels is not None:
                _draw_labels(axis, labels, plane, index, [*names])
        _label_row(axes[row], plane)
    _label_figure(figure, axes, names, scores, f"{title}   Dice {mean:.3f}".strip())
    _save(figure, output)
    return mean


def _slices(truth: Volume) -> list[int]:
    """Return the slice to show in each of the planes, in their order."""
    best = informative_slices(truth.values)
    return [best[plane.axis] for plane in PLANES]


def _canvas(scan: Volume) -> tuple[Any, Any]:
    """Return a dark figure with 3 x 3 axes whose rows are as high as the planes are in millimetres."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    heights = [scan.extent_mm(plane.up) for plane in PLANES]
    width = max(scan.extent_mm(plane.across) for plane in PLANES)
    cell = _WIDTH_INCHES / 3
    inches = sum(heights) / width * cell * 0.94  # what the margins leave of the width
    figure = Figure(figsize=(_WIDTH_INCHES, inches + 1.05), dpi=130, facecolor=_BACKGROUND)
    FigureCanvasAgg(figure)
    total = inches + 1.05
    axes = figure.subplots(
        3,
        3,
        gridspec_kw={
            "height_ratios": heights,
            "hspace": 0.03,
            "wspace": 0.02,
            "left": 0.035,
            "right": 0.99,
            "top": 1 - 0.62 / total,
            "bottom": 0.42 / total,
        },
    )
    return figure, axes


def _draw_slice(axis: Any, scan: Volume, plane: Plane, index: int, window: tuple[float, ...]) -> None:
    picture = plane.cut(scan.values, index)
    axis.imshow(
        picture,
        cmap="gray",
        vmin=window[0],
        vmax=window[1],
        interpolation="bicubic",
        extent=_extent(scan, plane),
        aspect="equal",
    )
    axis.set_facecolor("black")
    axis.set_xticks([])
    axis.set_yticks([])
    for spine in axis.spines.values():
        spine.set_visible(False)


def _extent(volume: Volume, plane: Plane) -> tuple[float, float, float, float]:
    """Return the edges of a slice in millimetres: left, right, bottom, top."""
    return 0.0, volume.extent_mm(plane.across), 0.0, volume.extent_mm(plane.up)


def _draw_labels(axis: Any, labels: Volume, plane: Plane, index: int, values: list[int]) -> None:
    """Fill every organ thinly and draw its outline."""
    from matplotlib.colors import to_rgba

    picture = plane.cut(labels.values, index)
    extent = _extent(labels, plane)
    for value in values:
        mask = picture == value
        if not mask.any():
            continue
        colour = _colour(values, value)
        fill = np.zeros((*mask.shape, 4))
        fill[mask] = to_rgba(colour, 0.28)
        axis.imshow(fill, interpolation="nearest", extent=extent, aspect="equal")
        padded = np.pad(mask.astype(float), 1)
        step = (extent[1] / mask.shape[1], extent[3] / mask.shape[0])
        across = (np.arange(padded.shape[1]) - 0.5) * step[0]
        up = extent[3] - (np.arange(padded.shape[0]) - 0.5) * step[1]
        axis.contour(across, up, padded, levels=[0.5], colors=[colour], linewidths=1.3)
    axis.set_xlim(extent[0], extent[1])
    axis.set_ylim(extent[2], extent[3])


def _colour(values: list[int], value: int) -> str:
    return _COLOURS[sorted(values).index(value) % len(_COLOURS)]


def _label_row(axes: Any, plane: Plane) -> None:
    """Name the plane at the left and mark the directions in the first picture."""
    from matplotlib.patheffects import withStroke

    axes[0].set_ylabel(plane.name, color=_FAINT, fontsize=10, labelpad=4)
    left, top = plane.letters
    edge = [withStroke(linewidth=2.5, foreground="black")]
    style = {"color": _INK, "fontsize": 9, "transform": axes[0].transAxes, "path_effects": edge}
    axes[0].text(0.02, 0.5, left, va="center", ha="left", **style)
    axes[0].text(0.5, 0.98, top, va="top", ha="center", **style)


def _label_figure(figure: Any, axes: Any, names: Mapping[int, str], scores: Mapping[int, float], title: str) -> None:
    from matplotlib.patches import Patch

    for axis, name in zip(axes[0], _COLUMNS, strict=True):
        axis.set_title(name, color=_INK, fontsize=11, pad=6)
    figure.text(0.035, 1 - 0.12 / figure.get_figheight(), title, color=_INK, fontsize=13, va="top", weight="bold")
    values = [value for value in names if value in scores]
    patches = [
        Patch(facecolor=_colour([*names], value), label=f"{names[value]}  {scores[value]:.2f}") for value in values
    ]
    figure.legend(
        handles=patches,
        loc="lower center",
        ncols=max(len(patches), 1),
        frameon=False,
        labelcolor=_INK,
        fontsize=10,
        handlelength=1.0,
        handleheight=1.0,
        columnspacing=2.2,
    )


def _save(figure: Any, output: str | Path) -> None:
    from eisen._core.atomic import atomic_write

    with atomic_write(Path(output)) as file:
        figure.savefig(file, format="png", facecolor=_BACKGROUND)
