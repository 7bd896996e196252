"""From a configuration file to checked, typed settings, and from those to objects."""

from __future__ import annotations

from eisen._core.optional import exports

__getattr__, __dir__, __all__ = exports(__name__, __file__)
