"""Public data sets, lists of cases of your own, and loading them in batches."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
