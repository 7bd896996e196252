"""The configuration that is being edited: undo, files that keep their form, and what is wrong with it."""

from eisen_cli.builder.document.document import Document
from eisen_cli.builder.document.history import Change

__all__ = ["Change", "Document"]
