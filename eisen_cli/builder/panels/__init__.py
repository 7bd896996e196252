"""Typed fields for the modules and settings of a configuration."""

__all__: list[str] = []
