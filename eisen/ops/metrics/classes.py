"""Streaming metrics of classes: of voxels in segmentation, of cases in classification."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from eisen._core.errors import ShapeError
from eisen.ops.layers.activation import Activation, output_activation
from eisen.ops.metrics.counting import (
    checked_n_classes,
    chosen_classes,
    confusion,
    names_of_classes,
    positive_border,
)
from eisen.ops.metrics.streaming import StreamingMetric
from eisen.ops.targets import label_map, one_hot

__all__ = [
    "Accuracy",
    "ClassMetric",
    "ConfusionMatrix",
    "DiceScore",
    "F1Score",
    "IoU",
    "PositivePredictiveValue",
    "Sensitivity",
    "Specificity",
]


class ConfusionMatrix(StreamingMetric):
    """How often each class was taken for each: rows are the reference, columns the prediction.

    TensorBoard shows it as a picture; tables and the choice of the best model leave it out.

    Args:
        n_classes: Number of classes, the background included.
        names: Names of all classes, or ``{1: "anterior", ...}``; numbers if None.
        activation: ``sigmoid`` if the network gives the logits of a single channel; otherwise no difference.

    Example:
        >>> metric = ConfusionMatrix(n_classes=2)
        >>> metric(predictions=torch.tensor([[0.9, 0.1], [0.2, 0.8]]), labels=torch.tensor([0, 0]))
        tensor([[1, 1],
                [0, 0]])
    """

    def __init__(
        self,
        n_classes: int = 2,
        names: Sequence[str] | Mapping[int, str] | None = None,
        activation: Activation = "none",
    ) -> None:
        self.n_classes = checked_n_classes(n_classes, type(self).__name__)
        super().__init__((n_classes, n_classes))
        output_activation(activation)  # says what is wrong with an unknown name
        self.activation = activation
        self.axis_names = names_of_classes(names, n_classes, True, type(self).__name__)

    def count(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Return the matrix of a batch."""
        found = chosen_classes(predictions, self.n_classes, self.activation, type(self).__name__)
        return confusion(found, label_map(labels, predictions, self.n_classes), self.n_classes)

    def value(self, counts: Tensor) -> Tensor:
        """Return the counts themselves, (n_classes, n_classes)."""
        return counts


class Accuracy(ConfusionMatrix):
    """Share of voxels, or of cases, that got their class.

    Args:
        n_classes: Number of classes, the background included.
        names: Not used by the value; for those who read the counts.
        activation: ``sigmoid`` if the network gives the logits of a single channel; otherwise no difference.

    Example:
        >>> metric = Accuracy(n_classes=2)
        >>> _ = metric(predictions=torch.tensor([[0.9, 0.1], [0.2, 0.8]]), labels=torch.tensor([0, 0]))
        >>> _ = metric(predictions=torch.tensor([[0.9, 0.1]]), labels=torch.tensor([0]))
        >>> metric.compute()
        tensor(0.6667)
    """

    def value(self, counts: Tensor) -> Tensor:
        """Return a number from 0 to 1."""
        return counts.diagonal().sum() / counts.sum()


