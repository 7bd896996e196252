"""Torchvision's classifiers for images of any number of channels."""

from __future__ import annotations

import re
from pathlib import Path
from typing import cast

import torch
from torch import Tensor, nn

from eisen._core.errors import ArgumentError, CorruptFileError, MissingFileError, nearest
from eisen._core.optional import require
from eisen.ops.layers.activation import Activation, output_activation
from eisen.ops.layers.checks import check_counts, check_images

__all__ = ["TorchvisionClassifier"]

_SEVERAL_OUTPUTS = {"googlenet", "inception_v3"}
_COLOURS = 3


class TorchvisionClassifier(nn.Module):
    """Give a picture a class, or a number: one of torchvision's networks, for any number of channels and classes.

    Torchvision's networks expect colours; X-rays and slices of scans have one channel, or several sequences. Here the
    first convolution takes `input_channels`, and weights trained on colour pictures are brought to them: every
    channel gets the mean over the colours, scaled so that the network sees the same brightness.

    Args:
        name: Name of the network in torchvision, e.g. ``resnet18``, ``densenet121``, ``efficientnet_b0``.
        input_channels: Number of channels of the images.
        output_channels: Number of classes.
        outputs_activation: ``sigmoid``, ``softmax`` (over the classes) or ``none`` (logits).
        weights_file: Weights to start from, ``.pth``, ``.pt`` or ``.safetensors``, e.g. those that torchvision
            publishes. The last layer is left out where its number of classes differs.

    Raises:
        ArgumentError: If torchvision has no such network, or an argument is not one of these.
        MissingFileError: If there are no such weights.
        CorruptFileError: If the weights do not belong to the network.
        MissingExtraError: If torchvision is not installed.

    Source:
        https://docs.pytorch.org/vision/stable/models.html lists the networks and their papers.

    Example:
        >>> net = TorchvisionClassifier("resnet18", input_channels=1, output_channels=4)  # doctest: +SKIP
        >>> net(torch.zeros(2, 1, 64, 64)).shape  # doctest: +SKIP
        torch.Size([2, 4])
    """

    def __init__(
        self,
        name: str,
        input_channels: int = 1,
        output_channels: int = 2,
        outputs_activation: Activation = "none",
        *,
        weights_file: str | Path | None = None,
    ) -> None:
        super().__init__()
        check_counts("TorchvisionClassifier", input_channels=input_channels, output_channels=output_channels)
        self.input_channels = input_channels
        self.outputs_activation = output_activation(outputs_activation)
        self.network = _network(name, output_channels)
        first, conv = _first_convolution(self.network)
        if input_channels != _COLOURS:
            self.network.set_submodule(first, _widened(conv, input_channels))
        if weights_file is not None:
            _load(self.network, _weights(Path(weights_file)), f"{first}.weight", name, weights_file)

    def forward(self, images: Tensor) -> Tensor:
        """Return one value per class.

        Args:
            images: (N, input_channels, H, W); most networks take any size from 32 on, transformers one size only.

        Returns:
            (N, output_channels).

        Raises:
            ShapeError: If the images do not fit.
        """
        check_images(images, "TorchvisionClassifier", self.input_channels, dims=2)
        output: Tensor = self.outputs_activation(self.network(images))
        return output


def _network(name: str, n_classes: int) -> nn.Module:
    models = require("torchvision.models", "interop", "TorchvisionClassifier")
    names = set(models.list_models(module=models)) - _SEVERAL_OUTPUTS
    if name not in names:
        raise ArgumentError(
            f"TorchvisionClassifier: name is {name!r}",
            expected="one of torchvision's classifiers with one output, e.g. resnet18, densenet121, efficientnet_b0",
            to_do=nearest(str(name), names) or "look at torchvision.models.list_models()",
        )
    return cast(nn.Module, models.get_model(name, weights=None, num_classes=n_classes))


def _first_convolution(network: nn.Module) -> tuple[str, nn.Conv2d]:
    found = ((name, layer) for name, layer in network.named_modules() if isinstance(layer, nn.Conv2d))
    return next((name, layer) for name, layer in found if layer.in_channels == _COLOURS)


def _widened(conv: nn.Conv2d, n_channels: int) -> nn.Conv2d:
    """Return the same convolution for another number of channels."""
    kernel = cast(tuple[int, int], conv.kernel_size)
    stride, padding = cast(tuple[int, int], conv.stride), cast(tuple[int, int], conv.padding)
    new = nn.Conv2d(n_channels, conv.out_channels, kernel, stride, padding, bias=conv.bias is not None)
    with torch.no_grad():
        new.weight.copy_(_other_channels(conv.weight, n_channels))
        if conv.bias is not None and new.bias is not None:
            new.bias.copy_(conv.bias)
    return new


def _other_channels(weight: Tensor, n_channels: int) -> Tensor:
    """Return (out, n_channels, H, W) that answers to equal channels as (out, colours, H, W) answers to gray."""
    if weight.shape[1] == n_channels:
        return weight
    return weight.sum(1, keepdim=True).expand(-1, n_channels, -1, -1) / n_channels


def _weights(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise MissingFileError(f"there are no weights '{path}'", file=str(path), to_do="check weights_file")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return load_file(path)
        loaded = torch.load(path, map_location="cpu", weights_only=True)
        return dict(loaded)
    except Exception as error:
        raise CorruptFileError(
            f"'{path.name}' holds no weights: {type(error).__name__}: {str(error)[:100]}",
            expected="a state_dict saved by torch.save or safetensors",
            file=str(path),
        ) from error


def _load(network: nn.Module, weights: dict[str, Tensor], first: str, name: str, path: str | Path) -> None:
    if name.startswith("densenet"):  # published when names could still hold dots: norm.1 is norm1 today
        weights = {re.sub(r"\b(norm|conv)\.(\d)\.", r"\1\2.", key): value for key, value in weights.items()}
    own = network.state_dict()
    if first in weights:
        weights = {**weights, first: _other_channels(weights[first], own[first].shape[1])}
    last_layer = list(own)[-1].rpartition(".")[0] + "."
    fitting = {key: value for key, value in weights.items() if key in own and value.shape == own[key].shape}
    may_differ = [key for key in own if key.startswith(last_layer) or key.endswith(".num_batches_tracked")]
    wrong = [key for key in own if key not in fitting and key not in may_differ]
    if wrong:
        raise CorruptFileError(
            f"the weights in '{Path(path).name}' are not those of {name}: {len(wrong)} of {len(own)} tensors are "
            f"missing or have another shape, {wrong[0]} first",
            expected=f"the state_dict of torchvision's {name}",
            file=str(path),
            to_do="check name and weights_file",
        )
    network.load_state_dict(fitting, strict=False)
