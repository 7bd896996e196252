"""The command line of eisen: thin commands that parse, call the library, and print."""

from __future__ import annotations

from eisen._core.version import __version__
from eisen_cli.commands.evaluate import test, validate
from eisen_cli.train.train import train

__all__ = ["__version__", "test", "train", "validate"]
