"""How good results are: metrics on arrays, evaluators, tables and reports. Nothing here needs torch."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
