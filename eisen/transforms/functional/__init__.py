"""The arithmetic of the transforms on plain arrays: NumPy in, NumPy out; torch tensors in, torch tensors out."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
