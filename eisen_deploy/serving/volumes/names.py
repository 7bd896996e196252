"""What label values and classes are called."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eisen_deploy.packaging.layout import Package

__all__ = ["channel_names", "label_names"]


def label_names(package: Package) -> dict[int, str]:
    """Return the names of the label values of a package."""
    return {label.value: label.name for label in package.labels}


def channel_names(package: Package, n_channels: int, values: Sequence[int] | None) -> list[str]:
    """Return what the channels of probabilities are called.

    Args:
        package: The package.
        n_channels: How many there are; a single one is the probability of class 1.
        values: The label value of each, where that is known; else they count from 0.

    Example:
        >>> from eisen_deploy.packaging.layout import Label, ModelInput, Package
        >>> labels = [Label(1, "liver", "#aa0000")]
        >>> package = Package("abdomen", "1", "labels", [ModelInput("ct")], ["weights/0.safetensors"], labels=labels)
        >>> channel_names(package, 2, None), channel_names(package, 1, None)
        (['background', 'liver'], ['liver'])
    """
    known = label_names(package)
    if package.kind == "labels":
        known.setdefault(0, "background")
    numbers = values or ([1] if n_channels == 1 else list(range(n_channels)))
    return [known.get(int(value), str(value)) for value in numbers]
