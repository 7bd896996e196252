"""Whole experiments: train, validate, test, predict and dry-run what one configuration describes."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
