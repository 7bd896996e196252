"""The doctor: looks through a whole data set before a training does, and says what is wrong with which file."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
