"""Joining the other processes, once per process."""

from __future__ import annotations

import os
from datetime import timedelta

import torch

from eisen._core.errors import ArgumentError
from eisen.utils.distributed.launch import place_of
from eisen.utils.distributed.one import ALONE, Distribution

__all__ = ["present_distribution", "start_distribution"]

_KINDS = ("ddp", "fsdp")
_joined: list[Distribution] = []
_MINUTES = 30.0


def start_distribution(kind: str | None = None, device: str | None = None) -> Distribution:
    """Join the other processes that torchrun started; `ALONE` without torchrun, or with one process.

    The processes are joined once; a second call returns them again, with the kind it names.

    Processes talk through NCCL between GPUs and through gloo between CPUs. Each computes on the GPU that has its
    number on its machine. They wait for each other for 30 minutes at most; the environment variable
    ``EISEN_DISTRIBUTED_MINUTES`` sets another limit.

    Args:
        kind: ``"ddp"`` (None too): each process has the whole model. ``"fsdp"``: its weights are spread over them.
        device: ``"cpu"`` keeps GPUs out of it; anything else uses them where there are any.

    Raises:
        ArgumentError: If there is no such kind, or there are more processes than GPUs on this machine.

    Example:
        >>> start_distribution("ddp").size
        1
    """
    if kind is not None and kind not in _KINDS:
        raise ArgumentError(f"the distribution is {kind!r}", expected="'ddp' or 'fsdp'")
    place = place_of()
    if place.is_alone:
        return ALONE
    if _joined:
        _joined[0].kind = kind or "ddp"
        return _joined[0]
    from eisen.utils.distributed.group import ProcessGroup

    uses_gpu = device != "cpu" and torch.cuda.is_available()
    if uses_gpu:
        _use_own_gpu(place.local_rank, device)
    _joined.append(ProcessGroup(kind or "ddp", place, "cuda" if uses_gpu else "cpu", timedelta(minutes=_patience())))
    return _joined[0]


def present_distribution() -> Distribution:
    """Return the processes that were joined already; `ALONE` before."""
    return _joined[0] if _joined else ALONE


def _use_own_gpu(number: int, device: str | None) -> None:
    n_gpus = torch.cuda.device_count()
    if device not in (None, "auto", "cuda"):
        raise ArgumentError(
            f"the device '{device}' would be that of all processes",
            expected="'auto' or 'cuda': each process takes the GPU with its own number",
            to_do="leave .Device out; CUDA_VISIBLE_DEVICES chooses among the GPUs of a machine",
        )
    if number >= n_gpus:
        raise ArgumentError(
            f"process {number} of this machine has no GPU: there are {n_gpus}",
            expected=f"at most {n_gpus} processes per machine",
            to_do=f"--devices {n_gpus} (--nproc-per-node={n_gpus} of torchrun), or .Device 'cpu'",
        )
    torch.cuda.set_device(number)


def _patience() -> float:
    text = os.environ.get("EISEN_DISTRIBUTED_MINUTES", str(_MINUTES))
    try:
        minutes = float(text)
    except ValueError:
        minutes = 0.0
    if not minutes > 0:
        raise ArgumentError(f"EISEN_DISTRIBUTED_MINUTES is {text!r}", expected="a number of minutes above 0")
    return minutes
