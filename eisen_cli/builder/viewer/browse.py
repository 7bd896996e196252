"""Finding a case of a review, and the ones before and after it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from eisen._core.errors import ArgumentError
from eisen.experiments.reviews import Review, ReviewedCase, read_review, review_folder
from eisen_cli.builder.server.folders import Folders

__all__ = ["Browser", "case_url", "is_flat"]


def case_url(artifacts: Path | str, phase: str, case: str, by: str = "") -> str:
    """Return the address of the viewer for a case.

    Args:
        artifacts: Artifact folder of the run.
        phase: The phase.
        case: Name of the case.
        by: What cases are sorted by, e.g. ``"DICE[lung]"``.

    Example:
        >>> case_url("runs/a", "Validation", "la_003")
        '/case?artifacts=runs%2Fa&phase=Validation&case=la_003'
    """
    query = {"artifacts": str(artifacts), "phase": phase, "case": case, **({"by": by} if by else {})}
    return f"/case?{urlencode(query)}"


@dataclass
class Browser:
    """The cases of a review in an order.

    Args:
        review: The review.
        artifacts: Artifact folder of the run.
        by: What they are sorted by, the worst first; empty: the first metric.
    """

    review: Review
    artifacts: Path
    by: str = ""

    def __post_init__(self) -> None:
        self.by = self.by or default_order(self.review)
        self.cases = self.review.worst_first(self.by) if self.by else list(self.review.cases)

    @classmethod
    def open(cls, folders: Folders, artifacts: str, phase: str, by: str = "") -> Browser:
        """Read the review of a run.

        Raises:
            ArgumentError: If the folder is outside of the allowed ones.
            MissingFileError: If there is no review.
        """
        folder = folders.resolve(artifacts)
        if not phase.isalpha():
            raise ArgumentError(f"{phase!r} is no phase", expected="Validation, Testing or Training")
        return cls(read_review(folders.resolve(review_folder(folder, phase))), folder, by)

    def place(self, name: str) -> int:
        """Return the place of a case, from 0.

        Raises:
            ArgumentError: If there is none of this name.
        """
        for number, case in enumerate(self.cases):
            if case.name == name:
                return number
        raise ArgumentError(
            f"the review of {self.review.phase} has no case '{name}'",
            expected=f"one of its {len(self.cases)} cases",
            to_do="open it from the table of the run",
        )

    def beside(self, name: str, step: int) -> ReviewedCase:
        """Return the case so many places further on; behind the last comes the first."""
        return self.cases[(self.place(name) + step) % len(self.cases)]

    def url(self, name: str) -> str:
        """Return the address of a case in this order."""
        return case_url(self.artifacts, self.review.phase, name, self.by)


def default_order(review: Review) -> str:
    """Return what cases are sorted by if nobody says: the mean over the labels of the first metric."""
    first = next(iter(review.columns), "")
    return first.partition("[")[0]


def is_flat(review: Review, case: ReviewedCase) -> bool:
    """Tell whether a case is a picture: its volume has one slice, or one row."""
    import nibabel

    for name in (*case.images.values(), case.prediction):
        file = review.folder / name
        if name and file.is_file():
            with suppress(OSError, nibabel.filebasedimages.ImageFileError):
                shape = nibabel.load(file).shape[:3]  # type: ignore[attr-defined]
                return len(shape) < 3 or shape[2] == 1
    return False
