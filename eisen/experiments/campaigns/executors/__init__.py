"""Where tasks run: one after another, in local processes, or over a Ray cluster."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
