"""Where a result comes from: configuration, data, split, code and machine, and what of it has changed since."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
