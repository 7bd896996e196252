"""The packages a configuration can draw from, and their public names, without importing what they name."""

from __future__ import annotations

from functools import cache
from importlib import import_module

__all__ = ["PACKAGES", "WRAPPERS", "public_names"]

PACKAGES: dict[str, str] = {
    "eisen.datasets": "Datasets",
    "eisen.patches": "Where",
    "eisen.io": "Readers",
    "eisen.transforms": "Transforms",
    "eisen.models": "Models",
    "eisen.ops.losses": "Losses",
    "eisen.ops.metrics": "Metrics",
    "eisen.utils.workflows": "Workflow",
    "eisen.utils.interop": "Transforms",
    "eisen.utils.logging": "Hooks",
    "eisen.utils.artifacts": "Hooks",
}
"""Our packages, and the section most of their classes go into."""

WRAPPERS: dict[str, str] = {
    "eisen.datasets.CachedDataset": "Datasets",
    "eisen.datasets.ConcatDataset": "Datasets",
    "eisen.datasets.SlicesDataset": "Datasets",
    "eisen.datasets.SubsetDataset": "Datasets",
    "eisen.patches.Padded": "Where",
    "eisen.patches.PatchDataset": "Datasets",
    "eisen.patches.PatchQueue": "Datasets",
    "eisen.utils.EisenDatasetWrapper": "Datasets",
    "eisen.utils.EisenTransformWrapper": "Transforms",
}
"""Classes that hold another object of their role, described by an entry inside of their own."""


@cache
def public_names() -> list[str]:
    """Return the shortest dotted path of every public name of the packages.

    Example:
        >>> "eisen.ops.losses" in PACKAGES, isinstance(public_names(), list)
        (True, True)
    """
    names = [f"{package}.{name}" for package in PACKAGES for name in _names_of(package)]
    return list(dict.fromkeys([*names, *WRAPPERS]))


def _names_of(package: str) -> list[str]:
    try:
        return list(getattr(import_module(package), "__all__", ()))
    except (ImportError, ValueError):  # a package without this room, or without its list of names
        return []
