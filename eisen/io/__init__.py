"""Readers that turn file names into images, and writers that turn images into files."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
