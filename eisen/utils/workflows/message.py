"""The dictionary that hooks of the original receive at the end of an epoch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch

from eisen._core.types import Array
from eisen.datasets.sharing import Share
from eisen.utils.distributed import Distribution
from eisen.utils.events import Message
from eisen.utils.workflows.gathering import gather_pieces, whole_batch

__all__ = ["Fields", "convert_output_dict_to_cpu", "epoch_message", "to_numpy"]


def convert_output_dict_to_cpu(output_dict: Message) -> Message:
    """Return the message of a batch with NumPy arrays instead of tensors; the one given is not changed.

    Args:
        output_dict: ``inputs`` and ``outputs`` are dicts, ``losses`` and ``metrics`` lists of dicts. Inputs and
            outputs that are neither tensors nor arrays (paths, names) are left out.

    Example:
        >>> message = {"inputs": {"image": torch.zeros(2), "name": "a"}, "outputs": {}, "losses": [], "metrics": []}
        >>> convert_output_dict_to_cpu(message)["inputs"]
        {'image': array([0., 0.], dtype=float32)}
    """
    converted = dict(output_dict)
    for kind in ("inputs", "outputs"):
        arrays = {name: to_numpy(value) for name, value in output_dict.get(kind, {}).items()}
        converted[kind] = {name: array for name, array in arrays.items() if array is not None}
    for kind in ("losses", "metrics"):
        rows = output_dict.get(kind, [])
        converted[kind] = [{name: _number(value) for name, value in row.items()} for row in rows]
    return converted


def to_numpy(value: object) -> Array | None:
    """Return a tensor or array as an array on the host; None for anything else."""
    if isinstance(value, torch.Tensor):
        tensor = value.detach().cpu()
        return np.asarray((tensor.float() if tensor.dtype == torch.bfloat16 else tensor).numpy())
    return np.asarray(value) if isinstance(value, (np.ndarray, np.generic)) else None


def _number(value: object) -> Array:
    array = to_numpy(value)
    return np.asarray(value) if array is None else array


def epoch_message(losses: list[Any], metrics: list[Any], epoch: int, model: Any) -> Message:
    """Return the message of an epoch, inputs and outputs still empty."""
    return {"inputs": {}, "outputs": {}, "losses": losses, "metrics": metrics, "epoch": epoch, "model": model}


class Fields:
    """Inputs and outputs of an epoch as hooks see them.

    Values without axes and with one axis are kept from all batches, others from the last one; nothing is copied
    to the host before somebody asks.
    """

    def __init__(self) -> None:
        self._short: dict[str, dict[str, list[Any]]] = {"inputs": {}, "outputs": {}}
        self._last: dict[str, dict[str, Any]] = {"inputs": {}, "outputs": {}}

    def add(self, inputs: dict[str, Any], outputs: dict[str, Any]) -> None:
        """Keep what one batch gave."""
        _keep(inputs, self._short["inputs"])
        _keep(outputs, self._short["outputs"])
        self._last = {"inputs": inputs, "outputs": outputs}

    def state(self) -> dict[str, dict[str, list[Any]]]:
        """Return the values kept from all batches, tensors only, for a checkpoint."""
        return {
            kind: {name: list(c) for name, c in columns.items() if all(isinstance(v, torch.Tensor) for v in c)}
            for kind, columns in self._short.items()
        }

    def gathered(self, shares: Sequence[Share], distribution: Distribution) -> Fields:
        """Return the fields with the values of all processes, in the order of the batches; the last batch is one's own.

        Args:
            shares: Which parts of which batches were added.
            distribution: The processes.
        """
        together = Fields()
        together._last = self._last
        for kind, columns in self._short.items():
            whole = {
                name: [_number(value) for value in column]
                for name, column in columns.items()
                if len(column) == len(shares)
            }
            pieces = gather_pieces(whole, shares, distribution)
            together._short[kind] = {
                name: [torch.as_tensor(whole_batch(rows)) if _is_numeric(rows) else rows[0][1] for rows in column]
                for name, column in pieces.items()
            }
        return together

    def restore(self, state: dict[str, dict[str, list[Any]]]) -> None:
        """Take up what `state` gave."""
        self._short = {kind: {name: list(c) for name, c in state.get(kind, {}).items()} for kind in self._short}

    def release(self) -> None:
        """Let go of the last batch; the next one takes its place."""
        self._last = {"inputs": {}, "outputs": {}}

    def completing(self, message: Message) -> Callable[[], Message]:
        """Return a function that fills in inputs and outputs when it is first called, and returns the message."""

        @cache
        def complete() -> Message:
            for kind in ("inputs", "outputs"):
                message[kind].update(self._arrays(kind))
            return message

        return complete

    def _arrays(self, kind: str) -> dict[str, Array]:
        arrays = {}
        for name, value in self._last[kind].items():
            array = _joined(self._short[kind][name]) if name in self._short[kind] else to_numpy(value)
            if array is not None:
                arrays[name] = array
        return arrays


def _keep(values: Mapping[str, Any], columns: dict[str, list[Any]]) -> None:
    for name, value in values.items():
        if getattr(value, "ndim", 2) < 2:
            kept = value.detach() if isinstance(value, torch.Tensor) else value
            try:
                columns[name].append(kept)
            except KeyError:
                columns[name] = [kept]


def _is_numeric(rows: Sequence[tuple[Share, Any]]) -> bool:
    return all(np.issubdtype(value.dtype, np.number) or value.dtype == bool for _, value in rows)


def _joined(values: list[Any]) -> Array:
    """Join 1-dimensional values end to end, and values without axes to one axis over the batches."""
    if all(isinstance(value, torch.Tensor) and value.device == values[0].device for value in values):
        return np.asarray(to_numpy(torch.cat([value.reshape(-1) for value in values])))
    return np.concatenate([np.atleast_1d(_number(value)) for value in values])
