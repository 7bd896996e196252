"""Values on the device where they are needed: what `ModelParallel` moves, when, and without making a GPU wait.

Values are walked with accelerate. Its own dispatch (`dispatch_model`, `AlignDevicesHook`) is not used, because
- it replaces the weights by new ones, so that an optimizer made before would go on changing the old ones;
- it sends the result of each chunk back at once, and the first GPU would wait for the last one between two chunks;
- it moves the inputs of modules only, and not those of functions such as `torch.cat` at a skip connection;
- ``"cpu"`` means to it that weights are stored there, and not that the CPU computes;
- it overwrites `forward` with a function that cannot be pickled: `torch.save(model)` would fail.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import torch
from torch import nn
from torch.overrides import TorchFunctionMode

from eisen._core.errors import ArgumentError

__all__ = ["InputArgumentPlacementChanger", "Meeting", "send", "tensors_in", "usable_device"]

_STAYS_PUT = {
    torch.Tensor.to,
    torch.Tensor.copy_,
    torch.Tensor.type_as,
    torch.Tensor.cuda,
    torch.Tensor.cpu,
    torch.Tensor.data.__set__,  # type: ignore[attr-defined]  # a property to Python, a method to mypy
}


class InputArgumentPlacementChanger:
    """Move the inputs of a module to the device of its weights; a forward pre-hook.

    Args:
        gpu_name: The device, e.g. ``"cuda:1"``, ``1`` or ``"cpu"``.

    Raises:
        ArgumentError: If the device cannot be used.

    Example:
        >>> layer = nn.Linear(2, 2)
        >>> handle = layer.register_forward_pre_hook(InputArgumentPlacementChanger("cpu"))
        >>> layer(torch.zeros(1, 2)).shape
        torch.Size([1, 2])
    """

    def __init__(self, gpu_name: Any) -> None:
        self.gpu_name = gpu_name
        self.device = usable_device(gpu_name, type(self).__name__)

    def __call__(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any] | None = None) -> Any:
        """Return the inputs on the device; what is no tensor stays what it is.

        Args:
            module: The module that they are for.
            args: Its inputs.
            kwargs: Its inputs by name, where the hook was registered `with_kwargs`; then both are returned.
        """
        del module
        return send(args, self.device) if kwargs is None else send((args, kwargs), self.device)


class Meeting(TorchFunctionMode):
    """Where tensors of several devices meet in one operation, send all to the one that is the furthest along.

    That is where the network goes on: the first half of a U-Net need not wait for the second one at a skip connection.
    What an operation changes in place stays where it is, and the others come to it.

    Args:
        devices: The devices, in the order in which the network passes them.
    """

    def __init__(self, devices: Sequence[torch.device]) -> None:
        super().__init__()
        self._rank = {device: rank for rank, device in enumerate(devices)}

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        del types
        kwargs = kwargs or {}
        if func not in _STAYS_PUT:
            devices = {tensor.device for tensor in tensors_in((args, kwargs)) if not _may_be_anywhere(tensor)}
            if len(devices) > 1:
                changed = kwargs.get("out", args[0] if _changes_its_first(func) else None)
                here = next((tensor.device for tensor in tensors_in(changed)), None)
                args, kwargs = send((args, kwargs), here or max(devices, key=lambda one: self._rank.get(one, -1)))
        return func(*args, **kwargs)


def send(value: Any, device: torch.device) -> Any:
    """Return a value with all tensors in its lists, tuples and dicts on a device.

    Args:
        value: Anything.
        device: Where its tensors go.

    Example:
        >>> send({"x": [torch.zeros(2), "text"]}, torch.device("meta"))["x"][0].device
        device(type='meta')
    """
    from accelerate.utils import recursively_apply  # takes a second

    return recursively_apply(_sent, value, device)


def tensors_in(value: Any) -> Iterator[torch.Tensor]:
    """Yield the tensors in lists, tuples and dicts, in order."""
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, (list, tuple, Mapping)):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from tensors_in(item)


def usable_device(name: Any, owner: str) -> torch.device:
    """Return a device that can be used.

    Args:
        name: Its name or number, e.g. ``"cuda:1"``, ``1``, ``"cpu"``.
        owner: Who asks; for the error.

    Raises:
        ArgumentError: If there is no such device on this machine.
    """
    try:
        device = torch.device("cuda", name) if isinstance(name, int) else torch.device(name)
        return torch.empty(0, device=device).device
    except (RuntimeError, AssertionError, TypeError) as error:
        n = torch.cuda.device_count()
        raise ArgumentError(
            f"{owner}: the device {name!r} cannot be used: {str(error).splitlines()[0]}",
            expected=f"'cpu' or one of the {n} GPUs of this machine" if n else "'cpu'; this machine has no GPU",
        ) from error


def _sent(tensor: torch.Tensor, device: torch.device) -> torch.Tensor:
    if tensor.device == device:
        return tensor
    between_gpus = tensor.device.type == device.type == "cuda"
    if not between_gpus or (tensor.is_leaf and tensor.requires_grad):
        # a copy to the CPU has to be waited for: the CPU would read it before it has arrived
        return tensor.to(device, non_blocking=device.type != "cpu")
    # A copy waits for all that the receiver was given before. In the main stream, where PyTorch puts it, the next
    # chunk would wait behind it; in one of its own it is the copy alone that waits.
    stream = _stream_for_copies(tensor.device)
    stream.wait_stream(torch.cuda.current_stream(tensor.device))
    tensor.record_stream(stream)
    with torch.cuda.stream(stream):
        return tensor.to(device, non_blocking=True)


@cache
def _stream_for_copies(device: torch.device) -> torch.cuda.Stream:
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]  # so in torch


def _may_be_anywhere(tensor: torch.Tensor) -> bool:
    """Return whether it is a single number on the CPU, which every operation takes."""
    return not tensor.ndim and tensor.device.type == "cpu"


def _changes_its_first(func: Callable[..., Any]) -> bool:
    """Return whether an operation writes into its first argument, like ``add_``, ``+=`` and ``x[0] = y``."""
    name = getattr(func, "__name__", "")
    return name == "__setitem__" or name.startswith("__i") or (name.endswith("_") and not name.endswith("__"))
