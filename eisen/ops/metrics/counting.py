"""What metrics per class share: which class a network chose, how classes are called, and who was mistaken for whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from eisen._core.errors import ArgumentError, ShapeError
from eisen.ops.layers.activation import Activation
from eisen.ops.targets import largest_channel

__all__ = ["checked_n_classes", "chosen_classes", "confusion", "names_of_classes", "positive_border"]


def checked_n_classes(n_classes: int, owner: str) -> int:
    """Return the number of classes, or say that it is not one.

    Raises:
        ArgumentError: If it is below 2.
    """
    if n_classes < 2:
        raise ArgumentError(
            f"{owner}: n_classes is {n_classes!r}",
            expected="2 or more: the background is a class too",
            to_do="set n_classes to the number of label values",
        )
    return n_classes


def names_of_classes(
    names: Sequence[str] | Mapping[int, str] | None, n_classes: int, include_background: bool, owner: str
) -> list[str]:
    """Return the name of each class that counts.

    Args:
        names: With or without the background, or ``{1: "anterior", ...}``; None: numbers.
        n_classes: Number of classes, the background included.
        include_background: Whether class 0 counts.
        owner: Who asks, for the error.

    Raises:
        ArgumentError: If there is not one name per class.
    """
    numbers = list(range(0 if include_background else 1, n_classes))
    if names is None:
        return [str(number) for number in numbers]
    if isinstance(names, Mapping):
        by_number = {int(number): str(name) for number, name in names.items()}  # keys in a JSON file are text
        return [by_number.get(number, str(number)) for number in numbers]
    if isinstance(names, str) or len(names) not in (len(numbers), n_classes):
        raise ArgumentError(
            f"{owner}: names is {names!r}",
            expected=f"{len(numbers)} names, for the classes {', '.join(map(str, numbers))}",
            to_do="give one name per class",
        )
    return [str(name) for name in names[-len(numbers) :]]


def positive_border(activation: Activation) -> float:
    """Return from where on a single value means yes: probabilities from 0.5, logits from 0."""
    return 0.0 if activation == "sigmoid" else 0.5


def chosen_classes(predictions: Tensor, n_classes: int, activation: Activation, owner: str) -> Tensor:
    """Return the class that a network chose, (N, ...), int64: the largest channel, or a cut single one.

    Raises:
        ShapeError: If the channels do not fit the number of classes.
    """
    n_channels = predictions.shape[1] if predictions.ndim > 1 else 0
    if n_channels == n_classes:
        return largest_channel(predictions)
    if n_channels == 1 and n_classes == 2:
        return (predictions[:, 0] >= positive_border(activation)).long()
    raise ShapeError(
        f"{owner} for {n_classes} classes got predictions of shape {tuple(predictions.shape)}",
        expected=f"(N, {n_classes}, ...)" + (" or (N, 1, ...)" if n_classes == 2 else ""),
        to_do="set n_classes to the number of classes of the model",
    )


def confusion(found: Tensor, wanted: Tensor, n_classes: int) -> Tensor:
    """Return how often each class was taken for each: (n_classes, n_classes), rows are the reference.

    Args:
        found: Classes, any shape, int64.
        wanted: Classes of the same shape.
        n_classes: Number of classes.

    Example:
        >>> confusion(torch.tensor([0, 1, 1]), torch.tensor([0, 0, 1]), 2)
        tensor([[1, 1],
                [0, 1]])
    """
    pairs = (wanted * n_classes + found).flatten()
    if pairs.device.type == "cpu":
        return torch.bincount(pairs, minlength=n_classes**2).view(n_classes, n_classes)
    # a histogram on a GPU would make the host wait for its size
    table = torch.zeros(n_classes**2, dtype=torch.int64, device=pairs.device)
    return table.scatter_add_(0, pairs, torch.ones_like(pairs)).view(n_classes, n_classes)
