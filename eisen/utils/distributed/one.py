"""A process that is alone; what all the others are measured by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch

__all__ = ["ALONE", "Distribution"]


class Distribution:
    """What a training asks about the other processes. This one has none: it answers for itself, at no cost.

    `eisen.utils.distributed.start_distribution` returns one, or a `ProcessGroup` under torchrun. Everything but the
    attributes is to be called by all processes in the same order, as they wait for each other.

    Attributes:
        kind: ``"none"``, ``"ddp"`` or ``"fsdp"``.
        rank: Number of this process, from 0.
        size: How many processes there are.

    Example:
        >>> alone = Distribution()
        >>> alone.is_main, alone.gather("a"), alone.any_true(False)
        (True, ['a'], False)
    """

    kind = "none"
    rank = 0
    size = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes and shows."""
        return self.rank == 0

    @property
    def is_alone(self) -> bool:
        """Whether there is no other process."""
        return self.size == 1

    # -- talking --------------------------------------------------------------------------------------------------

    def barrier(self) -> None:
        """Wait for all processes."""

    def broadcast(self, value: Any) -> Any:
        """Return the value that the main process has."""
        return value

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes, in their order."""
        return [value]

    def any_of(self, *flags: bool) -> list[bool]:
        """Tell for each of several flags whether it is set in any process."""
        return list(flags)

    def any_true(self, flag: bool) -> bool:
        """Tell whether a flag is set in any process."""
        return self.any_of(flag)[0]

    def all_true(self, flag: bool) -> bool:
        """Tell whether a flag is set in all processes."""
        return not self.any_true(not flag)

    # -- the model ------------------------------------------------------------------------------------------------

    def prepare(self, model: Any, device: torch.device, precision: str | None = None) -> Any:
        """Move a model to its device and make it ready for several processes; to be done before its optimizer is made.

        With ``"fsdp"`` its weights are spread over the processes. On GPUs batch normalisation takes in the cases of
        all of them.

        Args:
            model: The model, wrapped in `EisenModuleWrapper`.
            device: Where it computes.
            precision: ``"fp32"``, ``"bf16"`` or ``"fp16"``.
        """
        del device, precision
        return model

    def wrap(self, model: Any, *, find_unused: bool = False) -> Any:
        """Return the model to train with: the same weights, gradients averaged over the processes with ``"ddp"``.

        Args:
            model: The model, wrapped in `EisenModuleWrapper`.
            find_unused: Whether some weights take no part in the loss.
        """
        del find_unused
        return model

    def waiting(self, model: Any) -> AbstractContextManager[Any]:
        """Return a context in which gradients are only added up, not averaged yet."""
        del model
        return nullcontext()

    def average_gradients(self, weights: Iterable[torch.Tensor]) -> None:
        """Average the gradients over all processes, in place; averaging again changes nothing."""

    def share_buffers(self, module: torch.nn.Module) -> None:
        """Give all processes the buffers (running statistics) of the main one."""

    # -- what is saved --------------------------------------------------------------------------------------------

    def full_state(self, state: Any) -> Any:
        """Return a state as one process would have it: tensors that are spread over processes become whole.

        Args:
            state: Dicts and lists of anything, e.g. ``model.state_dict()`` or ``optimizer.state_dict()``.
        """
        return state

    def load_model(self, module: torch.nn.Module, state: Mapping[str, Any]) -> None:
        """Load whole weights into a module, spread or not."""
        module.load_state_dict(state)

    def load_optimizer(self, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
        """Load a state with whole tensors into an optimizer, whose weights are spread or not."""
        optimizer.load_state_dict(state)

    # -- the end --------------------------------------------------------------------------------------------------

    def claim_failure(self, what: str) -> bool:
        """Tell whether this process is the first to fail, and so the one to say why.

        Args:
            what: One line for the others.
        """
        del what
        return True

    def failure(self) -> tuple[int, str] | None:
        """Return which process failed first and its line; None while none has. Does not wait."""
        return None

    def is_lost(self, error: BaseException) -> bool:
        """Tell whether an error only says that another process is no longer there.

        Args:
            error: What was raised.
        """
        del error
        return False

    def close(self) -> None:
        """End the connection to the other processes."""


ALONE = Distribution()
"""The one that all workflows have that nobody told about other processes."""
