"""Hooks that show how a run is going: a table in the terminal, pictures and curves in TensorBoard."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
