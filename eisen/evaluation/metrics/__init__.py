"""All metrics, one class each: discovery and the spelling of metrics read the names exported here."""

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
