"""What a review leaves behind: ``cases.json`` with everything, ``cases.csv`` with the values, a folder per case."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from eisen._core.atomic import atomic_write
from eisen._core.errors import ArgumentError, CorruptFileError, MissingFileError
from eisen.experiments.artifacts import now, plain
from eisen.experiments.reviews.colours import Label
from eisen.experiments.reviews.disagreement import Disagreement

__all__ = ["FOLDER", "Review", "ReviewedCase", "read_review", "review_folder"]

FOLDER = "review"
"""Where reviews lie in an artifact folder, in a folder per phase."""
_FORMAT, _VERSION = "eisen-review", 1


@dataclass(frozen=True)
class ReviewedCase:
    """One case of a review.

    Args:
        name: Of the case, and of its folder.
        images: Files of the images by their fields, relative to the folder of the review.
        reference: File of the reference; empty if there is none with voxels.
        prediction: File of the prediction; empty if there is none with voxels.
        values: By metric and label, e.g. ``"DICE[anterior]"``; None where there is none.
        facts: What else the model says, e.g. class and probabilities.
        disagreements: Where prediction and reference differ, the largest first.
        notes: What has to be known to read it, in words.
    """

    name: str
    images: dict[str, str] = field(default_factory=dict)
    reference: str = ""
    prediction: str = ""
    values: dict[str, float | None] = field(default_factory=dict)
    facts: dict[str, str | float] = field(default_factory=dict)
    disagreements: list[Disagreement] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass
class Review:
    """A review, finished or not.

    Args:
        folder: Where it is.
        phase: Whose cases they are.
        weights: Digest of the weights of the model.
        model: File of the weights.
        config_digest: Digest of the configuration.
        n_cases: How many cases there will be.
        status: ``"running"``, ``"complete"``, ``"interrupted"`` or ``"failed"``.
        kind: ``"labels"``, ``"image"``, ``"classes"`` or ``"values"``; empty before the first case.
        labels: Labels of the label maps.
        metrics: What the values mean: for each metric ``better`` ("higher", "lower" or "") and ``unit``.
        cases: Those that are done.
        failures: Why a case could not be reviewed, by its name.
        started: When, UTC.
        updated: When it was written last, UTC.
    """

    folder: Path
    phase: str
    weights: str = ""
    model: str = ""
    config_digest: str = ""
    n_cases: int = 0
    status: str = "running"
    kind: str = ""
    labels: list[Label] = field(default_factory=list)
    metrics: dict[str, dict[str, str]] = field(default_factory=dict)
    cases: list[ReviewedCase] = field(default_factory=list)
    failures: dict[str, str] = field(default_factory=dict)
    started: str = field(default_factory=now)
    updated: str = ""

    @property
    def json_file(self) -> Path:
        """Everything there is to know."""
        return self.folder / "cases.json"

    @property
    def table_file(self) -> Path:
        """A row per case with its values."""
        return self.folder / "cases.csv"

    @property
    def columns(self) -> list[str]:
        """Names of the values, as they came."""
        return list(dict.fromkeys(name for case in self.cases for name in case.values))

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended it."""
        return self.status == "interrupted"

    def case(self, name: str) -> ReviewedCase:
        """Return the case of a name.

        Raises:
            ArgumentError: If there is none.
        """
        for case in self.cases:
            if case.name == name:
                return case
        raise ArgumentError(f"the review has no case '{name}'", expected=f"one of its {len(self.cases)} cases")

    def better(self, column: str) -> str:
        """Return which values of a column are the better ones: "higher", "lower", or "" where neither is."""
        return self.metrics.get(column.partition("[")[0], {}).get("better", "")

    def value(self, case: ReviewedCase, column: str) -> float | None:
        """Return a value of a case; for a metric without its label, the mean over the labels.

        Args:
            case: The case.
            column: ``"DICE[anterior]"``, or ``"DICE"`` for the mean.
        """
        if column in case.values:
            return case.values[column]
        found = [value for name, value in case.values.items() if name.startswith(f"{column}[") and value is not None]
        return sum(found) / len(found) if found else None

    def worst_first(self, column: str) -> list[ReviewedCase]:
        """Return the cases, the worst value of a column first; those without a value come before all others.

        Args:
            column: ``"DICE[anterior]"``, or ``"DICE"`` for the mean over the labels.

        Example:
            >>> cases = [ReviewedCase("a", values={"DICE": 0.9}), ReviewedCase("b", values={"DICE": 0.2})]
            >>> found = Review(Path(), "Validation", cases=cases, metrics={"DICE": {"better": "higher"}})
            >>> [case.name for case in found.worst_first("DICE")]
            ['b', 'a']
        """
        sign = -1.0 if self.better(column) == "lower" else 1.0

        def place(case: ReviewedCase) -> float:
            value = self.value(case, column)
            return -math.inf if value is None else sign * value

        return sorted(self.cases, key=place)

    def save(self) -> None:
        """Write both files; whoever reads them sees the old or the new ones, whole.

        Raises:
            ArtifactError: If they cannot be written.
        """
        self.updated = now()
        document = {"format": _FORMAT, "version": _VERSION, **asdict(self)}
        del document["folder"]
        with atomic_write(self.json_file, "w") as file:
            json.dump(plain(document), file, indent=1, ensure_ascii=False)
            file.write("\n")
        facts = list(dict.fromkeys(name for case in self.cases for name in case.facts))
        with atomic_write(self.table_file, "w") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(["case", *self.columns, *facts])
            for case in self.cases:
                row = [case.values.get(name) for name in self.columns] + [case.facts.get(name) for name in facts]
                writer.writerow([case.name, *map(_cell, row)])


def review_folder(artifacts: str | Path, phase: str = "Validation") -> Path:
    """Return where the review of a phase is, or would be.

    Args:
        artifacts: Artifact folder of the run.
        phase: The phase.

    Example:
        >>> review_folder("runs/first", "Testing").as_posix()
        'runs/first/review/testing'
    """
    return Path(artifacts) / FOLDER / phase.lower()


def read_review(folder: str | Path) -> Review:
    """Read what `eisen.experiments.review` wrote.

    Args:
        folder: The folder of the review, ``<artifacts>/review/<phase>``.

    Raises:
        MissingFileError: If there is none.
        CorruptFileError: If it is something else.
    """
    path = Path(folder) / "cases.json"
    if not path.is_file():
        raise MissingFileError(f"there is no review in {folder}", file=str(path), to_do="run eisen review first")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        return _review(Path(folder), document)
    except (ValueError, TypeError, KeyError, OSError) as error:
        raise CorruptFileError(
            f"{path} is no review: {error}", to_do="run eisen review again", file=str(path)
        ) from error


def _review(folder: Path, document: Any) -> Review:
    if not isinstance(document, Mapping) or document.get("format") != _FORMAT or document.get("version") != _VERSION:
        raise ValueError(f"its format is not '{_FORMAT}', version {_VERSION}")
    values = {key: value for key, value in document.items() if key not in ("format", "version")}
    values["labels"] = [Label(**label) for label in values["labels"]]
    values["cases"] = [_case(case) for case in values["cases"]]
    return Review(folder, **values)


def _case(values: dict[str, Any]) -> ReviewedCase:
    regions = [
        Disagreement(**{**region, "voxel": tuple(region["voxel"]), "mm": tuple(region["mm"])})
        for region in values["disagreements"]
    ]
    return ReviewedCase(**{**values, "disagreements": regions})


def _cell(value: Any) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
