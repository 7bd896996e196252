"""Metrics of how well scores separate classes, whatever the border."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from eisen._core.errors import ArgumentError, ShapeError
from eisen.ops.layers.activation import Activation, output_activation
from eisen.ops.metrics.counting import checked_n_classes, names_of_classes
from eisen.ops.targets import label_map, spread

__all__ = ["AUROC"]


class AUROC(nn.Module):
    """Area under the ROC curve: the probability that a positive case gets a higher score than a negative one.

    Each class against all others, over all cases of an epoch together. NaN where only one side is present.

    Args:
        n_classes: Number of classes; 2 also for a single channel.
        include_background: Whether class 0 gets a value too. For two classes it has the same value as class 1.
        names: Names of the classes, with or without class 0, or ``{1: "tumour", ...}``; numbers if None.
        activation: What turns predictions into probabilities: ``sigmoid``, ``softmax``, or ``none`` if they are.
        thresholds: None keeps all scores and is exact: for classification. A number cuts the scores at so many
            borders and keeps only counts: for voxels.

    Attributes:
        class_names: Name of each value of the result.

    Source:
        Fawcett 2006, An introduction to ROC analysis, Pattern Recognition Letters 27(8). Computed by torchmetrics.

    Example:
        >>> metric = AUROC(n_classes=2)
        >>> scores = torch.tensor([[0.1], [0.4], [0.35], [0.8]])
        >>> metric(predictions=scores, labels=torch.tensor([0, 0, 1, 1]))
        tensor([0.7500])
    """

    class_names: list[str]

    def __init__(
        self,
        n_classes: int = 2,
        include_background: bool = False,
        names: Sequence[str] | Mapping[int, str] | None = None,
        activation: Activation = "none",
        thresholds: int | None = None,
    ) -> None:
        super().__init__()
        self.n_classes = checked_n_classes(n_classes, "AUROC")
        if thresholds is not None and thresholds < 2:
            raise ArgumentError(f"AUROC: thresholds is {thresholds!r}", expected="None, or a number from 2")
        self.include_background = include_background
        self.class_names = names_of_classes(names, n_classes, include_background, "AUROC")
        self.activation = output_activation(activation)
        self.thresholds = thresholds
        first = 0 if include_background else 1
        self.curves = nn.ModuleList([_curve(thresholds) for _ in range(first, n_classes)])

    def forward(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Add a batch, and return the areas for this batch alone, one per class.

        Args:
            predictions: Scores, (N, n_classes, ...), or (N, 1, ...) for two classes.
            labels: Classes (N,), (N, 1), (N, ...) or (N, 1, ...), or one-hot like the predictions.

        Raises:
            ShapeError: If the channels do not fit `n_classes`.
        """
        scores, wanted = self._pairs(predictions.detach(), labels)
        areas = []
        for curve, score, target in zip(self._curves(), scores, wanted, strict=True):
            curve.update(score, target)
            alone = _curve(self.thresholds, sync_on_compute=False)  # other processes have other batches
            areas.append(_area(alone.to(score.device), score, target))
        return torch.stack(areas)

    def compute(self) -> Tensor:
        """Return the areas over all batches since `reset`, those of all processes included; one per class."""
        return torch.stack([_defined(curve) for curve in self._curves()])

    def reset(self) -> None:
        """Forget all batches."""
        for curve in self._curves():
            curve.reset()

    def _curves(self) -> list[Any]:
        return list(self.curves)

    def _pairs(self, predictions: Tensor, labels: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """Return scores and references of each class that counts, flat."""
        n_channels = predictions.shape[1] if predictions.ndim > 1 else 0
        if n_channels not in (self.n_classes, 1) or (n_channels == 1 and self.n_classes != 2):
            raise ShapeError(
                f"AUROC for {self.n_classes} classes got predictions of shape {tuple(predictions.shape)}",
                expected=f"(N, {self.n_classes}, ...)" + (" or (N, 1, ...)" if self.n_classes == 2 else ""),
                to_do="set n_classes to the number of classes of the model",
            )
        wanted = spread(label_map(labels, predictions, self.n_classes), self.n_classes)
        scores = self.activation(predictions.float())
        if n_channels == 1:
            scores = torch.cat([1 - scores, scores], 1)
        first = self.n_classes - len(self.curves)
        flat = [values.transpose(0, 1).flatten(1)[first:].unbind(0) for values in (scores, wanted.long())]
        return list(flat[0]), list(flat[1])


def _curve(thresholds: int | None, **options: Any) -> Any:
    from torchmetrics.classification import BinaryROC

    return BinaryROC(thresholds=thresholds, **options)


def _area(curve: Any, scores: Tensor, target: Tensor) -> Tensor:
    curve.update(scores, target)
    return _defined(curve)


def _defined(curve: Any) -> Tensor:
    """Return the area under a curve; NaN where there are only positives or only negatives, or nothing yet."""
    if not curve.update_called:
        return torch.tensor(torch.nan)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torchmetrics warns of one-sided samples, and of no samples
        x, y, _ = curve.compute()
    area = torch.trapezoid(y.double(), x.double()).abs()
    complete = (x.max() > 0) & (y.max() > 0)
    return torch.where(complete, area, torch.nan).float()
