"""Workflows: one pass over the data, for training, validation and testing.

``Training(model, loader, losses=[loss], optimizer=optimizer, metrics=[dice]).run()`` trains for one epoch.
"""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
