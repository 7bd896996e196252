"""Results of methods by what people call them on a command line."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from eisen._core.errors import ArgumentError, MissingFileError
from eisen.evaluation.results import Results

__all__ = ["named_results"]

_FILES = ("results.json", "results.parquet", "results.csv")


def named_results(sources: Sequence[str]) -> dict[str, Results]:
    """Read the results of several methods.

    Args:
        sources: ``NAME=PATH`` or ``PATH``: what `eisen evaluate` wrote, a folder or a file in it. Without a name it is
            the first part of the path, from its end, in which the methods differ.

    Raises:
        ArgumentError: If two have the same name.
        MissingFileError: If a folder holds no results.

    Example:
        >>> import tempfile
        >>> from eisen.evaluation import Record
        >>> folder = Path(tempfile.mkdtemp())
        >>> for name in ("a", "b"):
        ...     (folder / name).mkdir()
        ...     Results([Record("p7", "lung", "DICE", 0.9)]).write(folder / name / "results.csv")
        >>> sorted(named_results([f"{folder}/a", f"new={folder}/b/results.csv"]))
        ['a', 'new']
    """
    given = [_split(source) for source in sources]
    files = [_file_of(path) for _, path in given]
    names = [name or own for (name, _), own in zip(given, _names(files), strict=True)]
    for name in names:
        if names.count(name) > 1:
            raise ArgumentError(
                f"two methods are called {name!r}",
                expected="different names",
                to_do=f"name them: {name}1=PATH {name}2=PATH",
            )
    return {name: Results.read(file) for name, file in zip(names, files, strict=True)}


def _split(source: str) -> tuple[str, Path]:
    name, sign, path = source.partition("=")
    return (name.strip(), Path(path)) if sign and not Path(source).exists() else ("", Path(source))


def _file_of(path: Path) -> Path:
    if not path.exists():
        raise MissingFileError(
            f"there is no {path}", expected="a folder that `eisen evaluate` wrote, or a file in it", file=str(path)
        )
    if not path.is_dir():
        return path
    found = [path / name for name in _FILES if (path / name).is_file()]
    if not found:
        raise MissingFileError(
            f"the folder {path} holds no results",
            expected=f"one of {', '.join(_FILES)}, as `eisen evaluate --out` writes them",
            file=str(path),
        )
    return found[0]


def _names(files: Sequence[Path]) -> list[str]:
    """Return for each file the part of its path, from the end, in which it differs from the others."""
    parts = [[*file.absolute().with_suffix("").parts][::-1] for file in files]
    for place in range(min(len(p) for p in parts)):
        names = [p[place] for p in parts]
        if len(set(names)) == len(names):
            return names
    return [p[0] for p in parts]
