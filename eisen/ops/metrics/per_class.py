"""The Dice coefficient of every case and class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from eisen._core.errors import ArgumentError, ShapeError
from eisen.ops.layers.activation import Activation, output_activation
from eisen.ops.targets import label_map, largest_channel

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
        if n_classes < 2:
            raise ArgumentError(
                f"DicePerClass: n_classes is {n_classes!r}",
                expected="2 or more: the background is a class too",
                to_do="set n_classes to the number of label values",
            )
        output_activation(activation)  # says what is wrong with an unknown name
        self.n_classes = n_classes
        self.include_background = include_background
        self.activation = activation
        self.class_names = _names(names, n_classes, include_background)

    def forward(self, predictions: Tensor, labels: Tensor) -> Tensor:
        """Return one value per case and class, (N, n_classes), or (N, n_classes - 1) without the background.

        Args:
            predictions: Probabilities or logits, (N, n_classes, ...), or (N, 1, ...) for two classes.
            labels: Label map (N, 1, ...) or (N, ...), or one-hot (N, n_classes, ...), integers or floats.

        Raises:
            ShapeError: If the channels do not fit `n_classes`, or the labels the predictions.
            VoxelValueError: If a label is not a class (checked on the CPU).
        """
        found = self._classes(predictions)
        wanted = label_map(labels, predictions, self.n_classes)
        count = _count_on_cpu if found.device.type == "cpu" else _count_on_device
        both, total = count(found.flatten(1), wanted.flatten(1), self.n_classes)
        dice = 2 * both / total
        return dice if self.include_background else dice[:, 1:]

    def _classes(self, predictions: Tensor) -> Tensor:
        n_channels = predictions.shape[1]
        if n_channels == self.n_classes:
            return largest_channel(predictions)
        if n_channels == 1 and self.n_classes == 2:
            border = 0.0 if self.activation == "sigmoid" else 0.5
            return (predictions[:, 0] >= border).long()
        raise ShapeError(
            f"DicePerClass for {self.n_classes} classes got predictions of shape {tuple(predictions.shape)}",
            expected=f"(N, {self.n_classes}, ...)" + (" or (N, 1, ...)" if self.n_classes == 2 else ""),
            to_do="set n_classes to the number of classes of the model",
        )


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


def _names(names: Sequence[str] | Mapping[int, str] | None, n_classes: int, include_background: bool) -> list[str]:
    numbers = list(range(0 if include_background else 1, n_classes))
    if names is None:
        return [str(number) for number in numbers]
    if isinstance(names, Mapping):
        by_number = {int(number): str(name) for number, name in names.items()}  # keys in a JSON file are text
        return [by_number.get(number, str(number)) for number in numbers]
    if isinstance(names, str) or len(names) not in (len(numbers), n_classes):
        raise ArgumentError(
            f"DicePerClass: names is {names!r}",
            expected=f"{len(numbers)} names, for the classes {', '.join(map(str, numbers))}",
            to_do="give one name per class",
        )
    return [str(name) for name in names[-len(numbers) :]]
