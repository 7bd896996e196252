"""The packages a configuration can draw from, and their public names, without importing what they name."""

from __future__ import annotations

from functools import cache
from importlib import import_module

__all__ = ["PACKAGES", "public_names"]

PACKAGES: dict[str, str] = {
    "eisen.datasets": "Datasets",
    "eisen.io": "Readers",
    "eisen.transforms": "Transforms",
    "eisen.models": "Models",
    "eisen.ops.losses": "Losses",
    "eisen.ops.metrics": "Metrics",
    "eisen.utils.workflows": "Workflow",
    "eisen.utils.logging": "Hooks",
    "eisen.utils.artifacts": "Hooks",
}
"""Our packages, and the section most of their classes go into."""


@cache
def public_names() -> list[str]:
    """Return the shortest dotted path of every public name of the packages.

    Example:
        >>> "eisen.ops.losses" in PACKAGES, isinstance(public_names(), list)
        (True, True)
    """
    return [f"{package}.{name}" for package in PACKAGES for name in _names_of(package)]


def _names_of(package: str) -> list[str]:
    try:
        return list(getattr(import_module(package), "__all__", ()))
    except (ImportError, ValueError):  # a package without this room, or without its list of names
        return []
