"""One model on several devices: for networks that do not fit on one.

The parts of the network are spread over the devices, and the batch goes through in chunks. Work on a GPU is queued
without waiting for its end, so while one device computes a chunk, the device before it has the next one already.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from eisen._core.errors import ArgumentError, ShapeError
from eisen.utils.partition import partition, units_of

__all__ = ["InputArgumentPlacementChanger", "ModelParallel", "PipelineExecutionStreamer"]

_STAYS_PUT = (torch.Tensor.to, torch.Tensor.copy_, torch.Tensor.type_as, torch.Tensor.cuda, torch.Tensor.cpu)


class InputArgumentPlacementChanger:
    """Move the inputs of a module to the device of its weights; a forward pre-hook.

    Args:
        gpu_name: The device, e.g. ``"cuda:1"``, ``1`` or ``"cpu"``.

    Example:
        >>> layer = nn.Linear(2, 2)
        >>> handle = layer.register_forward_pre_hook(InputArgumentPlacementChanger("cpu"))
        >>> layer(torch.zeros(1, 2)).shape
        torch.Size([1, 2])
    """

    def __init__(self, gpu_name: Any) -> None:
        self.gpu_name = gpu_name
        self.device = _device(gpu_name, type(self).__name__)

    def __call__(self, module: nn.Module, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the inputs on the device; what is no tensor stays what it is."""
        del module
        return tuple(_moved(value, self.device) for value in args)


class ModelParallel(nn.Module):
    """Spread a network over several devices, and send each batch through in chunks.

    The network may be any: its parts are placed whole, in the order in which it registers them, so that every device
    holds about as many bytes; where values of two devices meet, as in the skip connections of a U-Net, one is sent to
    the other. Names of weights in checkpoints are those of the network itself. `to` and `cuda` change the type of the
    weights, never their place.

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
        self.device_ids = [_device(name, owner) for name in _present(device_ids, owner)]
        self.output_device = self.device_ids[0] if output_device is None else _device(output_device, owner)
        self.module = module
        self._place()
        self.register_load_state_dict_pre_hook(_take_names_of_the_network)  # type: ignore[no-untyped-call]  # so in torch

    def _place(self) -> None:
        """Move the parts of the network to their devices."""
        groups = partition(units_of(self.module, len(self.device_ids)), len(self.device_ids))
        self.placement: dict[str, torch.device] = {}
        for device, group in zip(self.device_ids, groups, strict=True):
            for unit in group:
                unit.module.to(device)
                unit.module.register_forward_pre_hook(InputArgumentPlacementChanger(device))
                self.placement[unit.name] = device
        for name, value in _own_tensors(self.module, [unit.module for group in groups for unit in group]):
            value.data = value.data.to(self.device_ids[0])
            self.placement[name] = self.device_ids[0]

    def forward(self, *args: Any) -> Any:
        """Return the result of the network for a batch.

        Args:
            *args: The inputs of the network. Tensors with the batch in their first axis are cut into chunks, everything
                else goes into each of them.
        """
        n = next((len(value) for value in args if isinstance(value, torch.Tensor) and value.ndim), 0)
        chunks = [self._chunk(args, start, n) for start in range(0, max(n, 1), self.split_size)]
        with _Meeting() if len(set(self.placement.values())) > 1 else nullcontext():
            results = [_moved(self.module(*chunk), self.output_device) for chunk in chunks]
        return _joined(results)

    def _chunk(self, args: tuple[Any, ...], start: int, n: int) -> tuple[Any, ...]:
        end = start + self.split_size
        return tuple(
            value[start:end] if isinstance(value, torch.Tensor) and value.ndim and len(value) == n else value
            for value in args
        )

    def state_dict(self, *args: Any, **kwargs: Any) -> Any:
        """Return the weights under the names that the network gives them."""
        return self.module.state_dict(*args, **kwargs)

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> ModelParallel:
        # only the type is taken over, learned from an empty tensor: the network may not fit where it would be sent
        retyped = lambda tensor: tensor.to(fn(torch.empty(0, dtype=tensor.dtype)).dtype)  # noqa: E731
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


class _Meeting(TorchFunctionMode):
    """Where tensors of two devices meet in one operation, send all to the device of the first."""

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        del types
        kwargs = kwargs or {}
        if func not in _STAYS_PUT:
            devices = list(dict.fromkeys(_devices((*args, *kwargs.values()))))
            if len(devices) > 1:
                args = tuple(_moved(value, devices[0]) for value in args)
                kwargs = {name: _moved(value, devices[0]) for name, value in kwargs.items()}
        return func(*args, **kwargs)


def _devices(values: Any) -> Iterator[torch.device]:
    """Yield the device of every tensor with axes; single numbers may be anywhere."""
    for value in values:
        if isinstance(value, torch.Tensor):
            if value.ndim:
                yield value.device
        elif isinstance(value, (list, tuple)):
            yield from _devices(value)


def _moved(value: Any, device: torch.device) -> Any:
    """Return a value with its tensors on a device; without waiting for them."""
    if isinstance(value, torch.Tensor):
        return value if value.device == device else value.to(device, non_blocking=True)
    if isinstance(value, dict):
        return {key: _moved(item, device) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(_moved(item, device) for item in value))
    if isinstance(value, (list, tuple)):
        return type(value)(_moved(item, device) for item in value)
    return value


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


def _own_tensors(module: nn.Module, placed: list[nn.Module]) -> Iterator[tuple[str, torch.Tensor]]:
    """Yield the weights and buffers that are in none of the parts."""
    known = {id(tensor) for part in placed for tensor in (*part.parameters(), *part.buffers())}
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if id(tensor) not in known:
            yield name, tensor


def _present(device_ids: Sequence[Any] | None, owner: str) -> Sequence[Any]:
    if device_ids is None:
        return [*range(torch.cuda.device_count())] or ["cpu"]
    if isinstance(device_ids, str) or not len(device_ids):
        raise ArgumentError(f"{owner}: device_ids is {device_ids!r}", expected="a list of devices, e.g. [0, 1]")
    return device_ids


def _device(name: Any, owner: str) -> torch.device:
    """Return a device that can be used."""
    try:
        device = torch.device("cuda", name) if isinstance(name, int) else torch.device(name)
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, TypeError) as error:
        n = torch.cuda.device_count()
        raise ArgumentError(
            f"{owner}: the device {name!r} cannot be used: {str(error).splitlines()[0]}",
            expected=f"'cpu' or one of the {n} GPUs of this machine" if n else "'cpu'; this machine has no GPU",
        ) from error


def _checked_split(split_size: Any, owner: str) -> int:
    if isinstance(split_size, bool) or not isinstance(split_size, int) or split_size < 1:
        raise ArgumentError(f"{owner}: split_size is {split_size!r}", expected="a whole number from 1")
    return split_size


def _take_names_of_the_network(module: nn.Module, state: dict[str, Any], prefix: str, *_: Any) -> None:
    """Let `load_state_dict` find the weights under the names of the network."""
    del module
    for name in [name for name in state if name.startswith(prefix)]:
        state[f"{prefix}module.{name.removeprefix(prefix)}"] = state.pop(name)
