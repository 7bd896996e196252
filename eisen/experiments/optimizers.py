"""Building and saving an optimizer without waiting for PyTorch's compiler."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from eisen.config import Entry, build

__all__ = ["build_optimizer", "optimizer_state"]

_MARK = "__dynamo_disable"


def build_optimizer(entry: Entry, params: Iterable[Any]) -> Any:
    """Build the optimizer that a configuration names.

    Args:
        entry: The entry under ``Optimizer``.
        params: Parameters of the model.
    """
    with _without_compiler():
        return build(entry, "Optimizer", params=params)


def optimizer_state(optimizer: Any) -> Any:
    """Return what is needed to continue with an optimizer.

    Args:
        optimizer: An optimizer of PyTorch.
    """
    with _without_compiler():
        return optimizer.state_dict()


@contextmanager
def _without_compiler() -> Iterator[None]:
    """Spare the methods of an optimizer the import of ``torch._dynamo``, which takes as long as torch itself.

    PyTorch marks them as "not to be compiled", and does so by importing the compiler when they are first called. Before
    it is imported nothing is compiled, and the mark means nothing; afterwards everything is as PyTorch wants it.
    """
    from torch.optim import Optimizer

    methods = (getattr(Optimizer, name) for name in ("add_param_group", "state_dict"))
    plain = [method.__wrapped__ for method in methods if hasattr(method, "__wrapped__")]
    if "torch._dynamo" in sys.modules or any(hasattr(function, _MARK) for function in plain):
        yield
        return
    for function in plain:
        setattr(function, _MARK, function)
    try:
        yield
    finally:
        for function in plain:
            delattr(function, _MARK)
