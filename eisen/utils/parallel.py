"""One model on several devices: for networks that do not fit on one.

The parts of the network are spread over the devices, and the batch goes through in chunks. Work on a GPU is queued
without waiting for its end, so while one device computes a chunk, the device before it has the next one already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn

from eisen._core.errors import ArgumentError, ShapeError
from eisen.utils.partition import partition, units_of
from eisen.utils.placement import InputArgumentPlacementChanger, Meeting, send, tensors_in, usable_device

__all__ = ["ModelParallel", "PipelineExecutionStreamer"]

_FORMATS = (torch.channels_last, torch.channels_last_3d)


class ModelParallel(nn.Module):
    """Spread a network over several devices, and send each batch through in chunks.

    The network may be any: its parts are placed whole, in the order in which it registers them, so that every device
    holds about as many bytes; where values of two devices meet, as in the skip connections of a U-Net, they are sent to
    the one that is further along. Names of weights in checkpoints are those of the network itself. `to` and `cuda`
    change the type and the memory format of the weights, never their place.

    Layers that look at the whole batch, such as batch normalisation in training, see one chunk at a time.

    Args:
        module: The network.
        split_size: Cases per chunk; the smaller, the more the devices work at the same time.
        device_ids: Devices to use, e.g. ``[0, 1]`` or ``["cuda:0", "cpu"]``; None: all GPUs, or the CPU.
        output_device: Where the result goes; None: the first device, where the batch is in a workflow.

    Raises:
        ArgumentError: If a device cannot be used, or `split_size` is no whole number from 1.

    Source: Y. Huang et al., GPipe: efficient training of giant neural networks by pipeline parallelism, NeurIPS 2019.

    Example:
        >>> from eisen.models import UNet
        >>> model = ModelParallel(UNet(1, 2, n_filters=16), split_size=2, device_ids=["cpu", "cpu"])
        >>> model(torch.zeros(3, 1, 32, 32)).shape
        torch.Size([3, 2, 32, 32])
    """

    def __init__(
        self, module: nn.Module, split_size: int, device_ids: Sequence[Any] | None = None, output_device: Any = None
    ) -> None:
        super().__init__()
        owner = type(self).__name__
        self.split_size = _checked_split(split_size, owner)
        self.device_ids = [usable_device(name, owner) for name in _present(device_ids, owner)]
        self.output_device = self.device_ids[0] if output_device is None else usable_device(output_device, owner)
        self.module = module
        self._place()
        self.register_load_state_dict_pre_hook(_take_names_of_the_network)  # type: ignore[no-untyped-call]  # so in torch

    def _place(self) -> None:
        """Move the parts of the network to their devices, and let them fetch their inputs."""
        groups = partition(units_of(self.module, len(self.device_ids)), len(self.device_ids))
        units = [(unit, device) for device, group in zip(self.device_ids, groups, strict=True) for unit in group]
        self.placement: dict[str, torch.device] = {}
        inside = {part for unit, _ in units for part in unit.module.modules()}
        for name, part in self.module.named_modules():
            if part not in inside and _holds_tensors(part, recurse=False):
                part._apply(lambda tensor: tensor.to(self.device_ids[0]), recurse=False)
                self.placement[name] = self.device_ids[0]
        for unit, device in units:
            unit.module.to(device)
            self.placement[unit.name] = device
            fetch = InputArgumentPlacementChanger(device)
            # inner parts too: those of a ModuleList are called one by one, and the list itself never is
            for part in filter(_holds_tensors, unit.module.modules()):
                part.register_forward_pre_hook(fetch, with_kwargs=True)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return the result of the network for a batch.

        Args:
            *args: The inputs of the network. Tensors as long as the first one are cut into chunks along their first
                axis, also those in lists and dicts; everything else goes into each chunk.
            **kwargs: The same, by name.
        """
        n = next((len(tensor) for tensor in tensors_in((args, kwargs)) if tensor.ndim), 0)
        chunks = [_cut((args, kwargs), start, self.split_size, n) for start in range(0, max(n, 1), self.split_size)]
        with Meeting(self.device_ids) if len(set(self.device_ids)) > 1 else nullcontext():
            results = [self.module(*ours, **named) for ours, named in chunks]
        # sent when all chunks are under way: the first device would wait for each result before its next chunk
        return _joined([send(result, self.output_device) for result in results])

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Return the weights under the names that the network gives them."""
        return self.module.state_dict(*args, **kwargs)

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> ModelParallel:
        # only type and memory format are taken over, learned from a small tensor: the network may not fit elsewhere
        def retyped(tensor: torch.Tensor) -> torch.Tensor:
            sample = fn(torch.empty((2,) * tensor.ndim, dtype=tensor.dtype))
            formats = (form for form in _FORMATS if sample.is_contiguous(memory_format=form))
            return tensor.to(sample.dtype, memory_format=next(formats, torch.preserve_format))

        super()._apply(retyped, recurse)  # type: ignore[no-untyped-call]  # so in torch
        return self


class PipelineExecutionStreamer(nn.Module):
    """Send a batch through a chain of stages in chunks, so that all stages work at the same time.

    Args:
        operations_sequence: The stages: modules or functions of one tensor, at least one.
        split_size: Cases per chunk.

    Raises:
        ArgumentError: If there is no stage, or `split_size` is no whole number from 1.

    Example:
        >>> pipeline = PipelineExecutionStreamer([nn.Linear(3, 2), nn.ReLU()], split_size=2)
        >>> pipeline(torch.zeros(5, 3)).shape, len(list(pipeline.parameters()))
        (torch.Size([5, 2]), 2)
    """

    def __init__(self, operations_sequence: Sequence[Callable[[Any], Any]], split_size: int) -> None:
        super().__init__()
        owner = type(self).__name__
        self.split_size = _checked_split(split_size, owner)
        self.operations_sequence = list(operations_sequence)
        if not self.operations_sequence or not all(map(callable, self.operations_sequence)):
            raise ArgumentError(
                f"{owner}: operations_sequence is {operations_sequence!r}",
                expected="a list of modules or functions, at least one",
            )
        self.stages = nn.ModuleList([op for op in self.operations_sequence if isinstance(op, nn.Module)])

    def forward(self, x: torch.Tensor) -> Any:
        """Return the result of the last stage for a batch."""
        if not len(x):
            raise ShapeError("the batch is empty", expected="at least one case")
        chunks: list[Any] = list(torch.split(x, self.split_size))
        n_stages = len(self.operations_sequence)
        for tick in range(len(chunks) + n_stages - 1):
            for stage in range(n_stages):
                if 0 <= tick - stage < len(chunks):
                    chunks[tick - stage] = self.operations_sequence[stage](chunks[tick - stage])
        return _joined(chunks)


def _cut(inputs: Any, start: int, size: int, n: int) -> Any:
    """Return the inputs of one chunk of a batch of `n` cases."""
    from accelerate.utils import recursively_apply  # takes a second

    def cut(tensor: torch.Tensor) -> torch.Tensor:
        return tensor[start : start + size] if tensor.ndim and len(tensor) == n else tensor

    return recursively_apply(cut, inputs)


def _holds_tensors(part: nn.Module, recurse: bool = True) -> bool:
    return any(True for _ in part.parameters(recurse)) or any(True for _ in part.buffers(recurse))


def _joined(results: list[Any]) -> Any:
    """Put the results of the chunks together again."""
    first = results[0]
    if len(results) == 1:
        return first
    if isinstance(first, torch.Tensor):
        return torch.cat(results) if first.ndim else torch.stack(results)
    if isinstance(first, dict):
        return {key: _joined([result[key] for result in results]) for key in first}
    if isinstance(first, (list, tuple)):
        items = [_joined([*column]) for column in zip(*results, strict=True)]
        return type(first)(*items) if hasattr(first, "_fields") else type(first)(items)
    return first


def _present(device_ids: Sequence[Any] | None, owner: str) -> Sequence[Any]:
    if device_ids is None:
        return [*range(torch.cuda.device_count())] or ["cpu"]
    if isinstance(device_ids, str) or not len(device_ids):
        raise ArgumentError(f"{owner}: device_ids is {device_ids!r}", expected="a list of devices, e.g. [0, 1]")
    return device_ids


def _checked_split(split_size: Any, owner: str) -> int:
    if isinstance(split_size, bool) or not isinstance(split_size, int) or split_size < 1:
        raise ArgumentError(f"{owner}: split_size is {split_size!r}", expected="a whole number from 1")
    return split_size


def _take_names_of_the_network(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Let `load_state_dict` find the weights under the names of the network."""
    del module
    for name in [name for name in state if name.startswith(prefix)]:
        state[f"{prefix}module.{name.removeprefix(prefix)}"] = state.pop(name)
