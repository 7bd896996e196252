"""Building and saving an optimizer without waiting for PyTorch's compiler."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from eisen._core.errors import ConfigError, EisenError, Problem
from eisen.config import Entry, build

__all__ = ["build_optimizer", "build_optimizers", "optimizer_state"]

_MARK = "__dynamo_disable"


def build_optimizer(entry: Entry, params: Iterable[Any]) -> Any:
    """Build the optimizer that a configuration names.

    Args:
        entry: The entry under ``Optimizer``.
        params: Parameters of the model.
    """
    with _without_compiler():
        return build(entry, "Optimizer", params=params)


def build_optimizers(entries: Sequence[Entry], model: Any, frozen: Sequence[str] = ()) -> Any:
    """Build the optimizers of a phase.

    Args:
        entries: The entries under ``Optimizer``. Each may have a ``name`` and ``weights``, the names of what it trains.
        model: The network.
        frozen: Names of weights that are not trained.

    Returns:
        The optimizer, or several by name when there is more than one or one that has a name.

    Raises:
        ConfigError: If two have one name, or a weight belongs to two optimizers or to none.
    """
    shares = [_share(entry, model) for entry in entries]
    if len(entries) == 1 and "name" not in entries[0].params:
        return build_optimizer(entries[0], shares[0].values())
    names = [entry.params.get("name", f"optimizer {n}") for n, entry in enumerate(entries)]
    _demand_each_once(entries, names, shares, model, frozen)
    return {name: build_optimizer(entry, own.values()) for name, entry, own in zip(names, entries, shares, strict=True)}


def _share(entry: Entry, model: Any) -> dict[str, Any]:
    """Return the weights that an entry asks for, by name; all of them without ``weights``."""
    from eisen.utils.workflows.layout import selected

    weights = dict(model.named_parameters())
    if "weights" not in entry.params:
        return weights
    try:
        names = {name for pattern in entry.params["weights"] for name in selected(weights, pattern)}
    except EisenError as error:
        raise error.note(config=f"{entry.where}.params.weights") from None
    return {name: weights[name] for name in weights if name in names}


def _demand_each_once(
    entries: Sequence[Entry], names: Sequence[str], shares: Sequence[Any], model: Any, frozen: Sequence[str]
) -> None:
    from eisen.utils.workflows.layout import selected

    weights = dict(model.named_parameters())
    idle = {name for pattern in frozen for name in selected(weights, pattern)}
    times = Counter(name for share in shares for name in share)
    twice = next((name for name in names if names.count(name) > 1), None)
    shared = next((name for name, n in times.items() if n > 1), None)
    left = next((name for name in weights if name not in times and name not in idle), None)
    for culprit, what, expected in (
        (twice, f"two optimizers are called '{twice}'", "a name of its own for each"),
        (shared, f"the weight '{shared}' belongs to two optimizers", 'each weight in one: "weights": ["generator.*"]'),
        (left, f"the weight '{left}' belongs to no optimizer", "each weight in one optimizer, or under .Freeze"),
    ):
        if culprit is not None:
            raise ConfigError([Problem(entries[-1].where.partition("[")[0], what, expected)])


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
