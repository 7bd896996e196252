"""Parts of a case: where they are, which are taken, and how they become a whole again."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
