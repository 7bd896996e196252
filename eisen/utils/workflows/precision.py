"""How exactly a workflow computes: in 32 bits, or mostly in 16 for speed and memory."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any, Self

import torch

from eisen._core.errors import ArgumentError, nearest

__all__ = ["Precision"]

_log = logging.getLogger(__name__)
_TYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


class Precision:
    """Compute the model in 32 bits or in mixed precision.

    With ``"bf16"`` and ``"fp16"`` the model runs under autocast. What it returns is brought back to 32 bits before
    losses and metrics see it: sums over a volume do not fit into 16 bits. ``"fp16"`` scales the loss so that small
    gradients survive, and leaves out a step whose gradients overflow; ``"bf16"`` needs no scaling.

    Args:
        name: ``"fp32"``, ``"bf16"`` or ``"fp16"``.

    Raises:
        ArgumentError: If the name is another one.

    Example:
        >>> Precision("fp32").bind(torch.device("cpu"))
        Precision('fp32')
    """

    def __init__(self, name: str = "fp32") -> None:
        if name not in _TYPES:
            expected = "'fp32', 'bf16' or 'fp16'"
            raise ArgumentError(f"precision is {name!r}", expected=expected, to_do=nearest(str(name), _TYPES))
        self.name = name
        self.is_mixed = name != "fp32"
        self.scaler: torch.amp.GradScaler | None = None

    @classmethod
    def of(cls, value: str | Precision | None) -> Precision:
        """Return the precision a user named; None is 32 bits."""
        return value if isinstance(value, Precision) else cls(value or "fp32")

    def bind(self, device: torch.device) -> Self:
        """Prepare for a device; a CPU without instructions for bf16 computes in 32 bits, which is faster there."""
        if self.name == "bf16" and device.type == "cpu" and not _cpu_computes_bf16():
            _log.warning("this CPU has no instructions for bf16: computing in fp32")
            self.name, self.is_mixed = "fp32", False
        self._autocast = torch.autocast(device.type, dtype=_TYPES[self.name]) if self.is_mixed else None
        if self.name == "fp16" and self.scaler is None:
            self.scaler = torch.amp.GradScaler(device.type)
        return self

    def forward(self, compute: Any, batch: dict[str, Any]) -> dict[str, Any]:
        """Compute the outputs of a batch under autocast, and return them in 32 bits."""
        assert self._autocast is not None, "forward is for mixed precision"
        with self._autocast:
            outputs: dict[str, Any] = compute(batch)
        return {name: _in_full(value) for name, value in outputs.items()}

    def backward(self, total: torch.Tensor, optimizers: Iterable[torch.optim.Optimizer]) -> None:
        """Add the gradients of a loss to those there are."""
        del optimizers  # Apex needs to know them
        (total if self.scaler is None else self.scaler.scale(total)).backward()  # type: ignore[no-untyped-call]

    def unscale(self, optimizers: Iterable[torch.optim.Optimizer]) -> None:
        """Bring the gradients to their true size, e.g. before they are clipped."""
        if self.scaler is not None:
            for optimizer in optimizers:
                self.scaler.unscale_(optimizer)

    def step(self, optimizers: Iterable[torch.optim.Optimizer]) -> bool:
        """Change the weights; False when the gradients overflowed and no weight was changed."""
        if self.scaler is None:
            for optimizer in optimizers:
                optimizer.step()
            return True
        for optimizer in optimizers:
            self.scaler.step(optimizer)
        before = self.scaler.get_scale()
        self.scaler.update()
        return self.scaler.get_scale() >= before

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


def _in_full(value: Any) -> Any:
    is_reduced = isinstance(value, torch.Tensor) and value.dtype in (torch.bfloat16, torch.float16)
    return value.float() if is_reduced else value


def _cpu_computes_bf16() -> bool:
    """Tell whether the CPU has instructions for bf16; emulated, a convolution is fifty times slower than in fp32."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
