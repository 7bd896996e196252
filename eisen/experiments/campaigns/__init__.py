"""Campaigns: many runs that belong together - the folds and seeds of a cross-validation, the trials of a search."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
