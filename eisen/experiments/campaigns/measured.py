"""The values that a fold's model has on each of its test cases, and the file they are kept in."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from eisen._core.atomic import atomic_write
from eisen._core.errors import CorruptFileError

__all__ = ["ARRAYS_FILE", "SCORES_FILE", "Measured", "WholeMetric"]

SCORES_FILE, ARRAYS_FILE = "scores.json", "scores.npz"
Arrays = npt.NDArray[Any]


@dataclass(frozen=True)
class WholeMetric:
    """A metric that makes one value of all cases together, e.g. the area under the ROC curve.

    Args:
        position: Number of the metric in the phase.
        values: What it makes of the fold, by name.
        kind: How folds can be joined: ``"counts"`` (add them up), ``"inputs"`` (measure all cases again) or ``""``
            (they cannot; the folds are averaged).
    """

    position: int
    values: dict[str, float]
    kind: str = ""


@dataclass(frozen=True)
class Measured:
    """What a fold's model reaches on its test cases.

    Args:
        phase: Phase whose readers, transforms and metrics were used: ``"Testing"`` or ``"Validation"``.
        part: Part of the fold that was measured: ``"test"`` or ``"validation"``.
        cases: Names of the cases, in order.
        values: Per case and metric; metrics per class have an entry per class, too.
        whole: Metrics of all cases together.
        arrays: What it takes to compute those over several folds, cases first.
        marks: Digests of model, configuration and split.
    """

    phase: str
    part: str
    cases: list[str]
    values: dict[str, list[float]]
    whole: list[WholeMetric] = field(default_factory=list)
    arrays: dict[str, Arrays] = field(default_factory=dict)
    marks: dict[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write it into the folder of a fold; the file with the numbers comes last.

        Raises:
            ArtifactError: If it cannot be written.
        """
        with atomic_write(folder / ARRAYS_FILE) as file:
            np.savez(file, **self.arrays)  # type: ignore[arg-type]  # names are file names, none of them a keyword
        document = {
            "format": "eisen-scores",
            "version": 1,
            "phase": self.phase,
            "part": self.part,
            "marks": self.marks,
            "cases": self.cases,
            "values": {name: [_plain(value) for value in column] for name, column in self.values.items()},
            "whole": [
                {**vars(metric), "values": {name: _plain(value) for name, value in metric.values.items()}}
                for metric in self.whole
            ],
        }
        with atomic_write(folder / SCORES_FILE, "w") as file:
            json.dump(document, file, indent=1, allow_nan=False)

    @classmethod
    def read(cls, folder: Path) -> Measured:
        """Read what `write` wrote.

        Raises:
            CorruptFileError: If it cannot be read.
        """
        path = folder / SCORES_FILE
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            with np.load(folder / ARRAYS_FILE, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            values = {name: [_number(value) for value in column] for name, column in document["values"].items()}
            whole = [WholeMetric(**{**entry, "values": _numbers(entry["values"])}) for entry in document["whole"]]
            phase, part, cases = (document[name] for name in ("phase", "part", "cases"))
            return cls(phase, part, cases, values, whole, arrays, document["marks"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            what = f"the scores in {folder} cannot be read: {error}"
            to_do = f"delete {path.name}; the fold is measured again"
            raise CorruptFileError(what, file=str(path), to_do=to_do) from error


def _plain(value: float) -> float | str | None:
    """Return a number as JSON knows it; infinity, which it does not know, as text."""
    return None if math.isnan(value) else value if math.isfinite(value) else str(value)


def _number(value: float | str | None) -> float:
    return math.nan if value is None else float(value)


def _numbers(values: Mapping[str, float | str | None]) -> dict[str, float]:
    return {name: _number(value) for name, value in values.items()}
