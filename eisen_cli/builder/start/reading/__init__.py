"""From files to the beginning of an experiment."""

from eisen_cli.builder.start.reading.dropped import Dropped, find_dropped, found_together, store_dropped
from eisen_cli.builder.start.reading.files import from_files
from eisen_cli.builder.start.reading.start import Learned, Start

__all__ = ["Dropped", "Learned", "Start", "find_dropped", "found_together", "from_files", "store_dropped"]
