"""Calling wrapped modules with the fields they name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from eisen._core.errors import ArgumentError, DataError, EisenError, EmptyDatasetError
from eisen._core.fields import missing_field, shapes_of
from eisen.utils.wrappers import EisenModuleWrapper

__all__ = ["call_in_windows", "call_named", "checked_modules", "demand_names", "no_batches", "tell_epoch", "where"]


def call_named(module: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Call a wrapped module with the fields it names in `input_names`.

    Raises:
        MissingFieldError: If a field is not there; the card names the module and the nearest field.
    """
    try:
        inputs = [fields[name] for name in module.input_names]
    except (KeyError, TypeError, IndexError) as error:
        raise _lookup_error(module, fields) from error
    if type(module) is EisenModuleWrapper and not (
        module._forward_hooks
        or module._forward_pre_hooks
        or module._backward_hooks
        or module._backward_pre_hooks
        or module._compiled_call_impl
    ):  # nobody watches the wrapper, so what `torch.nn.Module` does around `forward` has no effect: save its time
        return module.call_in_order(inputs)
    outputs: dict[str, Any] = module(**dict(zip(module.input_names, inputs, strict=True)))
    return outputs


def call_in_windows(windows: Any, module: Any, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Call a wrapped module with the fields it names, window by window.

    Args:
        windows: A `SlidingWindow`; the first input of the module is the image that it cuts.
        module: The module.
        fields: Names of fields to values.

    Raises:
        MissingFieldError: If a field is not there.
    """
    try:
        inputs = [fields[name] for name in module.input_names]
    except (KeyError, TypeError, IndexError) as error:
        raise _lookup_error(module, fields) from error
    outputs: dict[str, Any] = windows(module, *inputs)
    return outputs


def demand_names(module: Any, what: str) -> Any:
    """Return a module if it names its inputs."""
    if not hasattr(module, "input_names"):
        raise ArgumentError(
            f"{what}, {type(module).__name__}, does not name its inputs",
            expected="a module wrapped in EisenModuleWrapper",
            to_do="EisenModuleWrapper(module, input_names=['image'], output_names=['logits'])",
        )
    return module


def checked_modules(modules: Sequence[Any] | None, what: str) -> list[Any]:
    """Return wrapped losses or metrics as a list; None is an empty one."""
    if modules is None:
        return []
    if not isinstance(modules, (list, tuple)):
        raise ArgumentError(f"{what} is a {type(modules).__name__}", expected="a list", to_do=f"write {what}=[...]")
    return [demand_names(module, f"{what}[{i}]") for i, module in enumerate(modules)]


def tell_epoch(epoch: int, *parts: Any) -> None:
    """Tell loaders and batch transforms which epoch begins, those that want to know."""
    for part in parts:
        if hasattr(part, "set_epoch"):
            part.set_epoch(epoch)


def where(batch: Any) -> tuple[str, str]:
    """Return the cases of a batch and the shapes of its fields, as text for an error."""
    cases = ", ".join(map(str, getattr(batch, "cases", ())))
    return cases, shapes_of(batch) if isinstance(batch, Mapping) else ""


def no_batches(phase: str) -> EmptyDatasetError:
    """Return the error for a data loader that gave nothing."""
    return EmptyDatasetError(
        f"{phase}: the data loader gave no batch",
        expected="at least one batch",
        to_do="check the data folder and the batch size; a generator can be passed over only once, use a list",
    )


def _lookup_error(module: Any, fields: Any) -> EisenError:
    name = type(getattr(module, "module", module)).__name__
    if isinstance(fields, Mapping):
        absent = next(field for field in module.input_names if field not in fields)
        return missing_field(absent, fields, name)
    return DataError(
        f"the data loader gave a {type(fields).__name__} instead of a batch with named fields",
        expected="a dict of field names to tensors",
        to_do="name the elements: EisenDatasetWrapper(dataset, ['image', 'label'])",
    )
