"""Training two networks against each other: one makes images, the other tells them from real ones."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar

import torch
from torch import Tensor

from eisen._core.field_roles import Role
from eisen._core.fields import missing_field
from eisen.ops.losses.adversarial import AdversarialLoss, GradientPenalty, WassersteinLoss
from eisen.utils.workflows.adversarial_checks import (
    Mode,
    check_mode,
    checked_optimizers,
    compare_range,
    held,
    parts_of,
    refuse_batch_normalization,
)
from eisen.utils.workflows.calls import call_named
from eisen.utils.workflows.generative import latent_size_of
from eisen.utils.workflows.guard import total_loss
from eisen.utils.workflows.training import Training
from eisen.utils.workflows.workflows import Values

__all__ = ["AdversarialTraining"]


class AdversarialTraining(Training):
    """Train a generator and a discriminator against each other; every `run` is one epoch.

    For every batch the discriminator learns to tell its images from generated ones, and then, with the discriminator
    held as it is, the generator learns to make images that pass for real. Random numbers come from torch's global
    generator, which a checkpoint keeps.

    The losses are made here, and reported as ``generator_loss`` and ``discriminator_loss``; a name in `losses` adds one
    of your own to that of the generator, over the fields of the batch and the generated images.

    Attributes:
        makes_losses: True: no list of losses is needed.
        loss_names: Names of the losses it makes.
        makes_inputs: True: the data need not have random numbers.
        n_steps: Number of batches the discriminator has learnt from.

    Args:
        model: A `GAN`, or a network of your own with parts named `generator` and `discriminator`, wrapped in
            `EisenModuleWrapper`: its input is the name of the random numbers, its output that of the generated images.
        data_loader: Any iterable of batches (dicts) with real images.
        losses: Wrapped losses that are added to the loss of the generator; usually none.
        optimizer: ``{"generator": ..., "discriminator": ...}``, an optimizer for the weights of each.
        metrics: Wrapped metrics, computed without gradients.
        mode: ``gan`` (cross entropy), ``lsgan`` (least squares) or ``wgan-gp`` (Wasserstein distance, slope of the
            critic held by a penalty).
        n_critic: On how many batches the discriminator learns before the generator learns once; None: 1, for
            ``wgan-gp`` 5.
        penalty_weight: Weight of the gradient penalty of ``wgan-gp``.
        smoothing: What the target of real images is lowered by, 0 to less than 1; not for ``wgan-gp``.
        image: Name of the field with the real images.
        **options: Keywords of `Training`.

    Raises:
        ArgumentError: If an optimizer or a part of the model is missing, or the discriminator has batch normalization
            in the mode ``wgan-gp``, where every image needs a gradient of its own.

    Source:
        Goodfellow et al. 2014, arXiv:1406.2661, algorithm 1; Mao et al. 2017, arXiv:1611.04076; Gulrajani et al. 2017,
        arXiv:1704.00028, algorithm 1.

    Example:
        >>> from eisen.models import GAN, DCGANDiscriminator, DCGANGenerator
        >>> from eisen.utils import EisenModuleWrapper
        >>> gan = GAN(DCGANGenerator(1, 8, latent_size=4, n_filters=4), DCGANDiscriminator(1, 8, n_filters=4))
        >>> optimizers = {
        ...     name: torch.optim.Adam(gan.get_submodule(name).parameters(), lr=2e-4, betas=(0.5, 0.999))
        ...     for name in ("generator", "discriminator")
        ... }
        >>> model = EisenModuleWrapper(gan, ["latent"], ["generated"])
        >>> batches = [{"image": torch.zeros(4, 1, 8, 8)}] * 2
        >>> training = AdversarialTraining(model, batches, optimizer=optimizers, device="cpu")
        >>> training.run()
        >>> training.epoch, training.n_steps
        (1, 2)
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"image": "reads"}

    makes_losses = True
    loss_names = ("generator_loss", "discriminator_loss")
    makes_inputs = True
    """Whether it makes what the model is given, so that the data need not have it."""

    def __init__(
        self,
        model: Any,
        data_loader: Iterable[Any],
        losses: Sequence[Any] | None = None,
        optimizer: Mapping[str, torch.optim.Optimizer] | None = None,
        metrics: Sequence[Any] | None = None,
        *,
        mode: Mode = "gan",
        n_critic: int | None = None,
        penalty_weight: float = 10.0,
        smoothing: float = 0.0,
        image: str = "image",
        **options: Any,
    ) -> None:
        check_mode(mode, n_critic)
        optimizers = checked_optimizers(optimizer)
        self.generator, self.discriminator = parts_of(model)
        super().__init__(model, data_loader, losses, optimizers, metrics, **options)
        self.mode, self.image = mode, image
        self.n_critic = n_critic or (5 if mode == "wgan-gp" else 1)
        self.n_steps = 0
        self._penalty = GradientPenalty(penalty_weight) if mode == "wgan-gp" else None
        self._loss = _loss_of(mode, smoothing)
        self._is_range_known = False
        if mode == "wgan-gp":
            refuse_batch_normalization(self.discriminator)

    def __call__(self, batch: Values) -> tuple[Values, list[Values], list[Values]]:
        """Learn from a batch.

        Args:
            batch: Field names to values; it is not changed.

        Returns:
            The generated images by name, the two losses, and one dict per metric.

        Raises:
            MissingFieldError: If the batch has no real images.
            NonFiniteLossError: If a loss is NaN or infinite.
        """
        real = self._real(batch)
        is_dry = self.optimizer is None
        is_turn = is_dry or (self.n_steps + 1) % self.n_critic == 0
        with torch.set_grad_enabled(is_turn and torch.is_grad_enabled()):
            outputs = self._in_precision(self.get_output_dictionary, batch)
        generated = outputs[self.model.output_names[0]]
        critic_loss, scores = self._discriminator_loss(real, generated.detach())
        losses: Values = {"generator_loss": self._loss.generator(scores).detach(), "discriminator_loss": critic_loss}
        done = is_dry or self._learn(critic_loss, {"discriminator_loss": critic_loss}, batch, "discriminator")
        self.n_steps += 0 if is_dry else 1
        if is_turn and done:
            losses["generator_loss"] = total = self._generator_loss(generated, {**batch, **outputs}, holds=not is_dry)
            done = is_dry or self._learn(total, {"generator_loss": total}, batch, "generator")
        return self._reported(batch, outputs, losses, is_dry)

    def get_output_dictionary(self, batch: Values) -> Values:
        """Return images generated from new random numbers, as many as the batch has, by name."""
        name = self.model.input_names[0]
        if name in batch:
            return call_named(self.model, batch)
        latent = torch.randn(len(self._real(batch)), latent_size_of(self.generator)).to(self.device)
        return call_named(self.model, {**batch, name: latent})

    def state_dict(self) -> Values:
        """Return what is needed to go on later, apart from model and optimizers."""
        return {**super().state_dict(), "n_steps": self.n_steps}

    def load_state_dict(self, state: Values) -> None:
        """Go on from a state that `state_dict` gave."""
        super().load_state_dict(state)
        self.n_steps = int(state.get("n_steps", 0))

    def _learn(self, total: Tensor, losses: Values, batch: Values, name: str) -> bool:
        """Change the weights of one of the two; False if the loss is no number and the batch is to be skipped."""
        guard = self.guard
        if guard.is_active and not guard.check(total, [losses], batch, self._epoch, self._batch_number):
            self._is_skipped = True
            return False
        self.update(total, name)
        return True

    def _discriminator_loss(self, real: Tensor, generated: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss of the discriminator, and its scores of the generated images, detached."""
        of_real, of_generated = (self._in_precision(self.discriminator, images) for images in (real, generated))
        loss: Tensor = self._loss(of_real, of_generated)
        if self._penalty is not None:
            loss = loss + self._penalty(self.discriminator, real, generated)
        return loss, of_generated.detach()

    def _generator_loss(self, generated: Tensor, fields: Values, *, holds: bool) -> Tensor:
        """Return the loss of the generator, with those of the user."""
        with held(self.discriminator, holds):
            total: Tensor = self._loss.generator(self._in_precision(self.discriminator, generated))
        own = total_loss(self.compute_losses(fields)) if self.losses else None
        return total if own is None else total + own

    def _reported(
        self, batch: Values, outputs: Values, losses: Values, is_dry: bool
    ) -> tuple[Values, list[Values], list[Values]]:
        if not is_dry:
            outputs = {name: value.detach() for name, value in outputs.items()}
            losses = {name: value.detach() for name, value in losses.items()}
        if not self.metrics:
            return outputs, [losses], []
        with self._no_grad:
            return outputs, [losses], self.compute_metrics({**batch, **outputs})

    def _in_precision(self, compute: Callable[[Any], Any], value: Any) -> Any:
        """Compute under autocast where that is wanted; the result is in 32 bits."""
        if not self.precision.is_mixed:
            return compute(value)
        given = self.precision.forward(lambda v: _named(compute(v)), value)
        return given.get("", given)

    def _real(self, batch: Values) -> Tensor:
        if self.image not in batch:
            raise missing_field(self.image, batch, type(self).__name__)
        real: Tensor = batch[self.image]
        if not self._is_range_known:
            self._is_range_known = True
            compare_range(real, self.generator)
        return real.float()


def _loss_of(mode: str, smoothing: float) -> Any:
    if mode == "wgan-gp":
        return WassersteinLoss()
    return AdversarialLoss("least_squares" if mode == "lsgan" else "cross_entropy", smoothing)


def _named(result: Any) -> Values:
    return result if isinstance(result, dict) else {"": result}
