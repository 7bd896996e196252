"""Flips and right-angle turns of images; they live in `eisen.ops.views`."""

from eisen.ops.views import View, checked_views, views_of

__all__ = ["View", "checked_views", "views_of"]
