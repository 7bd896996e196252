"""MONAI's metrics, which gather the values of all cases in buffers of their own, as metrics of a workflow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

from eisen._core.errors import ArgumentError, nearest
from eisen._core.optional import require
from eisen.ops.targets import label_map, largest_channel

__all__ = ["MONAIMetric"]


class MONAIMetric(nn.Module):
    """Measure with one of MONAI's metrics, e.g. the Hausdorff distance; one value of the whole epoch.

    MONAI wants predictions and reference as one channel of zeros and ones per class; this brings both into that form.
    At the end of an epoch the values of all cases, and of all processes, are reduced as the metric's own ``reduction``
    says: ``"mean"`` gives one value, ``"mean_batch"`` one per class.

    Args:
        metric: Name of a class of ``monai.metrics``, e.g. "HausdorffDistanceMetric", or an object of one.
        n_classes: Number of classes, background included.
        options: Keywords for the class, e.g. ``{"percentile": 95, "include_background": false}``.

    Raises:
        ArgumentError: If MONAI has no such metric, or does not take the options.
        MissingExtraError: If MONAI is not installed.

    Source:
        Cardoso et al. 2022, MONAI, arXiv:2211.02701.

    Example:
        >>> dice = MONAIMetric("DiceMetric", n_classes=2, options={"include_background": False})
        >>> logits = torch.tensor([[[[2.0, -1.0]], [[0.0, 1.0]]]])
        >>> dice(logits, torch.tensor([[[[1, 1]]]])).item()
        0.6666666865348816
    """

    def __init__(self, metric: Any, n_classes: int, options: Mapping[str, Any] | None = None) -> None:
        super().__init__()
        if not isinstance(n_classes, int) or n_classes < 2:
            raise ArgumentError(f"MONAIMetric: n_classes is {n_classes!r}", expected="a whole number, 2 or more")
        self.n_classes = n_classes
        self.metric = _made(metric, dict(options or {})) if isinstance(metric, str) else metric
        if not all(callable(getattr(self.metric, name, None)) for name in ("__call__", "aggregate", "reset")):
            raise ArgumentError(
                f"MONAIMetric: {self.metric!r} is no metric that adds up", expected="e.g. 'DiceMetric' of monai.metrics"
            )

    def forward(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Add a batch, and return the mean over its cases and classes; NaN counts as no value.

        Args:
            predictions: Probabilities or logits, (N, C, ...).
            labels: Classes (N, 1, ...) or (N, ...), or one-hot like the predictions.
        """
        reference = label_map(labels, predictions, self.n_classes)
        values = self.metric(self._channels(largest_channel(predictions)), self._channels(reference))
        return torch.as_tensor(values[0] if isinstance(values, (list, tuple)) else values).float().nanmean()

    def compute(self) -> Tensor:
        """Return the metric of all cases since `reset`, those of all processes included."""
        value = self.metric.aggregate()
        return torch.as_tensor(value[0] if isinstance(value, (list, tuple)) else value)

    def reset(self) -> None:
        """Forget all cases."""
        self.metric.reset()

    def _channels(self, classes: Tensor) -> Tensor:
        return nn.functional.one_hot(classes, self.n_classes).movedim(-1, 1).float()


def _made(name: str, options: dict[str, Any]) -> Any:
    monai = require("monai.metrics", "interop", "MONAIMetric")
    choices = [each for each in dir(monai) if each.endswith("Metric") and each[0].isupper()]
    if name not in choices:
        raise ArgumentError(
            f"MONAIMetric: MONAI has no metric '{name}'",
            expected=f"one of {', '.join(choices)}",
            to_do=nearest(name, choices),
        )
    try:
        return getattr(monai, name)(**options)
    except (TypeError, ValueError) as error:
        raise ArgumentError(
            f"MONAIMetric: {name} does not take {options}: {error}", expected="keywords of that class"
        ) from error
