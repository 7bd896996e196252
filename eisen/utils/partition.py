"""Which part of a network goes to which device: whole parts, in order, about as many bytes each."""

from __future__ import annotations

from collections.abc import Sequence
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

    Parts that hold more than their share are cut into their own parts, as long as all they own is in those.

    Args:
        module: The network.
        n_groups: How many groups there will be.
    """
    units = [_unit(name, child) for name, child in module.named_children()] or [_unit("", module)]
    share = sum(unit.n_bytes for unit in units) / n_groups
    found: list[Unit] = []
    while units:
        unit = units.pop(0)
        children = [_unit(f"{unit.name}.{name}", child) for name, child in unit.module.named_children()]
        if children and unit.n_bytes > share and sum(child.n_bytes for child in children) == unit.n_bytes:
            units = [*children, *units]
        else:
            found.append(unit)
    return found


def partition(units: Sequence[Unit], n_groups: int) -> list[list[Unit]]:
    """Cut a list of parts into consecutive groups so that the largest group is as small as possible.

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


def _unit(name: str, module: nn.Module) -> Unit:
    tensors = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    return Unit(name, module, sum(tensor.nbytes for tensor in tensors.values()))
