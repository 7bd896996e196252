"""Bringing a result back to the grid of its file; the arithmetic is in `eisen.transforms.functional`."""

from eisen.transforms.functional.restore import restore_to_native

__all__ = ["restore_to_native"]
