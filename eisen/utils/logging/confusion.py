"""Confusion matrices: which class was taken for which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from eisen._core.types import Array

__all__ = ["confusion_matrix", "plot_confusion_matrix"]


def confusion_matrix(truth: Any, predicted: Any) -> tuple[npt.NDArray[np.int64], list[int]]:
    """Count for every true class (rows) how often every class (columns) was predicted.

    Args:
        truth: Class numbers, shape (cases,).
        predicted: Class numbers, shape (cases,).

    Returns:
        The counts, and the classes that occur in either, in ascending order.

    Example:
        >>> confusion_matrix([0, 0, 2], [0, 2, 2])
        (array([[1, 1],
               [0, 1]]), [0, 2])
    """
    classes = np.union1d(truth, predicted)
    counts = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(counts, (np.searchsorted(classes, truth), np.searchsorted(classes, predicted)), 1)
    return counts, [int(number) for number in classes]


def plot_confusion_matrix(
    cm: Array, classes: Sequence[Any], normalize: bool = False, title: str = "Confusion matrix", cmap: Any = "Blues"
) -> npt.NDArray[np.uint8]:
    """Draw a confusion matrix.

    Args:
        cm: Counts, shape (classes, classes); rows are the true classes.
        classes: Names of the classes.
        normalize: Show fractions of each row instead of counts.
        title: Text above the matrix.
        cmap: A colour map of matplotlib.

    Returns:
        The picture, shape (height, width, 4), red green blue alpha.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    counts = np.asarray(cm, dtype=np.float64)
    shown = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1) if normalize else counts
    margin = 0.6 + 0.085 * max((len(str(name)) for name in classes), default=0)  # inches; names are drawn in 10 points
    side = 4.2 + margin
    figure = Figure(figsize=(side, side))
    # margins by hand: a layout engine takes longer than the drawing
    figure.subplots_adjust(left=margin / side, right=0.97, bottom=margin / side, top=1 - 0.4 / side)
    canvas: Any = FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.imshow(shown, cmap=cmap)
    axes.set_title(title)
    axes.set_xticks(range(len(classes)), [str(name) for name in classes], rotation=90)
    axes.set_yticks(range(len(classes)), [str(name) for name in classes])
    axes.set_xlabel("Predicted class")
    axes.set_ylabel("True class")
    for (row, column), value in np.ndenumerate(shown):
        colour = "white" if value > shown.max() / 2 else "black"
        text = f"{value:.2f}" if normalize else f"{value:.0f}"
        axes.text(column, row, text, ha="center", va="center", color=colour)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba(), dtype=np.uint8).copy()
