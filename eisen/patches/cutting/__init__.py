"""Patches as data points: cases are opened, and only what a patch needs is read."""

__all__: list[str] = []
