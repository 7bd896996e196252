"""References in the forms that users have them: label maps and one-hot channels, integers and floats."""

from __future__ import annotations

import torch
from torch import Tensor

from eisen._core.errors import ShapeError, VoxelValueError

__all__ = ["check_same_grid", "full_precision", "is_one_hot", "label_map", "largest_channel", "one_hot", "spread"]


def full_precision(values: Tensor) -> Tensor:
    """Return the values as float32, or float64 if they are: sums over a volume overflow half precision."""
    return values if values.dtype == torch.float64 else values.float()


def is_one_hot(labels: Tensor, predictions: Tensor) -> bool:
    """Tell from the shapes whether the labels have one channel per class, like the predictions.

    A single channel is a label map with the values 0 and 1, which is the same thing.
    """
    return labels.shape == predictions.shape and predictions.shape[1] > 1


def label_map(labels: Tensor, predictions: Tensor, n_classes: int) -> Tensor:
    """Return the class of every voxel, whatever form the labels have.

    Args:
        labels: Label map (N, 1, ...) or (N, ...) of integers or floats, or one-hot (N, C, ...).
        predictions: What the labels are compared with, (N, C, ...).
        n_classes: Number of classes; labels run from 0 to one less.

    Returns:
        (N, ...), int64. Without a class in one-hot labels, a voxel is background (0).

    Raises:
        ShapeError: If the labels are not on the grid of the predictions.
        VoxelValueError: If a value is not a class. Checked on the CPU only: on other devices looking at the
            values would make the device wait.

    Example:
        >>> labels = torch.tensor([[[0.0, 2.0]]])
        >>> label_map(labels, torch.zeros(1, 3, 2), n_classes=3)
        tensor([[0, 2]])
    """
    if is_one_hot(labels, predictions):
        return largest_channel(labels)
    if labels.ndim == predictions.ndim and labels.shape[1] == 1:
        labels = labels.squeeze(1)
    if labels.shape != (predictions.shape[0], *predictions.shape[2:]):
        raise _shape_error(labels, predictions)
    classes = labels.long()
    if labels.device.type == "cpu" and not torch.compiler.is_compiling():
        _check_values(labels, classes, n_classes)
    return classes


def one_hot(labels: Tensor, predictions: Tensor) -> Tensor:
    """Return the labels with one channel per channel of the predictions, in the type of the predictions.

    Args:
        labels: As in `label_map`.
        predictions: (N, C, ...). With one channel, the label map itself (0 and 1) is the answer.

    Returns:
        (N, C, ...).

    Raises:
        ShapeError: If the labels are not on the grid of the predictions.
        VoxelValueError: If a value is not a class.
    """
    if is_one_hot(labels, predictions):
        return labels.to(predictions.dtype)
    n_channels = predictions.shape[1]
    classes = label_map(labels, predictions, max(n_channels, 2))
    channels = spread(classes, n_channels) if n_channels > 1 else classes.unsqueeze(1)
    return channels.to(predictions.dtype)


def spread(classes: Tensor, n_channels: int) -> Tensor:
    """Return a mask per class, bool (N, C, ...), for classes (N, ...).

    Example:
        >>> spread(torch.tensor([[0, 1]]), 2)
        tensor([[[ True, False],
                 [False,  True]]])
    """
    numbers = torch.arange(n_channels, device=classes.device).view(-1, *[1] * (classes.ndim - 1))
    return classes.unsqueeze(1) == numbers


def largest_channel(values: Tensor) -> Tensor:
    """Return, for every voxel, the number of the channel with the largest value; the first of equals.

    The same as ``argmax(1)``, which strides through memory; a running maximum is many times faster.

    Args:
        values: (N, C, ...).

    Returns:
        (N, ...), int64.
    """
    values = values.detach()
    best, index = values[:, 0], torch.zeros_like(values[:, 0], dtype=torch.long)
    for channel in range(1, values.shape[1]):
        candidate = values[:, channel]
        index = index.masked_fill_(candidate > best, channel)
        best = torch.maximum(best, candidate)
    return index


def check_same_grid(predictions: Tensor, labels: Tensor, owner: str) -> None:
    """Make sure that predictions and labels of a channel-wise measure have the same shape.

    A single channel on one side may stand for all channels of the other.

    Raises:
        ShapeError: If the shapes differ otherwise; torch would silently repeat one of them.
    """
    same_axes = predictions.ndim == labels.ndim
    differing = [a for a, (m, n) in enumerate(zip(predictions.shape, labels.shape, strict=False)) if m != n]
    channels_only = differing == [1] and 1 in (predictions.shape[1], labels.shape[1])
    if not same_axes or (differing and not channels_only):
        raise ShapeError(
            f"{owner} got predictions {tuple(predictions.shape)} and labels {tuple(labels.shape)}",
            expected="the same shape",
            to_do="add AddChannelDimension or LabelMapToOneHot for the label to the transforms, "
            "or use DiceCELoss, which takes label maps",
        )


def _shape_error(labels: Tensor, predictions: Tensor) -> ShapeError:
    n, c, *grid = predictions.shape
    forms = dict.fromkeys([(n, 1, *grid), (n, *grid), (n, c, *grid)])
    return ShapeError(
        f"the labels of shape {tuple(labels.shape)} do not fit predictions of shape {tuple(predictions.shape)}",
        expected=f"labels of shape {', '.join(map(str, forms))}",
        to_do="apply the same crops and resampling to image and label, and one output channel per class",
    )


def _check_values(labels: Tensor, classes: Tensor, n_classes: int) -> None:
    if not labels.numel():
        return
    if labels.is_floating_point() and not torch.equal(classes.to(labels.dtype), labels):
        value = float(labels[classes.to(labels.dtype) != labels][0])
        raise _value_error(f"{value:g}", n_classes, "interpolate labels with 'nearest' and do not scale their values")
    low, high = (int(value) for value in torch.aminmax(classes))
    if low < 0 or high >= n_classes:
        to_do = "raise the number of classes (output_channels of the model), or map the value to another class"
        raise _value_error(str(low if low < 0 else high), n_classes, to_do)


def _value_error(value: str, n_classes: int, to_do: str) -> VoxelValueError:
    return VoxelValueError(
        f"the label holds the value {value}",
        expected=f"whole numbers from 0 to {n_classes - 1}, for {n_classes} classes",
        to_do=to_do,
    )
