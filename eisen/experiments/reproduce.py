"""The one-line command that shows an error again."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from eisen._core.errors import ConfigError, DataError, TrainingError
from eisen.config import Experiment, read_config

__all__ = ["Commands"]

_CASE = re.compile(r"#(\d+)")


@dataclass(frozen=True)
class Commands:
    """Writes command lines for one experiment on one data folder.

    Args:
        experiment: The configuration.
        data_dir: Folder of the data.
        artifact_dir: Folder of the results; None when there are none.
        resolved: File with the resolved configuration; named when values were overridden on the command line.
    """

    experiment: Experiment
    data_dir: Path
    artifact_dir: Path | None = None
    resolved: Path | None = None

    def check(self, phase: str, epoch: int, case: str = "") -> str:
        """Return the command that reads a case again with the same random numbers.

        Args:
            phase: Phase the case belongs to.
            epoch: Epoch the random numbers come from.
            case: Name of the case on an error card, e.g. ``"#12 (hippocampus_042.nii.gz)"``.
        """
        number = _CASE.search(case)
        which = ["--case", number.group(1)] if number else []
        return self._line("check", "--phase", phase, *which, "--epoch", str(epoch))

    def resume(self) -> str:
        """Return the command that repeats the epoch from the last checkpoint, bit for bit."""
        return self._line("train", "--artifact_dir", str(self.artifact_dir), "--resume")

    @contextmanager
    def noted(self, phase: str, epoch: int) -> Iterator[None]:
        """Put the command that shows it again on every error card that passes."""
        try:
            yield
        except DataError as error:
            raise error.note(reproduce=self.check(phase, epoch, error.card.case)) from error.__cause__
        except TrainingError as error:
            if phase == "Training" and self.artifact_dir is not None:
                error.note(reproduce=self.resume())
            raise

    def _line(self, command: str, *arguments: str) -> str:
        return shlex.join(["eisen", command, self._config(), "--data_dir", str(self.data_dir), *arguments])

    def _config(self) -> str:
        """Return the file as the user named it, or the resolved one when the file alone says something else."""
        path = self.experiment.path
        if self.resolved is None or (path and self._is_unchanged(path)):
            return path or "CONFIG"
        return str(self.resolved)

    def _is_unchanged(self, path: str) -> bool:
        try:
            return read_config(path, epochs=self.experiment.hyper.epochs).digest == self.experiment.digest
        except ConfigError:
            return False
