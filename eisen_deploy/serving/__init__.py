"""Answering requests with packaged models."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
