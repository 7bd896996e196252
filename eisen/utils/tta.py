"""Test-time augmentation: the mean of what a model says about an image and its mirror images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from eisen._core.errors import ArgumentError
from eisen.ops.layers.activation import Activation, output_activation
from eisen.ops.running import RunningMean
from eisen.ops.views import View, checked_views, views_of

__all__ = ["TestTimeAugmentation", "looked_at"]


class TestTimeAugmentation(torch.nn.Module):
    """Call a model for several views of its input, undo the view in its output, and return the mean.

    Probabilities are averaged, not logits: a view in which the model is very sure of itself must not outvote all
    others, and the mean of probabilities is a probability again. So let `activation` make probabilities of logits, or
    give it a model that ends in a sigmoid or softmax.

    Views are flips and right-angle turns, which no interpolation blurs. Inputs and outputs with spatial axes,
    (N, C, ...), are turned; those without, such as class scores (N, C), are left as they are. Channels are never
    touched. The memory is that of one view and one mean, however many views there are.

    Args:
        model: A network that returns one tensor.
        views: ``"flips"`` along every combination of the spatial axes (4 views of a picture, 8 of a volume),
            ``"flips:0,1"`` along some axes, ``"rotations"`` by right angles (pictures) or ``"flips+rotations"``.
        activation: What makes probabilities of the output of the model: ``"softmax"``, ``"sigmoid"``, or ``"none"``
            when they are probabilities already.

    Raises:
        ArgumentError: If there are no such views or no such activation, or the model returns more than one tensor.
        ShapeError: If images cannot be seen this way.

    Source: Krizhevsky et al. 2012, ImageNet classification with deep convolutional neural networks, section 4.1; Wang
        et al. 2019, Aleatoric uncertainty estimation with test-time augmentation for medical image segmentation.

    Example:
        >>> net = TestTimeAugmentation(torch.nn.Conv2d(1, 2, 3, padding=1), "flips", activation="softmax")
        >>> net(torch.zeros(1, 1, 8, 6)).shape
        torch.Size([1, 2, 8, 6])
    """

    __test__ = False  # or pytest would take it for a test, in every project that imports it

    def __init__(self, model: torch.nn.Module, views: str = "flips", *, activation: Activation = "none") -> None:
        super().__init__()
        self.model = model
        self.views = checked_views(views)
        self.activation = output_activation(activation)

    def forward(self, *inputs: Any) -> torch.Tensor:
        """Return the mean over all views, (N, C, ...) or (N, C).

        Args:
            *inputs: What the model takes; at least one image (N, C, ...).
        """
        mean = RunningMean()
        for view, seen in looked_at(self.views, inputs):
            output = self.model(*seen)
            if not isinstance(output, torch.Tensor):
                name = type(self.model).__name__
                raise ArgumentError(f"{name} returned a {type(output).__name__}", expected="one tensor")
            probabilities = self.activation(output)
            mean.add(view.undo(probabilities) if probabilities.ndim > 2 else probabilities)
        return mean.mean


def looked_at(views: str, inputs: tuple[Any, ...]) -> Iterator[tuple[View, tuple[Any, ...]]]:
    """Yield every view and the inputs as seen that way, one after the other.

    Args:
        views: See `TestTimeAugmentation`.
        inputs: Tensors; the first with more than two axes is the image, and those with as many axes go with it.

    Raises:
        ArgumentError: If there is no image among the inputs.

    Example:
        >>> [seen[0].flatten().tolist() for _, seen in looked_at("flips:0", (torch.tensor([[[1, 2]]]),))]
        [[1, 2], [2, 1]]
    """
    axes = next((value.ndim for value in inputs if isinstance(value, torch.Tensor) and value.ndim > 2), None)
    if axes is None:
        raise ArgumentError(
            "test-time augmentation found no image among the inputs of the model", expected="a tensor (N, C, ...)"
        )
    for view in views_of(views, axes - 2):
        yield view, tuple(view.apply(v) if getattr(v, "ndim", 0) == axes else v for v in inputs)