class ClassMetric(StreamingMetric):
    """The frame of metrics of each class against all others, from four counts.

    A child implements `score`.

    Args:
        n_classes: Number of classes, the background included; with `overlapping`, the number of channels.
        include_background: Whether class 0 gets a value too.
        names: Names of the classes, with or without the background, or ``{1: "anterior", ...}``; numbers if None.
        activation: ``sigmoid`` if the network gives logits of a single channel or of overlapping ones.
        overlapping: Whether every channel is a question of its own (several may be true) rather than the largest
            channel winning.

    Attributes:
        class_names: Name of each value of the result.
    """

    class_names: list[str]

    def __init__(
        self,
        n_classes: int = 2,
        include_background: bool = False,
        names: Sequence[str] | Mapping[int, str] | None = None,
        activation: Activation = "none",
        overlapping: bool = False,
    ) -> None:
        owner = type(self).__name__
        super().__init__((checked_n_classes(n_classes, owner), 4))
        output_activation(activation)  # says what is wrong with an unknown name
        self.n_classes = n_classes
        self.include_background = include_background
        self.activation = activation
        self.overlapping = overlapping
        self.class_names = names_of_classes(names, n_classes, include_background, owner)

    @abstractmethod
    def score(self, tp: Tensor, fp: Tensor, fn: Tensor, tn: Tensor) -> Tensor:
        """Return the value of each class, from its true and false positives and negatives (float64)."""

    def count(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Return true positives, false positives, false negatives and true negatives of each class, (n_classes, 4)."""
        if self.overlapping:
            return self._count_channels(predictions, labels)
        found = chosen_classes(predictions, self.n_classes, self.activation, type(self).__name__)
        table = confusion(found, label_map(labels, predictions, self.n_classes), self.n_classes)
        return _four(table.diagonal(), table.sum(0), table.sum(1), table.sum())

    def _count_channels(self, predictions: Tensor, labels: Tensor) -> Tensor:
        if predictions.shape[1] != self.n_classes:
            raise ShapeError(
                f"{type(self).__name__} for {self.n_classes} overlapping classes got predictions of shape "
                f"{tuple(predictions.shape)}",
                expected=f"(N, {self.n_classes}, ...)",
                to_do="set n_classes to the number of channels of the model",
            )
        axes = [axis for axis in range(predictions.ndim) if axis != 1]
        found, wanted = predictions >= positive_border(self.activation), one_hot(labels, predictions) > 0.5
        n = torch.tensor(predictions[:, 0].numel(), device=found.device)
        return _four((found & wanted).sum(axes), found.sum(axes), wanted.sum(axes), n)

    def value(self, counts: Tensor) -> Tensor:
        """Return one value per class that counts."""
        tp, fp, fn, tn = counts.double().unbind(1)
        return self.score(tp, fp, fn, tn).float()[0 if self.include_background else 1 :]


def _four(both: Tensor, found: Tensor, wanted: Tensor, total: Tensor) -> Tensor:
    fp, fn = found - both, wanted - both
    return torch.stack([both, fp, fn, total - both - fp - fn], 1)


class F1Score(ClassMetric):
    """Harmonic mean of sensitivity and positive predictive value, of all cases together: ``2 TP / (2 TP + FP + FN)``.

    NaN for a class that is in neither prediction nor reference. Arguments as in `ClassMetric`.

    Source:
        van Rijsbergen 1979, Information Retrieval, chapter 7.

    Example:
        >>> metric = F1Score(n_classes=2)
        >>> metric(predictions=torch.tensor([[0.9, 0.1], [0.2, 0.8]]), labels=torch.tensor([1, 1]))
        tensor([0.6667])
    """

    def score(self, tp: Tensor, fp: Tensor, fn: Tensor, tn: Tensor) -> Tensor:  # noqa: ARG002
        """Return the score of each class."""
        return 2 * tp / (2 * tp + fp + fn)


class DiceScore(F1Score):
    """Overlap of prediction and reference over the voxels of all cases together; the same number as `F1Score`.

    Steadier than `DicePerClass`, the mean over cases, where a structure is small or often absent; large structures
    weigh more. Arguments as in `ClassMetric`.

    Source:
        Dice 1945, Measures of the amount of ecologic association between species, Ecology 26(3).

    Example:
        >>> metric = DiceScore(n_classes=2)
        >>> label = torch.tensor([[[0, 1, 1, 0]]])
        >>> metric(predictions=torch.tensor([[[0.1, 0.9, 0.2, 0.3]]]), labels=label)
        tensor([0.6667])
    """


class IoU(ClassMetric):
    """Intersection over union (Jaccard index), of all cases together: ``TP / (TP + FP + FN)``.

    NaN for a class that is in neither prediction nor reference. Arguments as in `ClassMetric`.

    Source:
        Jaccard 1912, The distribution of the flora in the alpine zone, New Phytologist 11(2).

    Example:
        >>> metric = IoU(n_classes=2)
        >>> metric(predictions=torch.tensor([[0.9, 0.1], [0.2, 0.8]]), labels=torch.tensor([1, 1]))
        tensor([0.5000])
    """

    def score(self, tp: Tensor, fp: Tensor, fn: Tensor, tn: Tensor) -> Tensor:  # noqa: ARG002
        """Return the index of each class."""
        return tp / (tp + fp + fn)


class Sensitivity(ClassMetric):
    """Share of what is there that was found (recall): ``TP / (TP + FN)``.

    NaN for a class that is not in the reference. Arguments as in `ClassMetric`.

    Example:
        >>> metric = Sensitivity(n_classes=2)
        >>> metric(predictions=torch.tensor([[0.9, 0.1], [0.2, 0.8]]), labels=torch.tensor([1, 1]))
        tensor([0.5000])
    """

    def score(self, tp: Tensor, fp: Tensor, fn: Tensor, tn: Tensor) -> Tensor:  # noqa: ARG002
        """Return the sensitivity to each class."""
        return tp / (tp + fn)


class Specificity(ClassMetric):
    """Share of what is not there that was left alone: ``TN / (TN + FP)``.

    NaN if everything in the reference is of the class. Arguments as in `ClassMetric`.

    Example:
        >>> metric = Specificity(n_classes=2)
        >>> metric(predictions=torch.tensor([[0.9, 0.1], [0.2, 0.8]]), labels=torch.tensor([0, 0]))
        tensor([0.5000])
    """

    def score(self, tp: Tensor, fp: Tensor, fn: Tensor, tn: Tensor) -> Tensor:  # noqa: ARG002
        """Return the specificity for each class."""
        return tn / (tn + fp)


class PositivePredictiveValue(ClassMetric):
    """Share of what was found that is there (precision): ``TP / (TP + FP)``.

    NaN for a class that was not predicted at all. Arguments as in `ClassMetric`.

    Example:
        >>> metric = PositivePredictiveValue(n_classes=2)
        >>> metric(predictions=torch.tensor([[0.1, 0.9], [0.2, 0.8]]), labels=torch.tensor([0, 1]))
        tensor([0.5000])
    """

    def score(self, tp: Tensor, fp: Tensor, fn: Tensor, tn: Tensor) -> Tensor:  # noqa: ARG002
        """Return the value of each class."""
        return tp / (tp + fp)
