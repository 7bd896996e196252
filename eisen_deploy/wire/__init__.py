"""Messages in msgpack: arrays, text, numbers, lists and maps of them, read with limits and without needless copies."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
