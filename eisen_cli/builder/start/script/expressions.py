"""From an entry of a configuration to the call that makes the same object."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eisen.config import Entry, hints, locate
from eisen.config.injection import (
    arguments_for,
    holds_entries,
    holds_entry,
    injected_inside,
    role_held,
    role_inside,
    settings_of,
)
from eisen.config.signature import Signature, signature_of
from eisen_cli.builder.start.script.code import Call, Raw
from eisen_cli.builder.start.script.names import Names

__all__ = ["call_of", "wrapped_call"]


def call_of(entry: Entry, role: str, names: Names, **injected: Any) -> Call:
    """Return the call that makes the object of an entry, as `eisen.config.build` would.

    Args:
        entry: The entry.
        role: The section it stands in.
        names: Takes the imports.
        **injected: Code for what the program fills in.
    """
    signature = signature_of(locate(entry.type))
    beside = settings_of(role, signature)
    params = {name: _converted(signature, name, value) for name, value in entry.params.items() if name not in beside}
    made = {name: _argument(signature, name, value, role, names, injected) for name, value in params.items()}
    filled = arguments_for(role, signature, params, injected)
    return Call(names.of(entry.type), (), _in_order(signature, {**filled, **made}))


def wrapped_call(entry: Entry, role: str, names: Names) -> Call:
    """Return the call that makes a model, loss or metric with the names of what it reads and adds."""
    inside = call_of(entry, role, names)
    wires = [list(entry.input_names), list(entry.output_names)]
    return Call(names.of("eisen.utils.EisenModuleWrapper"), [inside, *wires])


def _argument(signature: Signature, name: str, value: Any, role: str, names: Names, injected: Mapping[str, Any]) -> Any:
    parameter = signature.parameters.get(name)
    if holds_entry(parameter, value, role):
        held = role_held(parameter, role)
        return call_of(_entry(value), held, names, **injected_inside(role, injected))
    if holds_entries(parameter, value, role):
        held = role_held(parameter, role)
        return [call_of(_entry(item), held, names, **injected_inside(role, injected)) for item in value]
    if parameter is not None and hints.holds_steps(parameter.hint) and isinstance(value, list):
        return [call_of(_entry(item), role_inside(role), names, **injected) for item in value]
    return value


def _entry(value: Any) -> Entry:
    return Entry(value["type"], dict(value.get("params", {})))


def _converted(signature: Signature, name: str, value: Any) -> Any:
    parameter = signature.parameters.get(name)
    try:
        found = hints.convert(parameter.hint, value) if parameter else value
    except (hints.Misfit, TypeError):
        return value
    return found if _is_literal(found) else value


def _is_literal(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(_is_literal(part) for pair in value.items() for part in pair)
    if isinstance(value, list | tuple):
        return all(map(_is_literal, value))
    return value is None or isinstance(value, str | int | float | bool | Raw)


def _in_order(signature: Signature, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Return arguments in the order of the signature, those it does not name last."""
    known = [name for name in signature.parameters if name in arguments]
    return {name: arguments[name] for name in [*known, *(name for name in arguments if name not in known)]}
