"""From files to the beginning of an experiment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eisen_cli.builder.server.folders import Folders
from eisen_cli.builder.start.reading.dropped import Dropped, find_dropped, found_together, store_dropped
from eisen_cli.builder.start.reading.start import Learned, Start

__all__ = ["Dropped", "Learned", "Start", "find_dropped", "found_together", "from_files", "store_dropped"]


def from_files(paths: Sequence[str | Path], folders: Folders) -> Start:
    """Do what `eisen_cli.builder.start.reading.files.from_files` does; data sets are imported when it is called."""
    from eisen_cli.builder.start.reading.files import from_files as read

    return read(paths, folders)
