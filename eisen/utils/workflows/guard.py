"""Stopping a training whose loss is no longer a number, or going on without the batch."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from typing import Any

import torch

from eisen._core.errors import ArgumentError, NonFiniteLossError
from eisen.utils.distributed import Distribution
from eisen.utils.distributed.one import ALONE

__all__ = ["NonFiniteGuard", "total_loss"]

_log = logging.getLogger(__name__)


def total_loss(losses: Sequence[dict[str, Any]]) -> torch.Tensor | None:
    """Return the sum of all losses that are tensors; None if there are none.

    A loss with several values (one per case, or one per GPU) counts with their mean.
    """
    total: torch.Tensor | None = None
    for row in losses:
        for value in row.values():
            if isinstance(value, torch.Tensor):
                scalar = value.mean() if value.ndim else value
                total = scalar if total is None else total + scalar
    return total


class NonFiniteGuard:
    """Raises `NonFiniteLossError` when a loss becomes NaN or infinite, or lets the batch be left out.

    On the CPU every batch is checked before the weights change, so they stay good. On another device looking at
    a value would make the host wait, so the losses of `every` batches are looked at together, and at the end of the
    epoch: the weights of up to `every` steps may then be lost, and the error still names the first bad batch. To leave
    batches out, each has to be looked at, on every device.

    Attributes:
        n_skipped: Batches left out in this epoch.
        skipped_cases: Their cases.

    Args:
        action: ``"raise"``, ``"skip"`` or ``"ignore"``.
        every: After how many batches to look on devices other than the CPU.
    """

    def __init__(self, action: str = "raise", every: int = 50) -> None:
        if action not in ("raise", "skip", "ignore"):
            raise ArgumentError(f"on_non_finite is {action!r}", expected="'raise', 'skip' or 'ignore'")
        self.is_active = action != "ignore"
        self.skips = action == "skip"
        self.distribution: Distribution = ALONE
        self.every = every
        self._pending: list[tuple[list[dict[str, Any]], Sequence[str], int, int]] = []
        self.forget()

    def check(self, total: torch.Tensor, losses: Sequence[dict[str, Any]], batch: Any, epoch: int, number: int) -> bool:
        """Look at the losses of a batch, or keep them for later.

        Returns:
            Whether the batch can be used.

        Raises:
            NonFiniteLossError: If one is NaN or infinite. It names the loss, the cases, epoch and batch.
        """
        if total.is_cpu or self.skips:
            is_finite = math.isfinite(total.item())
            if self.skips and not self.distribution.all_true(is_finite):
                cases = self.distribution.gather([] if is_finite else list(getattr(batch, "cases", ())))
                self._skip(list(dict.fromkeys(case for part in cases for case in part)), epoch, number)
                return False
            if not is_finite:
                raise _error(losses, getattr(batch, "cases", ()), epoch, number, late=False)
            return True
        kept = [{name: torch.as_tensor(value).detach() for name, value in row.items()} for row in losses]
        self._pending.append((kept, getattr(batch, "cases", ()), epoch, number))
        if len(self._pending) >= self.every:
            self.flush()
        return True

    def _skip(self, cases: Sequence[str], epoch: int, number: int) -> None:
        self.n_skipped += 1
        self.skipped_cases += map(str, cases)
        named = ", ".join(map(str, cases)) or "unknown"
        _log.warning("the loss of batch %d in epoch %d is not finite: left out, cases %s", number, epoch, named)

    def demand_some(self, n_used: int, phase: str, epoch: int) -> None:
        """Raise if all batches of an epoch were left out."""
        if self.n_skipped and not n_used:
            raise NonFiniteLossError(
                f"{phase}: no batch of epoch {epoch} had a finite loss; all {self.n_skipped} were left out",
                case=", ".join(self.skipped_cases[:5]),
                expected="at least one finite loss per epoch",
                to_do="lower the learning rate, or look at the data with eisen data check",
            )

    def flush(self) -> None:
        """Look at what was kept: one transfer for all of it."""
        pending, self._pending = self._pending, []
        if not pending:
            return
        totals = [total for losses, *_ in pending if (total := total_loss(losses)) is not None]
        finite = torch.stack(totals).isfinite().tolist()
        if not all(finite):
            losses, cases, epoch, number = pending[finite.index(False)]
            raise _error(losses, cases, epoch, number, late=True)

    def forget(self) -> None:
        """Drop what was kept, at the start of an epoch."""
        self._pending = []
        self.n_skipped = 0
        self.skipped_cases: list[str] = []


def _error(
    losses: Sequence[dict[str, Any]], cases: Sequence[str], epoch: int, number: int, *, late: bool
) -> NonFiniteLossError:
    values = {
        name: float(torch.as_tensor(value).detach().float().mean()) for row in losses for name, value in row.items()
    }
    bad = {name: value for name, value in values.items() if not math.isfinite(value)} or {"sum of the losses": math.inf}
    name, value = next(iter(bad.items()))
    weights = "the weights may be damaged since then" if late else "the weights were not changed"
    return NonFiniteLossError(
        f"{name} became {value} in epoch {epoch}, batch {number} (counted from 0); {weights}",
        case=", ".join(map(str, cases)),
        field=name,
        expected="finite losses: " + ", ".join(f"{key} = {number:.4g}" for key, number in values.items()),
        to_do="lower the learning rate, look at these cases (NaN voxels, empty labels)"
        + ", or compute in another precision (bf16 or fp32 instead of fp16)",
    )
