"""The split that a configuration chooses: its file, its fold, and what is kept of it beside results."""

from __future__ import annotations

import functools
from pathlib import Path

from eisen._core.errors import ArgumentError, EisenError, MissingFileError
from eisen.config import Experiment
from eisen.experiments.splits.fold import Fold
from eisen.experiments.splits.splits import Splits

__all__ = ["chosen_fold", "is_split_file", "keep_split", "loaded", "split_facts", "split_file"]


def split_file(experiment: Experiment) -> Path:
    """Return the file of the split of an experiment.

    It is looked for from the folder of the configuration; then under its bare name beside the configuration, where a
    run keeps a copy; then from the working folder.

    Args:
        experiment: The configuration; it has a part ``"Split"``.

    Raises:
        MissingFileError: If it is nowhere.

    Example:
        >>> from eisen.config import read_config
        >>> split_file(read_config({"Split": {"file": "no_such.json", "fold": "0"}}))
        Traceback (most recent call last):
        eisen._core.errors.MissingFileError: there is no split no_such.json...
    """
    assert experiment.split is not None, "asked for without a split"
    name = Path(experiment.split.file)
    folder = Path(experiment.path).parent if experiment.path else Path()
    candidates = [folder / name, folder / name.name, Path.cwd() / name]
    found = next((path for path in candidates if path.is_file()), None)
    if found is None:
        raise MissingFileError(
            f"there is no split {folder / name}",
            expected="the file of a split, from the folder of the configuration or absolute",
            to_do="make it with 'eisen split', or name another one: --set Split.file=...",
            file=str(folder / name),
            config="Split.file",
        )
    return found


def loaded(experiment: Experiment) -> Splits:
    """Return the split of an experiment, checked; a file that did not change is read once.

    Args:
        experiment: The configuration; it has a part ``"Split"``.

    Raises:
        MissingFileError: If there is no such file.
        CorruptFileError: If it was tampered with, or leaks.
    """
    path = split_file(experiment).resolve()
    state = path.stat()
    try:
        return _loaded(path, state.st_mtime_ns, state.st_size)
    except EisenError as error:
        raise error.note(config="Split.file") from error.__cause__


@functools.lru_cache(maxsize=8)
def _loaded(path: Path, _changed: int, _size: int) -> Splits:
    return Splits.load(path)


def chosen_fold(experiment: Experiment) -> Fold | None:
    """Return the fold that an experiment uses; None when it has no split.

    Args:
        experiment: The configuration.

    Raises:
        MissingFileError: If there is no such file.
        CorruptFileError: If it was tampered with, or leaks.
        ArgumentError: If it has no such fold.
    """
    if experiment.split is None:
        return None
    splits = loaded(experiment)
    try:
        return splits[experiment.split.fold]
    except ArgumentError as error:
        to_do = error.card.to_do or f"--set Split.fold={splits.folds[0].name}"
        error.card.to_do = to_do
        raise error.note(config="Split.fold", file=str(split_file(experiment)))  # noqa: B904 - it is the same error


def split_facts(experiment: Experiment) -> dict[str, str] | None:
    """Return what records and checkpoints say about the split; None when there is none.

    Args:
        experiment: The configuration.

    Returns:
        ``{"file": ..., "fold": ..., "digest": ...}``, all text; the file as the configuration names it.
    """
    if experiment.split is None:
        return None
    digest = loaded(experiment).digest
    return {"file": experiment.split.file, "fold": experiment.split.fold, "digest": digest}


def keep_split(experiment: Experiment, folder: Path) -> Path | None:
    """Write a copy of the split into the folder of a run, so that the folder can be moved and used by itself.

    Args:
        experiment: The configuration.
        folder: The folder, in which the configuration is called ``config.json``.

    Returns:
        The copy; None without a split, or when another file has its name.
    """
    if experiment.split is None:
        return None
    copy = folder / Path(experiment.split.file).name
    splits = loaded(experiment)
    if _is_same(copy, splits):
        return copy
    if copy.exists() and not is_split_file(copy):
        return None
    splits.save(copy)
    return copy


def _is_same(path: Path, splits: Splits) -> bool:
    try:
        return Splits.load(path).digest == splits.digest
    except EisenError:
        return False


def is_split_file(path: Path) -> bool:
    """Tell whether a file is a frozen split rather than a configuration.

    Args:
        path: The file; it need not be there.
    """
    return path.is_file() and '"eisen-split"' in path.read_text(encoding="utf-8", errors="replace")[:200]
