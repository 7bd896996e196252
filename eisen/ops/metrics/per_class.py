"""The Dice coefficient of every case and class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from eisen.ops.layers.activation import Activation, output_activation
from eisen.ops.metrics.counting import checked_n_classes, chosen_classes, names_of_classes
from eisen.ops.targets import label_map

__all__ = ["DicePerClass"]


class DicePerClass(nn.Module):
    """Overlap of prediction and reference for every case and class: 1 is perfect, 0 is none.

    A class that is in neither has no overlap to speak of: its value is NaN, and means leave it out. A class that was
    missed, or found where there is none, has 0. Nothing is read back from the device.

    Args:
        n_classes: Number of classes, the background included.
        include_background: Whether class 0 gets a value too.
        names: Names of the classes, with or without the background, or ``{1: "anterior", ...}``; numbers if None.
        activation: What the network left undone: ``sigmoid`` for logits of a single channel. With one channel per
            class the largest wins, and this makes no difference.

    Attributes:
        class_names: Name of each column of the result.

    Raises:
        ArgumentError: If there is not one name per class.

    Source:
        Dice 1945, Measures of the amount of ecologic association between species, Ecology 26(3).

    Example:
        >>> metric = DicePerClass(n_classes=3, names=["anterior", "posterior"])
        >>> probabilities = torch.tensor([[[0.8, 0.1, 0.1], [0.1, 0.8, 0.8], [0.1, 0.1, 0.1]]])
        >>> metric(predictions=probabilities, labels=torch.tensor([[[0, 0, 1]]]))
        tensor([[0.6667,    nan]])
    """

    class_names: list[str]

    def __init__(
        self,
        n_classes: int = 2,
        include_background: bool = False,
        names: Sequence[str] | Mapping[int, str] | None = None,
        activation: Activation = "none",
    ) -> None:
        super().__init__()
        output_activation(activation)  # says what is wrong with an unknown name
        self.n_classes = checked_n_classes(n_classes, "DicePerClass")
        self.include_background = include_background
        self.activation = activation
        self.class_names = names_of_classes(names, n_classes, include_background, "DicePerClass")

    def forward(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Return one value per case and class, (N, n_classes), or (N, n_classes - 1) without the background.

        Args:
            predictions: Probabilities or logits, (N, n_classes, ...), or (N, 1, ...) for two classes.
            labels: Label map (N, 1, ...) or (N, ...), or one-hot (N, n_classes, ...), integers or floats.

        Raises:
            ShapeError: If the channels do not fit `n_classes`, or the labels the predictions.
            VoxelValueError: If a label is not a class (checked on the CPU).
        """
        found = chosen_classes(predictions, self.n_classes, self.activation, "DicePerClass")
        wanted = label_map(labels, predictions, self.n_classes)
        count = _count_on_cpu if found.device.type == "cpu" else _count_on_device
        both, total = count(found.flatten(1), wanted.flatten(1), self.n_classes)
        dice = 2 * both / total
        return dice if self.include_background else dice[:, 1:]


def _count_on_cpu(found: Tensor, wanted: Tensor, n_classes: int) -> tuple[Tensor, Tensor]:
    """Return the voxels in both, and the sum of the voxels in each, (N, C), from one joint histogram per case."""
    pairs = found * n_classes + wanted
    table = torch.stack([torch.bincount(case, minlength=n_classes**2) for case in pairs])
    table = table.view(-1, n_classes, n_classes)
    return table.diagonal(dim1=1, dim2=2), table.sum(1) + table.sum(2)


def _count_on_device(found: Tensor, wanted: Tensor, n_classes: int) -> tuple[Tensor, Tensor]:
    """Do the same class by class: a histogram on a GPU would make the host wait for its size."""
    numbers = range(n_classes)
    both = [((found == c) & (wanted == c)).sum(1) for c in numbers]
    total = [(found == c).sum(1) + (wanted == c).sum(1) for c in numbers]
    return torch.stack(both, 1), torch.stack(total, 1)
