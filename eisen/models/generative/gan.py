"""Two networks that learn from each other, as one model."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from eisen._core.errors import ArgumentError

__all__ = ["GAN", "latent_of"]

_MEANT = 'a network, in a configuration {"type": "eisen.models.DCGANGenerator", "params": {...}}'


class GAN(nn.Module):
    """A generator, and the discriminator it has to deceive, as one model.

    Called, it generates: random numbers in, images out. So validation, `eisen generate` and exported models see a
    plain generator, and only the training (`eisen.utils.workflows.AdversarialTraining`) uses the discriminator too.
    Checkpoints hold both. The names of the weights begin with ``generator.`` and ``discriminator.``, by which the
    optimizers of a configuration choose theirs.

    Args:
        generator: Makes images (N, C, ...) from (N, latent_size) random numbers, and has the attribute `latent_size`.
        discriminator: Gives each image (N, C, ...) a number, (N, 1) or (N,).

    Raises:
        ArgumentError: If the two do not fit each other.

    Source:
        Goodfellow et al. 2014, Generative adversarial networks, arXiv:1406.2661.

    Example:
        >>> from eisen.models import DCGANDiscriminator, DCGANGenerator
        >>> gan = GAN(DCGANGenerator(1, 16, latent_size=8, n_filters=4), DCGANDiscriminator(1, 16, n_filters=4))
        >>> gan(torch.randn(3, 8)).shape, gan.latent_size
        (torch.Size([3, 1, 16, 16]), 8)
    """

    def __init__(self, generator: nn.Module, discriminator: nn.Module) -> None:
        super().__init__()
        self.latent_size = _checked(generator, discriminator)
        self.generator = generator
        self.discriminator = discriminator

    def forward(self, latent: Tensor) -> Tensor:
        """Return generated images.

        Args:
            latent: (N, latent_size), drawn from the standard normal distribution.

        Returns:
            (N, C, ...).

        Raises:
            ShapeError: If there are more or fewer numbers per image.
        """
        images: Tensor = self.generator(latent)
        return images

    @torch.no_grad()
    def generate(self, n: int, seed: int = 0, first: int = 0) -> Tensor:
        """Return images that depend on nothing but the weights, the seed and their number.

        Args:
            n: How many.
            seed: Another number gives other images.
            first: Number of the first one: images 8 to 15 are the same whether 0 to 7 were made before or not.

        Returns:
            (n, C, ...), on the device of the weights.
        """
        latent = torch.stack([latent_of(self.latent_size, seed, number) for number in range(first, first + n)])
        images: Tensor = self(latent.to(next(self.generator.parameters()).device))
        return images


def latent_of(latent_size: int, seed: int, number: int) -> Tensor:
    """Return the random numbers of one image, (latent_size,): a function of seed and number.

    Args:
        latent_size: How many numbers.
        seed: The seed.
        number: Which image, from 0.

    Example:
        >>> latent_of(4, seed=0, number=2).shape
        torch.Size([4])
    """
    mixed = int(np.random.SeedSequence((seed, number)).generate_state(1, np.uint64)[0])
    return torch.randn(latent_size, generator=torch.Generator().manual_seed(mixed))


def _checked(generator: nn.Module, discriminator: nn.Module) -> int:
    """Return how many random numbers an image is made from, once it is clear that the networks belong together."""
    for name, network in (("generator", generator), ("discriminator", discriminator)):
        if not isinstance(network, nn.Module):
            raise ArgumentError(f"GAN: {name} is a {type(network).__name__}", expected=_MEANT)
    latent_size = getattr(generator, "latent_size", None)
    if not isinstance(latent_size, int):
        raise ArgumentError(
            f"GAN: the generator, {type(generator).__name__}, does not say how many random numbers it takes",
            expected="a whole number in its attribute latent_size",
            to_do="use DCGANGenerator, or set self.latent_size in a network of your own",
        )
    made = getattr(generator, "image_size", None), getattr(generator, "output_channels", None)
    taken = getattr(discriminator, "image_size", None), getattr(discriminator, "input_channels", None)
    for what, ours, theirs in zip(("image_size", "number of channels"), made, taken, strict=True):
        if ours is not None and theirs is not None and ours != theirs:
            raise ArgumentError(
                f"GAN: the generator has the {what} {ours}, the discriminator {theirs}",
                expected="the same for both",
                to_do=f"change the {what} of one of them",
            )
    return latent_size
