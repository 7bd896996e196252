"""Steps that run transforms of TorchIO, MONAI and batchgeneratorsv2 on data points, image and label moving together.

Only the library whose step is used is imported.
"""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
