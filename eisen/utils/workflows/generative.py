"""Looking at what a generator makes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import nn

from eisen._core.errors import ArgumentError
from eisen._core.field_roles import Role
from eisen._core.fields import missing_field
from eisen.models.generative.gan import latent_of
from eisen.utils.workflows.calls import call_named
from eisen.utils.workflows.validation import Validation
from eisen.utils.workflows.workflows import Values

__all__ = ["GenerativeValidation", "latent_size_of"]


class GenerativeValidation(Validation):
    """Look at what a generator makes: as many images as the data have, each from random numbers of its own.

    The random numbers belong to the place of a case in the data set, so they are the same in every epoch, for every
    batch size and on every number of processes: what differs between two epochs is the generator. Metrics compare the
    generated images with the real ones, e.g. `eisen.ops.metrics.SlicedWasserstein`.

    Args:
        model: The `GAN`, or a generator alone, wrapped in `EisenModuleWrapper`.
        data_loader: Any iterable of batches (dicts) with real images.
        losses: Wrapped losses; usually none.
        metrics: Wrapped metrics.
        image: Name of the field with the real images.
        latent_seed: Another number gives other random numbers.
        **options: Keywords of `Validation`.

    Example:
        >>> from eisen.models import DCGANGenerator
        >>> from eisen.ops.metrics import SlicedWasserstein
        >>> from eisen.utils import EisenModuleWrapper
        >>> model = EisenModuleWrapper(DCGANGenerator(1, 8, latent_size=4, n_filters=4), ["latent"], ["generated"])
        >>> metric = EisenModuleWrapper(SlicedWasserstein(), ["generated", "image"], ["distance"])
        >>> batches = [{"image": torch.zeros(4, 1, 8, 8)}] * 2
        >>> validation = GenerativeValidation(model, batches, metrics=[metric], device="cpu")
        >>> validation.run()
        >>> validation.epoch_aggregator.n_batches
        2
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"image": "reads"}

    makes_inputs = True
    """Whether it makes what the model is given, so that the data need not have it."""

    def __init__(
        self,
        model: Any,
        data_loader: Iterable[Any],
        losses: Sequence[Any] | None = None,
        metrics: Sequence[Any] | None = None,
        *,
        image: str = "image",
        latent_seed: int = 0,
        **options: Any,
    ) -> None:
        super().__init__(model, data_loader, losses, metrics, **options)
        self.image, self.latent_seed = image, latent_seed

    def get_output_dictionary(self, batch: Values) -> Values:
        """Return as many generated images as the batch has real ones, by name."""
        name = self.model.input_names[0]
        if name in batch:
            return call_named(self.model, batch)
        if self.image not in batch:
            raise missing_field(self.image, batch, type(self).__name__)
        n, size = len(batch[self.image]), latent_size_of(self.model)
        samples = getattr(batch, "samples", ()) or [self._batch_number * n + index for index in range(n)]
        latent = torch.stack([latent_of(size, self.latent_seed, int(number)) for number in samples])
        return call_named(self.model, {**batch, name: latent.to(self.device)})


def latent_size_of(model: nn.Module) -> int:
    """Return how many random numbers an image is made from: the `latent_size` of the model or of a part of it.

    Raises:
        ArgumentError: If none of them says.
    """
    sizes = (getattr(module, "latent_size", None) for module in model.modules())
    size: Any = next((size for size in sizes if isinstance(size, int)), None)
    if not isinstance(size, int):
        raise ArgumentError(
            f"{type(model).__name__} does not say how many random numbers an image is made from",
            expected="a whole number in its attribute latent_size",
            to_do="use eisen.models.DCGANGenerator, or set self.latent_size in your own",
        )
    return int(size)
