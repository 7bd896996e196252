"""A configuration as a Python script."""

from eisen_cli.builder.start.script.export import export_python

__all__ = ["export_python"]
