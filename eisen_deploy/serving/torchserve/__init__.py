"""TorchServe around packages: its configuration, and the server as a process of ours."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
