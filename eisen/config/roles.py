"""What may stand in which section, checked on the class, before anything of it is instantiated."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from types import FunctionType
from typing import Any, get_type_hints

from eisen.config.sections import SINGULAR

__all__ = ["fits", "is_a", "misfit"]

_MODEL_FOLDERS = {"models", "model", "networks", "nets", "losses", "metrics", "_factory"}


def is_a(thing: Any, dotted: str) -> bool:
    """Tell whether a class is a subclass of another, without importing the other.

    If the module of the other class is not loaded, nothing can be a subclass of it.

    Example:
        >>> is_a(dict, "torch.nn.Module")
        False
    """
    module, _, name = dotted.rpartition(".")
    base = getattr(sys.modules.get(module), name, None)
    return isinstance(thing, type) and isinstance(base, type) and issubclass(thing, base)


def misfit(role: str, thing: Any, path: str) -> tuple[str, str] | None:
    """Return what is wrong with an object in a role and what was expected, or None when it fits.

    Args:
        role: Name of a section, e.g. ``"Datasets"``.
        thing: What the dotted path names.
        path: The dotted path, for the words.
    """
    if fits(role, thing):
        if inspect.isabstract(thing):
            return f"'{path}' is a base class and cannot be used itself", "one of the classes derived from it"
        return None
    others = [other for other in SINGULAR if other != role and _certainly(other, thing)]
    hint = f"; it belongs into {others[0]}" if others else ""
    article = "an" if SINGULAR[role][0] in "aeiou" else "a"
    return f"'{path}' is not {article} {SINGULAR[role]}", f"{_EXPECTED[role]}{hint}"


def fits(role: str, thing: Any) -> bool:
    """Tell whether an object may stand in a section."""
    return _FITS[role](thing)


def _defines(thing: Any, *methods: str) -> bool:
    return isinstance(thing, type) and all(any(m in vars(c) for c in thing.__mro__) for m in methods)


def _is_module(thing: Any) -> bool:
    return is_a(thing, "torch.nn.Module") or _makes_a_module(thing)


def _makes_a_module(thing: Any) -> bool:
    """Tell whether a function makes a network, like ``torchvision.models.resnet18``; its result is checked too."""
    if not isinstance(thing, FunctionType) or thing.__module__.partition(".")[0] == "torch":
        return False
    try:
        returns = get_type_hints(thing).get("return")
    except Exception:
        returns = None
    if isinstance(returns, type):
        return is_a(returns, "torch.nn.Module")
    return not _MODEL_FOLDERS.isdisjoint(thing.__module__.split("."))


def _is_optimizer(thing: Any) -> bool:
    return is_a(thing, "torch.optim.Optimizer")


def _is_scheduler(thing: Any) -> bool:
    return is_a(thing, "torch.optim.lr_scheduler.LRScheduler")


def _is_dataset(thing: Any) -> bool:
    return _defines(thing, "__len__", "__getitem__") and not is_a(thing, "torch.nn.Module")


def _is_step(thing: Any) -> bool:
    return _defines(thing, "__call__") and not _is_dataset_of_torch(thing)


def _is_dataset_of_torch(thing: Any) -> bool:
    return is_a(thing, "torch.utils.data.Dataset")


def _is_sampler(thing: Any) -> bool:
    return _defines(thing, "draw", "n_draws")


def _is_where(thing: Any) -> bool:
    return is_a(thing, "eisen.patches.where.indexing.Where")


def _is_which(thing: Any) -> bool:
    return is_a(thing, "eisen.patches.which.sampling.Which")


def _is_workflow(thing: Any) -> bool:
    return _defines(thing, "run")


def _is_hook(thing: Any) -> bool:
    if not isinstance(thing, type) or any(test(thing) for test in (_is_module, _is_optimizer, _is_dataset_of_torch)):
        return False
    try:
        parameters = list(inspect.signature(thing).parameters.values())
    except (TypeError, ValueError):
        return True
    return bool(parameters) and parameters[0].kind is not inspect.Parameter.KEYWORD_ONLY


_FITS: dict[str, Callable[[Any], bool]] = {
    "Models": _is_module,
    "Losses": _is_module,
    "Metrics": _is_module,
    "Datasets": _is_dataset,
    "Readers": _is_step,
    "Transforms": _is_step,
    "BatchTransforms": _is_step,
    "Optimizer": _is_optimizer,
    "Scheduler": _is_scheduler,
    "Sampler": _is_sampler,
    "Workflow": _is_workflow,
    "Hooks": _is_hook,
    "Where": _is_where,
    "Which": _is_which,
}

_EXPECTED = {
    "Models": "a subclass of torch.nn.Module, or a function of a model package that returns one",
    "Losses": "a subclass of torch.nn.Module that returns a loss, e.g. 'eisen.ops.losses.DiceLoss'",
    "Metrics": "a subclass of torch.nn.Module that returns a metric, e.g. 'eisen.ops.metrics.DiceMetric'",
    "Datasets": "a class with __len__ and __getitem__, e.g. 'eisen.datasets.MSDDataset'",
    "Readers": "a class with __call__, e.g. 'eisen.io.LoadNiftiFromFilename'",
    "Transforms": "a class with __call__, e.g. 'eisen.transforms.AddChannelDimension'",
    "BatchTransforms": "a class with __call__, e.g. 'eisen.transforms.RandomAffine'",
    "Optimizer": "a subclass of torch.optim.Optimizer, e.g. 'torch.optim.Adam'",
    "Scheduler": "a class of torch.optim.lr_scheduler, e.g. 'torch.optim.lr_scheduler.CosineAnnealingLR'",
    "Sampler": "a class with draw() and n_draws(), e.g. 'eisen.datasets.BalancedSampler'",
    "Workflow": "a class with run(), e.g. 'eisen.utils.workflows.Training'",
    "Hooks": "a class whose first parameters are workflow_id, phase and artifacts_dir",
    "Where": "a subclass of eisen.patches.Where, e.g. 'eisen.patches.Grid'",
    "Which": "a subclass of eisen.patches.Which, e.g. 'eisen.patches.Uniform'",
}


def _certainly(role: str, thing: Any) -> bool:
    """Tell whether a class belongs to a role beyond doubt; for suggestions only."""
    name = getattr(thing, "__name__", "").lower()
    word = {"Losses": "loss", "Metrics": "metric", "Workflow": "", "Readers": "load"}.get(role)
    if role in ("Optimizer", "Scheduler"):
        return fits(role, thing)
    if role == "Datasets":
        return _is_dataset_of_torch(thing)
    if role == "Models":
        return is_a(thing, "torch.nn.Module") and "loss" not in name and "metric" not in name
    return bool(word) and fits(role, thing) and str(word) in name
