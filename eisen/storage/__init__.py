"""One file with all cases, and reading any part of it at the speed of memory."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
