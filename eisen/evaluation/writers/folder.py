"""Everything about an evaluation in a folder."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from eisen._core.atomic import artifact_error
from eisen.evaluation.results import Results
from eisen.evaluation.statistics import Statistic, aggregate
from eisen.evaluation.writers.csv_files import write_csv, write_statistics
from eisen.evaluation.writers.documents import write_json

__all__ = ["write_results"]


def write_results(
    results: Results, folder: str | os.PathLike[str], functions: Mapping[str, Statistic] | None = None
) -> list[tuple[Path, str]]:
    """Write ``results.csv``, ``statistics.csv`` and ``results.json``.

    Args:
        results: What was measured.
        folder: Where to; it is made when it is absent.
        functions: Statistics of your own, see `eisen.evaluation.aggregate`.

    Returns:
        Each file, and what is in it.

    Raises:
        ArtifactError: If a file cannot be written.

    Example:
        >>> import tempfile
        >>> from eisen.evaluation import Record
        >>> files = write_results(Results([Record("p7", "lung", "DICE", 0.9)]), tempfile.mkdtemp())
        >>> [path.name for path, _ in files]
        ['results.csv', 'statistics.csv', 'results.json']
    """
    place = Path(folder)
    try:
        place.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise artifact_error(error, place) from error
    files = [
        (place / "results.csv", "a value per case, label and metric"),
        (place / "statistics.csv", "means, and how many cases they do not speak of"),
        (place / "results.json", "all of it, for programs"),
    ]
    write_csv(results, files[0][0])
    write_statistics(aggregate(results, functions), files[1][0])
    write_json(results, files[2][0])
    return files
