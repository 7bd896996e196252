"""Which role a list of modules has, and whether a module may stand in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eisen._core.errors import ArgumentError
from eisen.config import hints
from eisen.config.injection import role_held, role_inside
from eisen.config.locate import Unlocatable, locate_named, present_path
from eisen.config.places import Place, text_of
from eisen.config.roles import misfit
from eisen.config.sections import ALIASES, SINGULAR
from eisen.config.signature import Parameter, signature_of
from eisen_cli.builder.document.tree import at

__all__ = ["demand_fit", "role_at"]


def role_at(data: Any, section: Place) -> str:
    """Return the role of the modules in a list: the name of the section, or what the class around the list asks for.

    Args:
        data: The configuration.
        section: Where the list stands, e.g. ``("Training", "Transforms")``.

    Example:
        >>> role_at({}, ("Training", "batch_transforms"))
        'BatchTransforms'
    """
    role = str(section[1]) if len(section) > 1 else ""
    role = ALIASES.get(role, role)
    for depth in range(3, len(section)):
        if section[depth] == "params" and depth + 1 < len(section):
            parameter = _parameter(at(data, (*section[:depth], "type"), None), section[depth + 1])
            if parameter is not None:
                role = role_inside(role) if hints.holds_steps(parameter.hint) else role_held(parameter, role)
    return role


def demand_fit(entry: Any, source: str, target: str, section: Place) -> None:
    """Refuse a module that may not stand in a list.

    Where nobody can tell, as the class cannot be imported, it may: checking will say what is wrong.

    Args:
        entry: The module.
        source: The role of the list that it comes from; empty when that is unknown.
        target: The role of the list that it shall stand in.
        section: Where that list stands, for the words.

    Raises:
        ArgumentError: If the module does not fit.
    """
    if source == target:
        return
    path = str(entry.get("type")) if isinstance(entry, Mapping) else ""
    wrong = _wrong(path, target)
    if wrong:
        what = f"{path.rpartition('.')[2] or 'this'} cannot stand in {text_of(section)}: {wrong[0]}"
        raise ArgumentError(what, expected=wrong[1], to_do="choose a section that it fits")


def _wrong(path: str, role: str) -> tuple[str, str] | None:
    if path.startswith(".") or role == "Hyperparameters":
        is_both = path.startswith(".") and role == "Hyperparameters"
        return None if is_both else ("hyperparameters have a section of their own", "the section Hyperparameters")
    if role not in SINGULAR:
        return f"'{role}' is no list of modules", f"one of {', '.join(SINGULAR)}"
    try:
        return misfit(role, locate_named(path), present_path(path))
    except Unlocatable:
        return None


def _parameter(path: Any, name: str | int) -> Parameter | None:
    try:
        return signature_of(locate_named(str(path))).parameters.get(str(name))
    except Unlocatable:
        return None
