"""Random variations of a case: parameters are drawn once per sample, so image and label change together."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
