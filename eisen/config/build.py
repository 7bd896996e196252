"""From a checked entry to the object it describes."""

from __future__ import annotations

from typing import Any

from eisen._core.errors import ConfigError, EisenError, Problem
from eisen.config import hints
from eisen.config.experiment import Entry
from eisen.config.injection import (
    arguments_for,
    holds_entries,
    holds_entry,
    injected_inside,
    role_held,
    role_inside,
    settings_of,
)
from eisen.config.locate import Unlocatable, locate_named
from eisen.config.roles import is_a, misfit
from eisen.config.sections import INJECTED, SINGULAR, WIRED
from eisen.config.signature import Signature, signature_of

__all__ = ["build"]


def build(entry: Entry, role: str, **injected: Any) -> Any:
    """Build the object that an entry of a configuration describes.

    The role is checked before anything is instantiated. Models, losses and metrics come back bare; what they read
    and add is in ``entry.input_names`` and ``entry.output_names``.

    Args:
        entry: The entry.
        role: The section it stands in, e.g. ``"Transforms"``.
        **injected: What the program fills in (``data_dir``, ``transform``, ``params``, ``model``, ``workflow_id`` ...).
            An argument that the class does not take is left out; what the file says is never overwritten.

    Raises:
        ConfigError: If the path names nothing that fits the role, or the constructor refuses its arguments.
        EisenError: If the constructor itself raises one; the place in the configuration is added.

    Example:
        >>> import torch
        >>> entry = Entry("torch.optim.SGD", {"lr": 0.1}, "Training.Optimizer[0]")
        >>> optimizer = build(entry, "Optimizer", params=torch.nn.Linear(2, 2).parameters(), data_dir="unused")
        >>> optimizer.defaults["lr"]
        0.1
    """
    if role not in INJECTED:
        raise ValueError(f"'{role}' is no role; expected one of {', '.join(INJECTED)}")
    thing = _checked_class(entry, role)
    signature = signature_of(thing)
    beside = settings_of(role, signature)
    params = {name: _converted(signature, name, value) for name, value in entry.params.items() if name not in beside}
    for name, value in params.items():
        place, parameter = f"{entry.where or entry.name}.params.{name}", signature.parameters.get(name)
        if holds_entry(parameter, value, role):
            params[name] = _inner(value, place, role_held(parameter, role), injected)
        elif holds_entries(parameter, value, role):
            held = role_held(parameter, role)
            params[name] = [_inner(item, f"{place}[{i}]", held, injected) for i, item in enumerate(value)]
    places = _build_steps(params, entry, role, signature, injected)
    injected = {**injected, **({"places": places} if places else {})}
    params |= arguments_for(role, signature, params, injected)
    result = _instantiate(thing, params, entry)
    if role in WIRED and not is_a(type(result), "torch.nn.Module"):
        raise _error(entry, f"'{entry.type}' returned {type(result).__name__}", "a torch.nn.Module")
    return result


def _checked_class(entry: Entry, role: str) -> Any:
    try:
        thing = locate_named(entry.type)
    except Unlocatable as error:
        raise _error(entry, error.what, error.expected) from error.__cause__
    wrong = misfit(role, thing, entry.type)
    if wrong:
        raise _error(entry, *wrong)
    return thing


def _inner(item: dict[str, Any], place: str, role: str, injected: dict[str, Any]) -> Any:
    """Return the object of the same role that stands inside of an entry."""
    return build(Entry(item["type"], dict(item.get("params", {})), place), role, **injected_inside(role, injected))


def _build_steps(
    params: dict[str, Any], entry: Entry, role: str, signature: Signature, injected: dict[str, Any]
) -> list[str]:
    """Replace lists of entries, e.g. those that OneOf chooses from, by what they describe; return where they stand."""
    places: list[str] = []
    for name, value in params.items():
        parameter = signature.parameters.get(name)
        if parameter is None or not hints.holds_steps(parameter.hint) or not isinstance(value, list):
            continue
        places = [f"{entry.where or entry.name}.params.{name}[{index}]" for index in range(len(value))]
        params[name] = [_step(item, place, role, injected) for item, place in zip(value, places, strict=True)]
    return places


def _step(item: Any, place: str, role: str, injected: dict[str, Any]) -> Any:
    """Return the step an entry describes; entries made in Python may hold steps already."""
    if not isinstance(item, dict) or not isinstance(item.get("type"), str):
        return item
    return build(Entry(item["type"], dict(item.get("params", {})), place), role_inside(role), **injected)


def _converted(signature: Signature, name: str, value: Any) -> Any:
    parameter = signature.parameters.get(name)
    try:
        return hints.convert(parameter.hint, value) if parameter else value
    except (hints.Misfit, TypeError):  # entries made in Python may hold objects that JSON does not know
        return value


def _instantiate(thing: Any, params: dict[str, Any], entry: Entry) -> Any:
    try:
        return thing(**params)
    except EisenError as error:
        error.note(config=entry.where)
        raise
    except Exception as error:
        shown = ", ".join(f"{name}={_short(value)}" for name, value in params.items())
        what = f"{entry.name}({shown}) failed: {type(error).__name__}: {error}"
        raise _error(entry, what, "parameters that the class accepts") from error


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{type(value).__name__}(...)"


def _error(entry: Entry, what: str, expected: str) -> ConfigError:
    where = entry.where or entry.type
    error = ConfigError([Problem(where, what, expected)])
    return error.note(config=where)


assert set(SINGULAR) == set(INJECTED)
