"""What the program fills in by itself: the model into the workflow, the data folder into readers, and so on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eisen.config import hints
from eisen.config.sections import HOLDING, INJECTED, SETTINGS
from eisen.config.signature import Parameter, Signature

__all__ = [
    "arguments_for",
    "holds_entries",
    "holds_entry",
    "injected_inside",
    "injected_names",
    "role_held",
    "role_inside",
    "settings_of",
]


_FIXED = {name for names in INJECTED.values() for name in names}
"""Names that mean something in their own role only: ``phase`` of a dataset is not the phase of a hook."""


def injected_names(role: str, signature: Signature, params: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters that the program fills in: name in the signature to name of what it gets.

    Hooks get theirs by position, as hooks of other people name them as they like.

    Args:
        role: The section, e.g. ``"Hooks"``.
        signature: What the class can be called with.
        params: What the file gives; that is never overwritten.
    """
    known = INJECTED[role]
    if any(hints.holds_steps(parameter.hint) for parameter in signature.parameters.values()):
        known = (*known, "places")  # where the steps inside stand in the file
    if role != "Hooks":
        return {name: name for name in known if signature.accepts(name) and name not in params}
    leading = [parameter.name for parameter in signature.parameters.values() if parameter.positional][: len(known)]
    if leading[:1] == ["workflow_id"] and "phase" not in leading:
        leading = leading[:1]
    return {name: what for name, what in zip(leading, known, strict=False) if name not in params}


def settings_of(role: str, signature: Signature) -> dict[str, Any]:
    """Return what an entry may say beside the parameters of its class: name to type.

    A parameter of the class of the same name goes first.
    """
    return {name: hint for name, hint in SETTINGS.get(role, {}).items() if name not in signature.parameters}


def role_inside(role: str) -> str:
    """Return the role of steps that stand inside of a module: that of the module, if it is a step itself.

    Example:
        >>> role_inside("Readers"), role_inside("Datasets")
        ('Readers', 'Transforms')
    """
    return role if role in ("Readers", "Transforms", "BatchTransforms") else "Transforms"


def holds_entry(parameter: Parameter | None, value: Any, role: str) -> bool:
    """Tell whether the value of a parameter describes an object of the same role, e.g. the loss inside of a loss.

    That is so where no other JSON value could stand, and the value has the form of an entry.
    """
    if parameter is None or not _is_entry(value):
        return False
    return bool(parameter.role) or (role in HOLDING and not parameter.expressible)


def role_held(parameter: Parameter | None, role: str) -> str:
    """Return the role of the entry that stands in the place of a parameter: what its type says, else that of its class.

    Args:
        parameter: The parameter.
        role: The section of its class.
    """
    return role if parameter is None else parameter.role or role


def holds_entries(parameter: Parameter | None, value: Any, role: str) -> bool:
    """Tell whether the value of a parameter is a list of objects of the same role, e.g. the datasets to be joined."""
    return isinstance(value, list) and bool(value) and all(holds_entry(parameter, item, role) for item in value)


def _is_entry(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("type"), str) and set(value) <= {"type", "params"}


def injected_inside(role: str, injected: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the program fills in for an object inside of another one of its role.

    The transform belongs to the dataset outside; ``root`` is what torchvision calls the folder of the data.

    Example:
        >>> injected_inside("Datasets", {"data_dir": "scans", "transform": None})
        {'data_dir': 'scans', 'root': 'scans'}
    """
    if role != "Datasets" or "data_dir" not in injected:
        return {}
    return {"data_dir": injected["data_dir"], "root": injected["data_dir"]}


def arguments_for(
    role: str, signature: Signature, params: Mapping[str, Any], injected: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the keywords to fill in, out of those on offer.

    Args:
        role: The section.
        signature: What the class can be called with.
        params: What the file gives; that is never overwritten.
        injected: What is on offer, by the names of the contract (``data_dir``, ``transform``, ``workflow_id`` ...), or
            by any other name, which goes to classes with a parameter of that name.
    """
    offered = dict(injected)
    if "artifact_dir" in offered:
        offered.setdefault("artifacts_dir", offered["artifact_dir"])
    names = injected_names(role, signature, params)
    chosen = {name: offered[what] for name, what in names.items() if what in offered}
    free = [name for name in injected if name not in _FIXED and name in signature.parameters and name not in params]
    extra = {name: injected[name] for name in free}
    return {**extra, **chosen}
