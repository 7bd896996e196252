"""Patches become a whole again."""

__all__: list[str] = []
