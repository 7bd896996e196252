"""The losses of the batches of a whole training, in a few hundred points."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from eisen.experiments.progress.values import Losses, detached, read

__all__ = ["Curve"]

_MOST = 500


class Curve:
    """Keeps the losses of every so-manieth batch; whenever there are too many points, every other one goes.

    So the points are evenly spaced over the whole training, however long it gets, and reading them costs less and less.

    Args:
        most: How many points there may be.

    Attributes:
        stride: Batches from one point to the next: those whose number it divides are points.

    Example:
        >>> curve = Curve(most=4)
        >>> for step in range(8):
        ...     if step % curve.stride == 0:
        ...         curve.add(step, [{"loss": 1.0 / (step + 1)}])
        >>> curve.plain()
        {'step': [0, 2, 4, 6], 'losses': {'loss': [1.0, 0.333333, 0.2, 0.142857]}, 'stride': 2}
    """

    def __init__(self, most: int = _MOST) -> None:
        self.stride = 1
        self._most = most
        self._points: list[tuple[int, Losses]] = []
        self._n_read = 0

    def add(self, step: int, losses: Iterable[Mapping[str, Any]]) -> None:
        """Add a point; nothing is read yet.

        Args:
            step: Number of the batch, counted from the beginning of the training.
            losses: One mapping (name to tensor) per loss.
        """
        if not self._points or step > self._points[-1][0]:
            self._points.append((step, detached(losses)))
            self._thin()

    def read(self) -> None:
        """Turn what was added since the last time into numbers."""
        numbers = read([losses for _, losses in self._points[self._n_read :]])
        steps = [step for step, _ in self._points[self._n_read :]]
        rounded = [{name: float(f"{value:.6g}") for name, value in losses.items()} for losses in numbers]
        self._points[self._n_read :] = list(zip(steps, rounded, strict=True))
        self._n_read = len(self._points)

    def plain(self) -> dict[str, Any]:
        """Return steps, and for each loss one value per step (None where it has none), for a file."""
        self.read()
        names = dict.fromkeys(name for _, losses in self._points for name in losses)
        values = {name: [losses.get(name) for _, losses in self._points] for name in names}
        return {"step": [step for step, _ in self._points], "losses": values, "stride": self.stride}

    def restore(self, saved: Any, before: int | None = None) -> None:
        """Take up what `plain` gave; nothing if it is not of that form.

        Args:
            saved: From a file.
            before: Only points of batches before this one; None: all.
        """
        try:
            steps = [int(step) for step in saved["step"]]
            columns = {str(name): list(values) for name, values in saved["losses"].items()}
            points = [
                (step, {name: float(values[i]) for name, values in columns.items() if values[i] is not None})
                for i, step in enumerate(steps)
                if before is None or step < before
            ]
            stride = max(1, int(saved.get("stride", 1)))
        except (AttributeError, IndexError, KeyError, TypeError, ValueError):
            return
        self._points, self._n_read, self.stride = sorted(points, key=lambda point: point[0]), 0, stride
        self._thin()

    def _thin(self) -> None:
        while len(self._points) > self._most:
            self.stride *= 2
            kept = [point for point in self._points if point[0] % self.stride == 0]
            n_unread = sum(point[0] % self.stride == 0 for point in self._points[self._n_read :])
            self._points, self._n_read = kept, len(kept) - n_unread
