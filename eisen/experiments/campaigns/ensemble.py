"""An ensemble: the models of all folds and seeds, for ``eisen predict --model ensemble.json``."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from eisen._core.atomic import atomic_write
from eisen._core.errors import ArgumentError, MissingFileError

__all__ = ["write_ensemble"]


def write_ensemble(
    path: str | Path, members: Sequence[str | Path], config: str | Path, temperature: float | None = None
) -> None:
    """Write the list of models whose predictions are averaged.

    Paths in the file are relative to it, so the folder can be moved as a whole.

    Args:
        path: The file, usually ``ensemble.json`` in the folder of the campaign.
        members: Weights of the models.
        config: A configuration that builds them.
        temperature: What logits are divided by, so that probabilities are calibrated; None leaves them as they are.

    Raises:
        ArgumentError: If there is no model.
        MissingFileError: If a file is not there.
        ArtifactError: If the file cannot be written.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     for name in ("a.pt", "b.pt", "config.json"):
        ...         _ = (Path(folder) / name).write_text("")
        ...     write_ensemble(f"{folder}/ensemble.json", [f"{folder}/a.pt", f"{folder}/b.pt"], f"{folder}/config.json")
        ...     json.loads(Path(f"{folder}/ensemble.json").read_text(encoding="utf-8"))["members"]
        ['a.pt', 'b.pt']
    """
    if not members:
        raise ArgumentError("an ensemble has no members", expected="at least one model")
    for file in (*members, config):
        if not Path(file).is_file():
            raise MissingFileError(f"there is no {file}", file=str(file), to_do="train that fold again")
    home = Path(path).resolve().parent
    document = {
        "format": "eisen-ensemble",
        "version": 1,
        "config": _relative(config, home),
        "members": [_relative(member, home) for member in members],
        "temperature": temperature,
    }
    with atomic_write(path, "w") as file_:
        json.dump(document, file_, indent=2)
        file_.write("\n")


def _relative(path: str | Path, home: Path) -> str:
    return Path(os.path.relpath(Path(path).resolve(), home)).as_posix()
