"""Which part of a network goes to which device: whole parts, in order, about as many bytes each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import nn

__all__ = ["Unit", "partition", "units_of"]


@dataclass(frozen=True)
class Unit:
    """A part of a network that stays whole.

    Args:
        name: Its name in the network.
        module: The part.
        n_bytes: Size of its weights and buffers.
    """

    name: str
    module: nn.Module
    n_bytes: int


def units_of(module: nn.Module, n_groups: int) -> list[Unit]:
    """Return the parts that a network can be cut into, in the order in which it registers them.

    Parts that hold more than half of a group's share are cut into their own parts, as long as all they own is in those.

    Args:
        module: The network.
        n_groups: How many groups there will be.
    """
    from accelerate.utils import compute_module_sizes  # takes a second

    sizes: dict[str, int] = compute_module_sizes(module)
    units = _children(Unit("", module, sizes[""]), sizes) or [Unit("", module, sizes[""])]
    limit = sizes[""] / n_groups / 2  # a U-Net over two devices: 5 % from equal shares; with whole shares 27 %
    found: list[Unit] = []
    while units:
        unit = units.pop(0)
        children = _children(unit, sizes)
        if children and unit.n_bytes > limit and sum(child.n_bytes for child in children) == unit.n_bytes:
            units = [*children, *units]
        else:
            found.append(unit)
    return found


def partition(units: Sequence[Unit], n_groups: int) -> list[list[Unit]]:
    """Cut a list of parts into consecutive groups so that the largest group is as small as possible.

    accelerate's `infer_auto_device_map` fills one device after the other up to a limit, and the last one gets what is
    left (of `ResidualEncoderUNet` 10 % more than its share, here 1 %); devices that work at the same time need equal
    shares.

    Args:
        units: The parts, in order.
        n_groups: How many groups; some are empty if there are fewer parts.

    Example:
        >>> from torch.nn import Linear
        >>> units = [Unit(str(size), Linear(1, 1), size) for size in (3, 1, 1, 5)]
        >>> [[unit.n_bytes for unit in group] for group in partition(units, 2)]
        [[3, 1, 1], [5]]
    """
    low, high = max((unit.n_bytes for unit in units), default=0), sum(unit.n_bytes for unit in units)
    while low < high:
        middle = (low + high) // 2
        if len(_filled(units, middle)) <= n_groups:
            high = middle
        else:
            low = middle + 1
    groups = _filled(units, low)
    return [*groups, *([] for _ in range(n_groups - len(groups)))]


def _filled(units: Sequence[Unit], limit: int) -> list[list[Unit]]:
    """Return groups of at most `limit` bytes, each as full as it can be."""
    groups: list[list[Unit]] = []
    room = -1
    for unit in units:
        if unit.n_bytes > room:
            groups.append([])
            room = limit
        groups[-1].append(unit)
        room -= unit.n_bytes
    return groups


def _children(unit: Unit, sizes: Mapping[str, int]) -> list[Unit]:
    """Return the parts of a part."""
    prefix = f"{unit.name}." if unit.name else ""
    return [Unit(prefix + name, part, sizes[prefix + name]) for name, part in unit.module.named_children()]
