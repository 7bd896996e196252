"""From a loss to new weights: gradients are gathered, clipped and used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from eisen._core.errors import ArgumentError, nearest
from eisen.utils.workflows.precision import Precision

__all__ = ["Update", "chosen_optimizers", "named_optimizers"]

Optimizers = Mapping[str, torch.optim.Optimizer]


def named_optimizers(optimizer: Any) -> dict[str, torch.optim.Optimizer]:
    """Return the optimizers of a workflow by name; the only one is called ``"default"``, None is none."""
    if optimizer is None:
        return {}
    return dict(optimizer) if isinstance(optimizer, Mapping) else {"default": optimizer}


class Update:
    """How gradients become new weights.

    Gradients of `accumulate` batches are averaged before the weights change, as if they had been one larger batch; the
    last group of an epoch may be smaller and is averaged over what it has. Clipping comes after that, on gradients of
    their true size, over all weights of the optimizers that step together.

    Attributes:
        average_gradients: Called with the weights when they are about to change, to average their gradients over
            several processes; None where there is one, or the model does it.

    Args:
        accumulate: Batches per change of the weights, at least 1.
        clip_norm: Largest Euclidean norm of all gradients together; None does not limit it.
        clip_value: Largest magnitude of each single gradient; None does not limit it.

    Raises:
        ArgumentError: If a number is out of range.

    Source: clipping by norm, R. Pascanu, T. Mikolov, Y. Bengio, On the difficulty of training recurrent neural
    networks, ICML 2013, algorithm 1.

    Example:
        >>> weight = torch.nn.Parameter(torch.zeros(1))
        >>> update = Update(accumulate=2)
        >>> optimizers = {"default": torch.optim.SGD([weight], lr=1.0)}
        >>> [update((factor * weight).sum(), optimizers, Precision()) for factor in (1.0, 3.0)]
        [False, True]
        >>> weight.item()
        -2.0
    """

    def __init__(self, accumulate: int = 1, clip_norm: float | None = None, clip_value: float | None = None) -> None:
        if isinstance(accumulate, bool) or not isinstance(accumulate, int) or accumulate < 1:
            raise ArgumentError(f"accumulate is {accumulate!r}", expected="a whole number of batches from 1")
        for name, value in (("clip_norm", clip_norm), ("clip_value", clip_value)):
            if value is not None and not value > 0:
                raise ArgumentError(f"{name} is {value!r}", expected="a number above 0, or None for no limit")
        self.accumulate, self.clip_norm, self.clip_value = accumulate, clip_norm, clip_value
        self._clips = clip_norm is not None or clip_value is not None
        self.average_gradients: Callable[[list[torch.Tensor]], None] | None = None
        self._pending: Counter[tuple[str, ...]] = Counter()

    @property
    def is_pending(self) -> bool:
        """True while gradients wait for further batches."""
        return any(self._pending.values())

    def __call__(self, total: torch.Tensor, optimizers: Optimizers, precision: Precision) -> bool:
        """Take in the loss of a batch.

        Args:
            total: The loss, a tensor without axes.
            optimizers: Those whose weights it is to change, by name.
            precision: How gradients are computed.

        Returns:
            Whether the weights changed.
        """
        names = tuple(optimizers)
        waiting = self._pending[names]
        if not waiting:
            for optimizer in optimizers.values():
                optimizer.zero_grad(set_to_none=True)
        precision.backward(total if self.accumulate == 1 else total / self.accumulate, optimizers.values())
        self._pending[names] = waiting + 1
        return waiting + 1 == self.accumulate and self._apply(optimizers, precision)

    def is_last(self, names: Sequence[str]) -> bool:
        """Tell whether the next batch completes the group of these optimizers."""
        return self._pending[tuple(names)] + 1 == self.accumulate

    def flush(self, optimizers: Optimizers, precision: Precision) -> list[str]:
        """Use the gradients of groups that the epoch left incomplete; return the names of the optimizers that did."""
        used: list[str] = []
        for names in [names for names, waiting in self._pending.items() if waiting]:
            chosen = {name: optimizers[name] for name in names}
            if self._apply(chosen, precision, self.accumulate / self._pending[names]):
                used += names
        return used

    def forget(self) -> None:
        """Drop gradients that wait, e.g. when an epoch was interrupted."""
        self._pending.clear()

    def _apply(self, optimizers: Optimizers, precision: Precision, factor: float = 1.0) -> bool:
        self._pending[tuple(optimizers)] = 0
        if self.average_gradients is not None:
            self.average_gradients(
                [w for o in optimizers.values() for group in o.param_groups for w in group["params"]]
            )
        if self._clips or factor != 1.0:
            precision.unscale(optimizers.values())
            weights = [w for o in optimizers.values() for group in o.param_groups for w in group["params"]]
            gradients = [w.grad for w in weights if w.grad is not None]
            if factor != 1.0:
                torch._foreach_mul_(gradients, factor)
            self._clip(weights)
        return precision.step(optimizers.values())

    def _clip(self, weights: list[torch.Tensor]) -> None:
        if self.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(weights, self.clip_norm)
        if self.clip_value is not None:
            torch.nn.utils.clip_grad_value_(weights, self.clip_value)


def chosen_optimizers(optimizer: Any, names: Sequence[str]) -> Optimizers:
    """Return optimizers by name; all of them when no name is given.

    Raises:
        ArgumentError: If there is none of that name.
    """
    known = named_optimizers(optimizer)
    for name in names:
        if name not in known:
            raise ArgumentError(
                f"there is no optimizer '{name}'",
                expected=f"one of {', '.join(known) or '(none)'}",
                to_do=nearest(name, known) or "give the workflow a dict: optimizer={'generator': ..., ...}",
            )
    return {name: known[name] for name in names} if names else known
