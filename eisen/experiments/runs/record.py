"""The record of one run, as it lies in its artifact folder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eisen._core.errors import CorruptFileError, MissingFileError
from eisen.experiments.artifacts import Artifacts
from eisen.experiments.provenance.fingerprints import Fingerprint
from eisen.experiments.provenance.names import data_dir_of, is_alive

__all__ = ["RunRecord", "is_record", "read_run"]


@dataclass(frozen=True)
class RunRecord:
    """One run of ``eisen train``.

    Args:
        folder: Its artifact folder.
        facts: The content of its ``run.json``.

    Example:
        >>> run = RunRecord(Path("runs/first"), {"status": "complete", "seed": 3, "best": {"value": 0.9}})
        >>> run.name, run.status, run.best
        ('first', 'complete', 0.9)
    """

    folder: Path
    facts: Mapping[str, Any]

    @property
    def name(self) -> str:
        """Name of the folder."""
        return self.folder.name or self.folder.resolve().name

    @property
    def status(self) -> str:
        """How it ended: ``"complete"``, ``"interrupted"`` or ``"failed"``.

        Of a run that did not end: ``"running"``, ``"dead"`` when its process is gone, and ``"running?"`` when it runs
        on another machine, or did.
        """
        said = str(self.facts.get("status", "unknown"))
        return {True: "running", False: "dead", None: "running?"}[is_alive(self.folder)] if said == "running" else said

    @property
    def best(self) -> float | None:
        """The best value, or None before there is one."""
        value = _dict(self.facts.get("best")).get("value")
        return float(value) if isinstance(value, (int, float)) else None

    @property
    def larger_is_better(self) -> bool:
        """Whether a larger best value is the better one."""
        name = str(_dict(self.facts.get("best")).get("name", ""))
        return not (name == "mean loss" or name.startswith("min"))

    @property
    def epochs(self) -> tuple[int | None, int | None]:
        """How many epochs are complete, and how many were asked for; None where that is not known."""
        done, asked = self.facts.get("epochs_complete"), self.facts.get("epochs")
        if done is None and self.facts.get("status") == "running":
            done = _logged_epochs(Artifacts(self.folder).log)
        return (done if isinstance(done, int) else None, asked if isinstance(asked, int) else None)

    @property
    def fold(self) -> str:
        """The fold of its split, or an empty text."""
        return str(_dict(self.facts.get("split")).get("fold", ""))

    @property
    def fingerprint(self) -> Fingerprint:
        """Everything its result depends on, with the names of files when they are still known."""
        return Fingerprint.of(self.facts, self.folder)

    @property
    def data_dir(self) -> Path | None:
        """Folder of its data, or None when that is not known."""
        return data_dir_of(self.folder)


def read_run(place: str | Path) -> RunRecord:
    """Read the record of a run.

    Args:
        place: Its artifact folder, or the ``run.json`` in it.

    Raises:
        MissingFileError: If no run was ever started there.
        CorruptFileError: If the record cannot be read, or is of something else.
    """
    path = Path(place)
    folder = path.parent if path.is_file() else path
    file = path if path.is_file() else Artifacts(path).run_json
    if not file.is_file():
        raise MissingFileError(
            f"there is no run in {folder}",
            expected="the artifact folder of eisen train, with a run.json in it",
            to_do=_nearby(folder),
            file=str(file),
        )
    try:
        facts = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        what = f"{file} cannot be read: {error}"
        raise CorruptFileError(what, expected="the record of a run, as JSON", file=str(file)) from error
    if not is_record(facts):
        raise CorruptFileError(
            f"{file} is no record of a training", expected="a run.json of eisen train", file=str(file)
        )
    return RunRecord(folder, facts)


def is_record(content: Any) -> bool:
    """Tell whether the content of a file is the record of a training."""
    return isinstance(content, dict) and content.get("command") == "train" and isinstance(content.get("config"), dict)


def _nearby(folder: Path) -> str:
    """Name runs one level below, if there are some."""
    found = sorted(path.parent.name for path in folder.glob("*/run.json"))[:5] if folder.is_dir() else []
    return f"name one of those in it: {', '.join(found)}" if found else "look for runs with 'eisen runs list FOLDER'"


def _logged_epochs(log: Path) -> int | None:
    """Return how many epochs of a run that did not end are in its log."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    done = 0
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict) and entry.get("event") == "epoch" and entry.get("phase") == "Training":
            done = max(done, int(entry.get("epoch", -1)) + 1)
    return done


def _dict(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
