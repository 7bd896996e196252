"""Whole volumes in, whole volumes out: what a request brings, and what an answer is written as."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
