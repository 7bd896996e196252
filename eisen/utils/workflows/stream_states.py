"""Reading and writing what a streaming metric has counted, for the metrics of eisen, torchmetrics and MONAI."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

__all__ = ["Adapter", "Row", "State", "adapter_of"]

State = dict[str, Any]
"""Tensors, numbers and lists of them, by name."""

Row = tuple[int, State]
"""Number of a batch, or of a process, and the state that belongs to it."""

_COUNT = "_update_count"


def adapter_of(metric: Any) -> Adapter:
    """Return what reads and writes the state of a metric.

    Args:
        metric: Any metric, without its wrapper; one that does not stream has an empty state.
    """
    if isinstance(metric, torch.nn.Module):
        parts = {name: part for name, part in metric.named_modules() if hasattr(part, "_reduce_states")}
        if parts:
            return _TorchMetric(metric, parts)
        if hasattr(getattr(metric, "metric", None), "_synced_tensors"):
            return _Monai(metric.metric)
    return Adapter(metric)


class Adapter:
    """The counts of a metric: its buffers, or the plain values of an object that is no module.

    Args:
        metric: The metric.

    Attributes:
        is_by_batch: Whether the state of each batch is to be kept by itself, because the order of addition matters.
        adds_up_itself: Whether the metric asks the other processes in its ``compute``.
        can_pause: Whether states of several processes make one that can be continued.
    """

    is_by_batch = False
    adds_up_itself = True
    can_pause = True

    def __init__(self, metric: Any) -> None:
        self._metric = metric

    def stay_local(self) -> None:
        """Keep the metric from asking the other processes by itself, if it is not to."""

    def reset(self) -> None:
        """Forget everything."""
        if callable(getattr(self._metric, "reset", None)):
            self._metric.reset()

    def take(self) -> State:
        """Return a copy of the state."""
        return {name: _kept(getattr(self._metric, name)) for name in self._names()}

    def put(self, rows: Sequence[Row]) -> None:
        """Replace the state by the sum of some, which are in order."""
        for name in self._names():
            own = getattr(self._metric, name)
            values = [row[1][name] for row in rows if name in row[1]]
            if isinstance(own, torch.Tensor) and values:
                setattr(self._metric, name, torch.stack([value.to(own.device) for value in values]).sum(0))
            elif isinstance(own, list):
                setattr(self._metric, name, [item for value in values for item in _kept(value)])
            elif values:
                setattr(self._metric, name, values[-1])

    def _names(self) -> list[str]:
        if not all(callable(getattr(self._metric, name, None)) for name in ("reset", "compute")):
            return []
        values = vars(self._metric).items()
        if isinstance(self._metric, torch.nn.Module):
            buffers = [name for name, _ in self._metric.named_buffers(recurse=False)]
            return buffers + [name for name, value in values if isinstance(value, list) and all(map(_is_tensor, value))]
        return [name for name, value in values if isinstance(value, (int, float, list, torch.Tensor))]


class _TorchMetric(Adapter):
    """A metric of torchmetrics, or a collection of them.

    Whole numbers are added up as they come, as their sums are exact; so are states that only the library knows how to
    bring together (reduction None), which are put side by side at the end.
    """

    adds_up_itself = False

    def __init__(self, metric: Any, parts: dict[str, Any]) -> None:
        super().__init__(metric)
        self._parts = {f"{name}." if name else "": part for name, part in parts.items()}
        states = [(part, name) for part in parts.values() for name in part._reductions]
        self.can_pause = not any(_is_side_by_side(part, name) for part, name in states)
        self.is_by_batch = self.can_pause and not all(_is_counter(part, name) for part, name in states)

    def stay_local(self) -> None:
        for part in self._parts.values():
            part.distributed_available_fn = _never

    def take(self) -> State:
        if hasattr(self._metric, "compute_groups"):
            list(self._metric.values(copy_state=False))  # members that share a state refer to it from now on
        return {
            f"{prefix}{name}": _kept(getattr(part, name))
            for prefix, part in self._parts.items()
            for name in (*part._reductions, _COUNT)
        }

    def put(self, rows: Sequence[Row]) -> None:
        self._metric.reset()
        for prefix, part in self._parts.items():
            states = [
                {name: _placed(state[prefix + name], part.device) for name in (*part._reductions, _COUNT)}
                for _, state in rows
                if state.get(f"{prefix}{_COUNT}")
            ]
            if len(states) > 1 and any(_is_side_by_side(part, name) for name in part._reductions):
                _stack(part, states)
                continue
            for state in states:
                _add(part, state)


def _add(part: Any, state: State) -> None:
    """Add the state of some batches, with the metric's own arithmetic."""
    before = {name: getattr(part, name) for name in part._reductions}
    is_first = not part._update_count
    state = {**state, _COUNT: part._update_count + state[_COUNT]}
    for name, value in state.items():
        setattr(part, name, value)
    if not is_first:
        part._reduce_states(before)


def _stack(part: Any, states: Sequence[State]) -> None:
    """Put the states of the processes side by side, as the library does for those it brings together at the end."""
    for name, reduction in part._reductions.items():
        values = [state[name] for state in states]
        is_tensor = isinstance(part._defaults[name], torch.Tensor)
        joined = torch.stack(values) if is_tensor else [item for value in values for item in value]
        setattr(part, name, joined if reduction is None else reduction(joined))
    part._update_count = sum(state[_COUNT] for state in states)


class _Monai(Adapter):
    """A metric of MONAI, which keeps a value per case."""

    is_by_batch = True
    adds_up_itself = False

    def take(self) -> State:
        return {"buffers": [_kept(list(rows)) for rows in self._metric._buffers or []]}

    def put(self, rows: Sequence[Row]) -> None:
        self._metric.reset()
        buffers = [state["buffers"] for _, state in rows if state.get("buffers")]
        if buffers:
            columns = [[case for cases in column for case in cases] for column in zip(*buffers, strict=True)]
            self._metric._buffers = columns
            self._metric._synced_tensors = [torch.stack(column) for column in columns]
            self._metric._synced = True  # until the next batch is added


def _is_tensor(value: Any) -> bool:
    return isinstance(value, torch.Tensor)


def _never() -> bool:
    return False


def _is_side_by_side(part: Any, name: str) -> bool:
    return part._reductions[name] is None and isinstance(part._defaults[name], torch.Tensor)


def _is_counter(part: Any, name: str) -> bool:
    default = part._defaults[name]
    is_whole = isinstance(default, torch.Tensor) and not default.is_floating_point()
    return is_whole and getattr(part._reductions[name], "__name__", "") == "dim_zero_sum"


def _kept(value: Any) -> Any:
    if isinstance(value, list):
        return [_kept(item) for item in value]
    return value.detach().cpu().clone() if isinstance(value, torch.Tensor) else value


def _placed(value: Any, device: torch.device) -> Any:
    if isinstance(value, list):
        return [_placed(item, device) for item in value]
    return value.to(device) if isinstance(value, torch.Tensor) else value
