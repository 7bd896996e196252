"""Packages that may be absent, and loading ours only when they are used."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from types import ModuleType
from typing import Any

import lazy_loader

from eisen._core import legacy
from eisen._core.errors import MissingExtraError

__all__ = ["exports", "is_torch", "require"]


def require(module: str, extra: str, purpose: str) -> ModuleType:
    """Import an optional package, or say how to install it.

    Args:
        module: Name to import.
        extra: The extra of eisen that brings it.
        purpose: What it is needed for, e.g. ``"exporting to ONNX"``.

    Raises:
        MissingExtraError: If it is not installed.
    """
    try:
        return import_module(module)
    except ImportError as error:
        raise MissingExtraError(
            f"{purpose} needs the package '{module}', which is not installed",
            to_do=f"pip install 'eisen[{extra}]'",
        ) from error


def is_torch(value: object) -> bool:
    """Tell whether a value is a torch tensor, without importing torch."""
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(value, torch.Tensor)


def exports(package: str, file: str) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Return ``__getattr__, __dir__, __all__`` of a package whose public names stand in its ``.pyi`` file.

    A name is imported when it is first used, and so is a module of the package. Names that older versions had resolve
    with a DeprecationWarning.

    Args:
        package: The package's ``__name__``.
        file: The package's ``__file__``.
    """
    load, _, names = lazy_loader.attach_stub(package, file)

    def getattr_(name: str) -> Any:
        if name in names:
            return load(name)
        if not name.startswith("_") and find_spec(f"{package}.{name}"):
            return import_module(f"{package}.{name}")
        return legacy.resolve_attribute(package, name)

    return getattr_, lambda: sorted(names), sorted(names)
