"""The artifact folder: what a run leaves behind, and where."""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from eisen._core.atomic import artifact_error, atomic_write, remove_leftovers
from eisen._core.errors import ArtifactError

__all__ = ["Artifacts", "plain"]


class Artifacts:
    """The folder of one run.

    ======================== ==========================================================
    ``models/best.pt``       weights of the best model, without any wrapper
    ``checkpoint.pt``        everything needed to continue, as of the last epoch or later
    ``checkpoint.previous.pt`` the one before
    ``summaries/<phase>``    TensorBoard curves
    ``config.json``          the configuration after repairs and overrides; runs like the original
    ``run.json``             what was run, on what, and how well; names no file, case or machine
    ``provenance.json``      names and digests of files and cases, and the folder of the data
    ``log.jsonl``            one line per event, in order, with times; never rewritten
    ``history.jsonl``        one line per epoch and phase, without times: equal for runs that are equal
    ``progress.json``        how far the run is, while it works; names its process and machine
    ``stop``                 put there, it asks the run to stop after its batch; the run removes it
    ``predictions``          label maps or images, and ``predictions.csv``
    ``calibration.json``     temperature of the model; ``calibration.png`` shows what it does
    ======================== ==========================================================

    Args:
        root: The folder.
    """

    def __init__(self, root: str | Path) -> None:
        self.root = Path(root)

    @property
    def best(self) -> Path:
        """Weights of the best model."""
        return self.root / "models" / "best.pt"

    @property
    def checkpoint(self) -> Path:
        """Everything needed to continue."""
        return self.root / "checkpoint.pt"

    @property
    def run_json(self) -> Path:
        """What was run, on what, and how well."""
        return self.root / "run.json"

    @property
    def config(self) -> Path:
        """The configuration after repairs and overrides."""
        return self.root / "config.json"

    @property
    def log(self) -> Path:
        """One line per event."""
        return self.root / "log.jsonl"

    @property
    def history(self) -> Path:
        """Results of every epoch, the same for a run that was interrupted."""
        return self.root / "history.jsonl"

    @property
    def progress(self) -> Path:
        """How far the run is; replaced about once a second."""
        return self.root / "progress.json"

    @property
    def stop_request(self) -> Path:
        """Asks the run to stop after its batch, when it is there."""
        return self.root / "stop"

    @property
    def summaries(self) -> Path:
        """TensorBoard curves, one folder per phase."""
        return self.root / "summaries"

    @property
    def predictions(self) -> Path:
        """Label maps or images, one per case, and a table."""
        return self.root / "predictions"

    @property
    def calibration(self) -> Path:
        """The temperature that calibrates the probabilities of the model."""
        return self.root / "calibration.json"

    def prepare(self, bytes_needed: int = 0) -> None:
        """Make the folder, without what a killed run left half-written, and be sure that it can take the results.

        Args:
            bytes_needed: How much will be written at least.

        Raises:
            ArtifactError: If it cannot be made or written to, or the disk has too little space left.
        """
        make_folder(self.best.parent)
        for folder in (self.root, self.best.parent):
            remove_leftovers(folder)
        probe = self.root / ".eisen-probe"
        with atomic_write(probe) as file:
            file.write(b"eisen")
        probe.unlink()
        free = shutil.disk_usage(self.root).free
        if free < bytes_needed:
            raise ArtifactError(
                f"the disk of {self.root} has {_mib(free)} left, the checkpoints need {_mib(bytes_needed)}",
                file=str(self.root),
                to_do="free some space, or choose a folder on another disk with --artifact_dir",
            )

    def write_json(self, path: Path, value: Mapping[str, Any]) -> None:
        """Write a JSON file; numbers that JSON cannot hold become null.

        Raises:
            ArtifactError: If it cannot be written.
        """
        with atomic_write(path, "w") as file:
            json.dump(plain(value), file, indent=2, ensure_ascii=False)
            file.write("\n")

    def append(self, event: str, **facts: Any) -> None:
        """Add a line to ``log.jsonl``.

        Args:
            event: Kind of line: ``"start"``, ``"epoch"``, ``"interrupt"``, ``"error"`` or ``"end"``.
            **facts: What to write with it.

        Raises:
            ArtifactError: If it cannot be written.
        """
        line = json.dumps(plain({"event": event, "time": now(), **facts}), ensure_ascii=False)
        try:
            with self.log.open("a+b") as file:
                file.write(b"\n" * _ends_within_a_line(file) + line.encode() + b"\n")
        except OSError as error:
            raise artifact_error(error, self.log) from error


def _ends_within_a_line(file: IO[bytes]) -> bool:
    """Tell whether whoever wrote last was killed in the middle of a line."""
    if file.seek(0, os.SEEK_END) == 0:
        return False
    file.seek(-1, os.SEEK_END)
    return file.read(1) != b"\n"


def make_folder(folder: Path) -> None:
    """Make a folder and those above it.

    Raises:
        ArtifactError: If that is not possible.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise artifact_error(error, folder) from error


def now() -> str:
    """Return the present time in UTC, ISO 8601 with seconds."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def plain(value: Any) -> Any:
    """Return the value with everything JSON cannot hold replaced: NaN by null, paths by text, tuples by lists."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if value is None or isinstance(value, (bool, int, float, str)) else str(value)


def _mib(n_bytes: int) -> str:
    return f"{n_bytes / 2**20:.0f} MiB"
