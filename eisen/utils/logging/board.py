"""Writing arrays to TensorBoard: numbers, histograms, pictures and films."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eisen._core.types import Array
from eisen.utils.logging.comparison import Comparison
from eisen.utils.logging.confusion import confusion_matrix, plot_confusion_matrix
from eisen.utils.logging.overlays import overlay
from eisen.utils.logging.pictures import film, gif, pictures

__all__ = ["Board"]

_MAX_VALUES = 100_000
"""Values that a histogram is made of at most; taken evenly from all."""

_MAX_CASES = 8
"""Pictures of a batch that are shown at most."""


class Board:
    """One step on a TensorBoard.

    Args:
        writer: A `SummaryWriter`.
        step: Number of the epoch.
        show_all_axes: Show volumes along all three axes instead of the first.
    """

    def __init__(self, writer: Any, step: int, show_all_axes: bool = False) -> None:
        self.writer = writer
        self.step = step
        self.axes = (1, 2, 3) if show_all_axes else (1,)

    def measure(self, tag: str, values: Array, names: Sequence[str] | None = None) -> None:
        """Write a loss or metric, values by batch: mean, deviation and histogram; a matrix per batch as a picture.

        Args:
            tag: Where it is shown.
            values: Batches first.
            names: Names of the classes of a matrix; numbers if None.
        """
        if values.ndim == 3 and values.shape[1] == values.shape[2]:
            matrix = values.sum(axis=0)
            self.matrix(f"{tag}/confusion_matrix", matrix, names or range(len(matrix)))
        else:
            self.distribution(tag, tag, values)

    def field(self, tag: str, values: Array) -> None:
        """Write an input or output in the form that its axes ask for."""
        if values.dtype.kind not in "biuf" or not values.size:
            return
        if values.ndim == 0:
            self.writer.add_scalar(tag, float(values), self.step)
        elif values.ndim == 1:
            self.distribution(tag, tag, values)
        elif values.ndim == 2:
            self.writer.add_image(tag, pictures(values[None, None])[0], self.step)
            self.histogram(f"{tag}/distribution", values.argmax(axis=1) if values.shape[1] > 1 else values)
        elif values.ndim in (4, 5):
            self.distribution(tag, f"{tag}/histogram", values)
            self.images(tag, values)

    def images(self, tag: str, values: Array) -> None:
        """Write images as pictures, volumes as films along their axes."""
        if values.ndim == 4:
            self.writer.add_images(tag, pictures(values[:_MAX_CASES]), self.step)
            return
        for axis in self.axes:
            self.film(f"{tag}_axis_{axis}", values, axis)

    def film(self, tag: str, volumes: Array, axis: int) -> None:
        """Write volumes as an animated GIF, ten slices a second."""
        from tensorboard.compat.proto.summary_pb2 import Summary

        frames = film(volumes, axis)
        _, height, width, n_channels = frames.shape
        encoded = gif(frames)
        image = Summary.Image(height=height, width=width, colorspace=n_channels, encoded_image_string=encoded)
        self.writer._get_file_writer().add_summary(Summary(value=[Summary.Value(tag=tag, image=image)]), self.step)

    def overlays(self, tag: str, images: Array, labels: Array) -> None:
        """Write images with the outlines of their labels; volumes cut where the label is largest."""
        images, labels = images[:_MAX_CASES], labels[:_MAX_CASES]
        for axis in self.axes if images.ndim == 5 else (0,):
            name = f"{tag}_axis_{axis}" if axis else tag
            self.writer.add_images(name, overlay(images, labels, axis), self.step)

    def distribution(self, tag: str, histogram_tag: str, values: Array) -> None:
        """Write mean, standard deviation and histogram."""
        numbers = np.asarray(values, dtype=np.float32 if values.size > _MAX_VALUES else np.float64)
        with np.errstate(invalid="ignore"):  # infinite values have no deviation
            mean, deviation = float(numbers.mean(dtype=np.float64)), float(numbers.std(dtype=np.float64))
        self.writer.add_scalar(f"{tag}/mean", mean, self.step)
        self.writer.add_scalar(f"{tag}/std", deviation, self.step)
        self.histogram(histogram_tag, numbers)

    def histogram(self, tag: str, values: Array) -> None:
        """Write a histogram of what is finite."""
        flat = np.ravel(values)
        numbers = flat[:: max(1, -(-flat.size // _MAX_VALUES))].astype(np.float64)
        finite = numbers[np.isfinite(numbers)]
        if finite.size:
            self.writer.add_histogram(tag, finite, self.step)

    def comparison(self, tag: str, pairs: Comparison) -> None:
        """Write the confusion matrix, and a precision-recall curve for each class that has scores."""
        matrix, classes = confusion_matrix(pairs.truth, pairs.predicted)
        self.matrix(f"{tag}/confusion_matrix", matrix, classes)
        binary = len(pairs.scores) <= 2
        for number, scores in pairs.scores.items():
            if binary and (number == 0 or pairs.truth.max() > 1):
                continue
            name = f"{tag}/pr_curve" if binary else f"{tag}/pr_curve/{number}"
            self.writer.add_pr_curve(name, (pairs.truth == number).astype(np.int64), scores, self.step)

    def matrix(self, tag: str, matrix: Array, classes: Sequence[Any]) -> None:
        """Write a confusion matrix as a picture."""
        picture = plot_confusion_matrix(matrix, classes)
        self.writer.add_image(tag, picture, self.step, dataformats="HWC")
