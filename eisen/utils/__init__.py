"""Wrappers that join PyTorch's parts by field names, workflows that run them, hooks that watch.

Everything loads on first use, also the sub-packages `artifacts`, `interop`, `logging` and `workflows`.
"""

from importlib import import_module
from typing import Any

from eisen._core.optional import exports

_load, __dir__, __all__ = exports(__name__, __file__)


def __getattr__(name: str) -> Any:
    if name in ("artifacts", "interop", "logging", "workflows"):
        return import_module(f"{__name__}.{name}")
    return _load(name)
