"""What a run writes while it works, for whoever looks on: how far it is, how long it will take, where time goes."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
