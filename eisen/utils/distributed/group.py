"""One of several processes that train together, through torch.distributed."""

from __future__ import annotations

import atexit
import gc
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from typing import Any

import torch
import torch.distributed as dist

from eisen.utils.distributed.failure import FailureBoard, is_lost_connection
from eisen.utils.distributed.launch import Place
from eisen.utils.distributed.models import averaged, common_statistics, data_parallel, sharded
from eisen.utils.distributed.one import Distribution

__all__ = ["ProcessGroup"]

_LETTING_GO = 0.05  # seconds


class ProcessGroup(Distribution):
    """The processes that torchrun started, as seen by one of them.

    Args:
        kind: ``"ddp"`` or ``"fsdp"``.
        place: Which process this is.
        device_type: ``"cuda"`` or ``"cpu"``.
        timeout: How long to wait for the others.
    """

    def __init__(self, kind: str, place: Place, device_type: str, timeout: timedelta) -> None:
        self.kind, self.rank, self.size = kind, place.rank, place.size
        # what is no tensor goes through gloo also where there are GPUs: it never makes the host wait for one
        backend = "cpu:gloo,cuda:nccl" if device_type == "cuda" else "gloo"
        dist.init_process_group(backend, timeout=timeout)
        self._failures = FailureBoard(place.rank)
        self._uses_gpu = device_type == "cuda"
        atexit.register(self._leave)

    def barrier(self) -> None:
        """Wait for all processes."""
        dist.all_reduce(torch.zeros(1))

    def broadcast(self, value: Any) -> Any:
        """Return the value that the main process has."""
        box = [value if self.is_main else None]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def gather(self, value: Any) -> list[Any]:
        """Return the values of all processes, in their order."""
        values: list[Any] = [None] * self.size
        dist.all_gather_object(values, value)
        return values

    def any_of(self, *flags: bool) -> list[bool]:
        """Tell for each of several flags whether it is set in any process."""
        votes = torch.tensor(flags, dtype=torch.int32)
        dist.all_reduce(votes, dist.ReduceOp.MAX)
        return [bool(vote) for vote in votes.tolist()]

    def prepare(self, model: Any, device: torch.device, precision: str | None = None) -> Any:
        """Move a model to its device and change what has to be changed for many processes."""
        model.to(device)
        if device.type == "cuda":
            common_statistics(model)
        return sharded(model, device, precision) if self.kind == "fsdp" else model

    def wrap(self, model: Any, *, find_unused: bool = False) -> Any:
        """Return the model to train with: the same weights, gradients averaged over the processes with ``"ddp"``."""
        return data_parallel(model, find_unused) if self.kind == "ddp" else model

    def waiting(self, model: Any) -> AbstractContextManager[Any]:
        """Return a context in which gradients are only added up, not averaged yet."""
        no_sync = getattr(getattr(model, "module", None), "no_sync", None)
        return nullcontext() if no_sync is None else no_sync()

    def average_gradients(self, weights: Iterable[torch.Tensor]) -> None:
        """Average the gradients over all processes, in place; those of ``"fsdp"`` are averaged already."""
        if self.kind != "fsdp":
            averaged(list(weights), self.size)

    def share_buffers(self, module: torch.nn.Module) -> None:
        """Give all processes the buffers (running statistics) of the main one."""
        for buffer in module.buffers():
            dist.broadcast(buffer, src=0)

    def full_state(self, state: Any) -> Any:
        """Return a state as one process would have it: tensors that are spread over processes become whole."""
        if self.kind != "fsdp":
            return state
        from eisen.utils.distributed import states  # takes seconds to load

        return states.whole(state)

    def load_model(self, module: torch.nn.Module, state: Mapping[str, Any]) -> None:
        """Load whole weights into a module, spread or not."""
        if self.kind == "fsdp":
            from eisen.utils.distributed import states

            state = states.spread_like(module.state_dict(), state)
        module.load_state_dict(state)

    def load_optimizer(self, optimizer: torch.optim.Optimizer, state: dict[str, Any]) -> None:
        """Load a state with whole tensors into an optimizer, whose weights are spread or not."""
        if self.kind == "fsdp":
            from eisen.utils.distributed import states

            state = states.spread_optimizer(optimizer, state)
        optimizer.load_state_dict(state)

    def claim_failure(self, what: str) -> bool:
        """Tell whether this process is the first to fail, and so the one to say why."""
        return self._failures.claim(what)

    def failure(self) -> tuple[int, str] | None:
        """Return which process failed first and its line; None while none has."""
        return self._failures.first()

    def is_lost(self, error: BaseException) -> bool:
        """Tell whether an error only says that another process is no longer there."""
        return is_lost_connection(error)

    def close(self) -> None:
        """End the connection to the other processes."""
        atexit.unregister(self._leave)
        self._leave(destroy=True)

    def _leave(self, *, destroy: bool = False) -> None:
        """Let the threads of gloo put down their last tensors while there is an interpreter to free them.

        A thread that frees one later aborts the process, though all its work is done (pytorch pull request 179291).
        A group is destroyed, which ends its threads, once no model refers to it any more. A group of GPUs that is not
        closed is left alone: with NCCL, the end of a group waits for processes that may have failed.
        """
        if dist.is_initialized() and (destroy or not self._uses_gpu):
            dist.destroy_process_group()
        gc.collect()
        time.sleep(_LETTING_GO)
