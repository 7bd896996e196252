"""Packing trained models: the archives (``.mar``) that TorchServe and `eisen serve` serve."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
