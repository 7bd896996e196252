"""The web server of the builder: this machine only, with a token, nothing outside of the allowed folders."""

from eisen_cli.builder.server.folders import Folders
from eisen_cli.builder.server.guard import Guard

__all__ = ["Folders", "Guard"]
