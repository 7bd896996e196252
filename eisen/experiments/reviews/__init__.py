"""Reviews: a trained model on every case of a phase, with images, references and predictions to look at."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
