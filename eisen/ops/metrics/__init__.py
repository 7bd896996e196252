"""What tells how good a network is, computed on the device batch by batch."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
