"""Training with several processes, one per device, that torchrun starts."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
