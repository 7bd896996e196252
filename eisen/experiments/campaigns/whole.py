"""Metrics that make one value of all cases together: of one fold, and of all folds."""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch

from eisen._core.types import Array
from eisen.experiments.campaigns.measured import WholeMetric
from eisen.ops.metrics.streaming import StreamingMetric
from eisen.utils import EisenModuleWrapper
from eisen.utils.wrappers import named_results

__all__ = ["WholeCollector", "is_whole", "joined_values", "named_values"]

_MOST_NUMBERS = 4096
"""Inputs of a metric are kept up to this size per case: scores of a classifier are, volumes are not."""


def is_whole(metric: EisenModuleWrapper) -> bool:
    """Tell whether a metric makes one value of all cases: it has the methods ``reset`` and ``compute``."""
    module: Any = metric.module
    return callable(getattr(module, "reset", None)) and callable(getattr(module, "compute", None))


def named_values(metric: EisenModuleWrapper, result: Any) -> dict[str, float]:
    """Return what a metric gave as numbers by name; classes as ``name[class]``, tables as ``name[row,column]``.

    Args:
        metric: The wrapped metric.
        result: What its module returned.

    Example:
        >>> metric = EisenModuleWrapper(torch.nn.Identity(), ["x"], ["dice"])
        >>> metric.module.class_names = ["left", "right"]
        >>> named_values(metric, torch.tensor([[0.5, torch.nan]]))
        {'dice': 0.5, 'dice[left]': 0.5, 'dice[right]': nan}
    """
    module: Any = metric.module
    classes = [str(name) for name in getattr(module, "class_names", None) or ()]
    named: dict[str, float] = {}
    for name, value in named_results(result, metric.output_names, type(module).__name__).items():
        array = torch.as_tensor(value).detach().double().cpu().numpy()
        if classes and array.size == len(classes):
            named[name] = _nan_mean(array)
            named |= {f"{name}[{label}]": float(v) for label, v in zip(classes, array.ravel(), strict=True)}
        elif array.ndim == 2 and array.shape[0] == array.shape[1] > 1:
            named |= {f"{name}[{row},{column}]": float(v) for (row, column), v in np.ndenumerate(array)}
        else:
            named[name] = _nan_mean(array)
    return named


class WholeCollector:
    """Gives a metric of all cases one case after another, and keeps what it takes to do so over several folds.

    Args:
        position: Number of the metric in its phase.
        metric: The wrapped metric; it is reset.

    Example:
        >>> from eisen.ops.metrics import Accuracy
        >>> collector = WholeCollector(0, EisenModuleWrapper(Accuracy(n_classes=2), ["p", "y"], ["accuracy"]))
        >>> collector.add({"p": torch.tensor([[0.9, 0.1]]), "y": torch.tensor([0])})["accuracy"]
        1.0
        >>> collector.finish()[0].values["accuracy"]
        1.0
    """

    def __init__(self, position: int, metric: EisenModuleWrapper) -> None:
        module: Any = metric.module
        module.reset()
        self.position, self.metric, self._module = position, metric, module
        self._counts: list[Array] = []
        self._inputs: list[list[Array]] | None = []

    def add(self, fields: Mapping[str, Any]) -> dict[str, float]:
        """Add a case; return what the metric makes of it alone, where that means something.

        Args:
            fields: The batch of one case, with the outputs of the model.
        """
        inputs = [fields[name] for name in self.metric.input_names]
        if isinstance(self._module, StreamingMetric):
            self._module.reset()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a single case is one-sided for many a metric, which is no news
            alone = self._module(*inputs)
        if isinstance(self._module, StreamingMetric):
            self._counts.append(self._module.total.cpu().numpy().copy())
        else:
            self._keep(inputs)
        ours = type(self._module).__module__.startswith("eisen.")
        if not (ours or getattr(inputs[-1], "ndim", 0) >= 3):
            return {}  # metrics of others give 0 where there is nothing to tell
        own = named_values(self.metric, alone)
        return {name: value for name, value in own.items() if "," not in name}

    def finish(self) -> tuple[WholeMetric, dict[str, Array]]:
        """Return the value of all cases, and the arrays to keep, cases first."""
        if self._counts:
            self._module.total = torch.as_tensor(np.sum(self._counts, axis=0))
            arrays, kind = {f"{self.position}.counts": np.stack(self._counts)}, "counts"
        else:
            arrays, kind = self._stacked()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            values = named_values(self.metric, self._module.compute())
        return WholeMetric(self.position, values, kind), arrays

    def _keep(self, inputs: Sequence[Any]) -> None:
        if self._inputs is None:
            return
        small = all(isinstance(value, torch.Tensor) for value in inputs)
        if not small or sum(value.numel() for value in inputs) > _MOST_NUMBERS:
            self._inputs = None
            return
        self._inputs.append([_as_array(value) for value in inputs])

    def _stacked(self) -> tuple[dict[str, Array], str]:
        columns = list(zip(*(self._inputs or []), strict=True))
        if not columns or any(len({value.shape[1:] for value in column}) > 1 for column in columns):
            return {}, ""
        return {f"{self.position}.input{i}": np.concatenate(column) for i, column in enumerate(columns)}, "inputs"


def joined_values(metric: EisenModuleWrapper, kind: str, arrays: Sequence[Array], weights: Array) -> dict[str, float]:
    """Return a metric of many cases, each counted as often as it is drawn.

    Args:
        metric: The wrapped metric.
        kind: ``"counts"`` or ``"inputs"``, see `WholeMetric`.
        arrays: The counts, or the inputs in order; cases first.
        weights: How often each case counts, whole numbers.
    """
    module: Any = metric.module
    module.reset()
    if kind == "counts":
        module.total = torch.as_tensor(np.tensordot(weights, arrays[0], axes=1))
    else:
        rows = np.repeat(np.arange(len(weights)), weights)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            module(*(torch.as_tensor(array[rows]) for array in arrays))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return named_values(metric, module.compute())


def _as_array(value: torch.Tensor) -> Array:
    value = value.detach().cpu()
    array: Array = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    return array


def _nan_mean(values: Array) -> float:
    known = values[~np.isnan(values)]
    return float(known.mean()) if known.size else math.nan
