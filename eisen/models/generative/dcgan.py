"""DCGAN: a convolutional network that makes images from noise, and one that tells them from real ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, Literal, get_args

from torch import Tensor, nn

from eisen._core.errors import ArgumentError, ShapeError, nearest
from eisen.models.generative.plan import Plan, plan_of
from eisen.ops.layers.checks import check_counts, check_images
from eisen.ops.layers.norm import normalization as norm_layer

__all__ = ["DCGANDiscriminator", "DCGANGenerator"]

Normalization = Literal["batchnorm", "layernorm", "instancenorm", "none"]
Output = Literal["tanh", "sigmoid", "none"]

_CONV: dict[int, Any] = {2: nn.Conv2d, 3: nn.Conv3d}
_TRANSPOSED: dict[int, Any] = {2: nn.ConvTranspose2d, 3: nn.ConvTranspose3d}
_OUTPUTS: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "none": nn.Identity}
_SLOPE = 0.2  # of the leaky ReLU where its input is negative
_SPREAD = 0.02  # standard deviation of the first weights
_HALVE: dict[str, Any] = {
    "kernel_size": 4,
    "stride": 2,
    "padding": 1,
}  # exactly n -> n / 2, and back: the stride divides the kernel


class DCGANGenerator(nn.Module):
    """Make a picture or a volume from a handful of random numbers.

    The numbers become a tiny image of 4 to 7 pixels a side with many channels, and every further layer doubles the
    sides and halves the channels.

    Args:
        output_channels: Number of channels of the images.
        image_size: Pixels along each axis, one number or one per axis: 4, 5, 6 or 7 times a power of two, such as 16,
            28, 32, 48, 64, 128. With one number per axis, the shortest axis decides how often sides are doubled.
        dimensions: Number of spatial axes: 2 for pictures, 3 for volumes.
        latent_size: How many random numbers an image is made from.
        n_filters: Channels of the layer before the last; the paper has 128.
        outputs_activation: ``tanh`` (images from -1 to 1, as in the paper), ``sigmoid`` (0 to 1) or ``none``.
        normalization: ``batchnorm`` (as in the paper), ``layernorm``, ``instancenorm`` or ``none``.

    Raises:
        ArgumentError: If an argument is not one of these; at once, not during training.

    Source:
        Radford, Metz and Chintala 2016, Unsupervised representation learning with deep convolutional generative
        adversarial networks, arXiv:1511.06434, section 3 and figure 1. Kernels have 4 pixels a side, which a stride of
        2 divides: Odena et al. 2016, Deconvolution and checkerboard artifacts.

    Example:
        >>> import torch
        >>> generator = DCGANGenerator(image_size=32, latent_size=16, n_filters=4)
        >>> generator(torch.randn(2, 16)).shape
        torch.Size([2, 1, 32, 32])
        >>> DCGANGenerator(image_size=16, dimensions=3, latent_size=16, n_filters=4)(torch.randn(2, 16)).shape
        torch.Size([2, 1, 16, 16, 16])
    """

    def __init__(
        self,
        output_channels: int = 1,
        image_size: int | Sequence[int] = 64,
        dimensions: int = 2,
        latent_size: int = 100,
        n_filters: int = 64,
        outputs_activation: Output = "tanh",
        normalization: Normalization = "batchnorm",
    ) -> None:
        super().__init__()
        name = "DCGANGenerator"
        check_counts(name, output_channels=output_channels, latent_size=latent_size, n_filters=n_filters)
        plan = plan_of(name, image_size, dimensions, n_filters)
        self.latent_size, self.output_channels, self.image_size = latent_size, output_channels, plan.image_size
        self.outputs_activation = _output(outputs_activation)
        transposed, widths = _TRANSPOSED[dimensions], plan.widths[::-1]
        has_bias = normalization == "none"
        layers: list[nn.Module] = [
            transposed(latent_size, widths[0], kernel_size=plan.start, bias=has_bias),
            *_follow(normalization, widths[0], dimensions, nn.ReLU(inplace=True)),
        ]
        for before, after in pairwise(widths):
            layers += [
                transposed(before, after, bias=has_bias, **_HALVE),
                *_follow(normalization, after, dimensions, nn.ReLU(inplace=True)),
            ]
        layers.append(transposed(widths[-1], output_channels, **_HALVE))
        self.layers = nn.Sequential(*layers)
        _initialise(self)

    def forward(self, latent: Tensor) -> Tensor:
        """Return one image per row of random numbers.

        Args:
            latent: (N, latent_size), drawn from the standard normal distribution.

        Returns:
            (N, output_channels, ...) of `image_size`.

        Raises:
            ShapeError: If there are more or fewer numbers per image.
        """
        if latent.ndim != 2 or latent.shape[1] != self.latent_size:
            raise ShapeError(
                f"DCGANGenerator got random numbers of shape {tuple(latent.shape)}",
                expected=f"(N, {self.latent_size}): latent_size numbers per image",
                to_do=f"give it torch.randn(n, {self.latent_size})",
            )
        output: Tensor = self.outputs_activation(self.layers(latent[(..., *[None] * len(self.image_size))]))
        return output


class DCGANDiscriminator(nn.Module):
    """Score pictures or volumes: high where they look real, low where they look generated.

    Every layer halves the sides and doubles the channels, until one number per image is left. It is a logit: its
    sigmoid is the probability of being real. As a critic of WGAN-GP the number is used as it is, and the normalization
    must not mix images of a batch: ``layernorm``, ``instancenorm`` or ``none``.

    Args:
        input_channels: Number of channels of the images.
        image_size: Pixels along each axis; as of `DCGANGenerator`.
        dimensions: Number of spatial axes: 2 for pictures, 3 for volumes.
        n_filters: Channels of the first layer.
        normalization: ``batchnorm`` (as in the paper of DCGAN), ``layernorm`` (recommended with WGAN-GP),
            ``instancenorm`` or ``none``; not in the first and the last layer.

    Raises:
        ArgumentError: If an argument is not one of these; at once, not during training.

    Source:
        Radford, Metz and Chintala 2016, arXiv:1511.06434, section 3; Gulrajani et al. 2017, Improved training of
        Wasserstein GANs, arXiv:1704.00028, section 4 ("No critic batch normalization").

    Example:
        >>> import torch
        >>> DCGANDiscriminator(image_size=32, n_filters=4)(torch.zeros(2, 1, 32, 32)).shape
        torch.Size([2, 1])
    """

    def __init__(
        self,
        input_channels: int = 1,
        image_size: int | Sequence[int] = 64,
        dimensions: int = 2,
        n_filters: int = 64,
        normalization: Normalization = "batchnorm",
    ) -> None:
        super().__init__()
        check_counts("DCGANDiscriminator", input_channels=input_channels, n_filters=n_filters)
        plan: Plan = plan_of("DCGANDiscriminator", image_size, dimensions, n_filters)
        self.input_channels, self.image_size = input_channels, plan.image_size
        conv, has_bias = _CONV[dimensions], normalization == "none"
        layers: list[nn.Module] = [conv(input_channels, n_filters, **_HALVE), nn.LeakyReLU(_SLOPE, inplace=True)]
        for before, after in pairwise(plan.widths):
            layers += [
                conv(before, after, bias=has_bias, **_HALVE),
                *_follow(normalization, after, dimensions, nn.LeakyReLU(_SLOPE, inplace=True)),
            ]
        layers.append(conv(plan.widths[-1], 1, kernel_size=plan.start))
        self.layers = nn.Sequential(*layers)
        _initialise(self)

    def forward(self, images: Tensor) -> Tensor:
        """Return one number per image, (N, 1); the higher, the more real.

        Args:
            images: (N, input_channels, ...) of `image_size`.

        Raises:
            ShapeError: If the images have another size or number of channels.
        """
        check_images(images, "DCGANDiscriminator", self.input_channels, dims=len(self.image_size))
        if tuple(images.shape[2:]) != self.image_size:
            raise ShapeError(
                f"DCGANDiscriminator got images of {_by(images.shape[2:])}",
                expected=f"{_by(self.image_size)}, its image_size",
                to_do="add Resize or CropOrPad to the transforms, or set image_size of both networks",
            )
        output: Tensor = self.layers(images).flatten(1)
        return output


def _follow(name: str, n_channels: int, dimensions: int, activation: nn.Module) -> list[nn.Module]:
    """Return what comes after a convolution: normalization, if any, and activation."""
    if name not in get_args(Normalization):
        raise ArgumentError(
            f"normalization is {name!r}",
            expected=f"one of: {', '.join(get_args(Normalization))}",
            to_do=nearest(str(name), get_args(Normalization)) or "choose one of them",
        )
    if name == "none":
        return [activation]
    if name == "layernorm":  # one group: over all channels and pixels of an image
        return [norm_layer("groupnorm", n_channels, dimensions, groups=1), activation]
    return [norm_layer(name, n_channels, dimensions, affine=True), activation]


def _output(name: str) -> nn.Module:
    if name not in _OUTPUTS:
        raise ArgumentError(
            f"outputs_activation is {name!r}",
            expected=f"one of: {', '.join(_OUTPUTS)}",
            to_do=nearest(str(name), _OUTPUTS) or "choose 'tanh' for images from -1 to 1, 'sigmoid' for 0 to 1",
        )
    return _OUTPUTS[name]()


def _initialise(network: nn.Module) -> None:
    """Draw the first weights as the paper does; scales of normalizations start around 1."""
    for layer in network.modules():
        weight, bias = getattr(layer, "weight", None), getattr(layer, "bias", None)
        if isinstance(weight, nn.Parameter):
            nn.init.normal_(weight, 1.0 if weight.ndim == 1 else 0.0, _SPREAD)
        if isinstance(bias, nn.Parameter):
            nn.init.zeros_(bias)


def _by(sides: Sequence[int]) -> str:
    return " x ".join(map(str, sides))
