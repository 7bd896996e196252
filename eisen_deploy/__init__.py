"""Packaging and serving of trained models."""

from __future__ import annotations

from eisen._core.version import __version__

__all__ = ["__version__"]
