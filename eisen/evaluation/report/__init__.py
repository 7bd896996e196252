"""A page about an evaluation that people show to others: one HTML file that needs no network."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
