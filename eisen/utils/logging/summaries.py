"""Curves, histograms, pictures and films of every epoch in TensorBoard."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import UUID

from eisen._core.atomic import artifact_error
from eisen._core.errors import ArgumentError
from eisen._core.types import Array
from eisen.utils.artifacts.best import existing_folder
from eisen.utils.events import EpochEnd, Message
from eisen.utils.hub import attach
from eisen.utils.logging.board import Board
from eisen.utils.logging.comparison import compare
from eisen.utils.logging.confusion import plot_confusion_matrix

__all__ = ["TensorboardSummaryHook", "plot_confusion_matrix"]

_log = logging.getLogger(__name__)


class TensorboardSummaryHook:
    """Write losses, metrics, inputs and outputs of every epoch to ``<artifacts_dir>/summaries/<phase>``.

    Numbers become curves and histograms; images (cases, channels, height, width) become pictures, volumes animated
    films through their slices. Inputs and outputs are those of the last batch. Histograms of large arrays are made of
    100 000 of their values. What cannot be shown is left out with a warning: a summary never stops a run.

    Attributes:
        writer: The `SummaryWriter`, opened when first used.

    Args:
        workflow_id: The `id` of the workflow to watch.
        phase: Name of the folder, e.g. ``"Training"``.
        artifacts_dir: Folder for results; it must exist.
        comparison_pairs: Pairs ``[input, output]`` to compare in a confusion matrix and precision-recall curves:
            classes with classes, probabilities or logits, per case or per voxel.
        show_all_axes: Show volumes along all three axes instead of the first.
        overlays: Pairs ``[image, label]`` of inputs or outputs: pictures of the image with the outlines of the label,
            e.g. ``[["image", "label"], ["image", "logits"]]``.
        images_every: Pictures and films in every so many epochs, numbers in all.

    Raises:
        ArgumentError: If the folder is not there (also a `ValueError`), or an argument is not as described.
    """

    def __init__(
        self,
        workflow_id: UUID,
        phase: str,
        artifacts_dir: str | Path,
        comparison_pairs: Sequence[Sequence[str]] | None = None,
        show_all_axes: bool = False,
        *,
        overlays: Sequence[Sequence[str]] | None = None,
        images_every: int = 1,
    ) -> None:
        self.folder = existing_folder(artifacts_dir) / "summaries" / phase
        self.comparison_pairs = [_pair(pair, "comparison_pairs") for pair in comparison_pairs or []]
        self.overlays = [_pair(pair, "overlays") for pair in overlays or []]
        self.show_all_axes = show_all_axes
        if not isinstance(images_every, int) or images_every < 1:
            raise ArgumentError(f"images_every is {images_every!r}", expected="a whole number from 1")
        self.images_every = images_every
        self._complained: set[str] = set()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise artifact_error(error, self.folder) from error
        attach(workflow_id, self)

    @cached_property
    def writer(self) -> Any:
        """The `SummaryWriter`; loading TensorBoard takes a second, so it waits until it is needed."""
        from torch.utils.tensorboard import SummaryWriter

        return SummaryWriter(str(self.folder))

    def on_epoch_end(self, event: EpochEnd) -> None:
        """Write the summaries of an epoch."""
        message = event.message
        with self._guarded("TensorBoard"):
            board = Board(self.writer, event.epoch, self.show_all_axes)
            self._write_measures(board, message, event.workflow)
            if event.epoch % self.images_every == 0:
                self._write_fields(board, message)
            self.writer.flush()

    def _write_measures(self, board: Board, message: Message, workflow: Any) -> None:
        for kind in ("losses", "metrics"):
            modules = getattr(workflow, kind, ())
            for position, row in enumerate(message[kind]):
                module = getattr(modules[position], "module", None) if position < len(modules) else None
                for name, values in row.items():
                    with self._guarded(f"{kind}/{name}"):
                        board.measure(f"{kind}/{name}", values, getattr(module, "axis_names", None))

    def _write_fields(self, board: Board, message: Message) -> None:
        for kind in ("inputs", "outputs"):
            for name, values in message[kind].items():
                with self._guarded(f"{kind}/{name}"):
                    board.field(f"{kind}/{name}", values)
        for given, found in self.comparison_pairs:
            with self._guarded(f"{given}_Vs_{found}"):
                self._compare(board, given, found, message)
        for image, label in self.overlays:
            with self._guarded(f"overlays/{image}_{label}"):
                board.overlays(f"overlays/{image}_{label}", _field(image, message), _field(label, message))

    def _compare(self, board: Board, given: str, found: str, message: Message) -> None:
        pairs = compare(message["inputs"][given], message["outputs"][found])
        if isinstance(pairs, str):
            raise ValueError(pairs)  # noqa: TRY004  # the guard makes a warning of it
        board.comparison(f"{given}_Vs_{found}", pairs)

    @contextmanager
    def _guarded(self, tag: str) -> Iterator[None]:
        """Turn whatever goes wrong into one warning per tag."""
        try:
            yield
        except OSError as error:
            if tag != "TensorBoard":
                raise
            self._complain("disk", str(artifact_error(error, self.folder)))
        except Exception as error:
            what = f"there is no field {error}" if isinstance(error, KeyError) else str(error) or type(error).__name__
            self._complain(tag, f"{tag} is not shown in TensorBoard: {what}")

    def _complain(self, tag: str, what: str) -> None:
        if tag not in self._complained:
            self._complained.add(tag)
            _log.warning("%s", what)


def _field(name: str, message: Message) -> Array:
    """Return an output of the model, or an input if there is no output of that name."""
    values: Array = message["outputs"][name] if name in message["outputs"] else message["inputs"][name]
    return values


def _pair(pair: Sequence[str], argument: str) -> tuple[str, str]:
    if isinstance(pair, str) or len(pair) != 2:
        expected = "pairs of names, e.g. [['label', 'prediction']]"
        raise ArgumentError(f"{argument} holds {pair!r}", expected=expected)
    return pair[0], pair[1]
