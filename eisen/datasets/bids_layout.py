"""Finding one's way in the Brain Imaging Data Structure: subjects, sessions, and which file is which image."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eisen._core.errors import ArgumentError, EmptyDatasetError
from eisen.datasets.folders import folders_in
from eisen.datasets.tables import read_table

__all__ = ["Image", "participants_of", "visits_in"]

_NAME = re.compile(r"(?P<entities>(?:[A-Za-z]+-[^_/]+_)*)(?P<suffix>[A-Za-z0-9]+)(?:\.nii(?:\.gz)?)?")


@dataclass(frozen=True)
class Image:
    """Which image of a session is meant, written like the end of its path: ``anat/T1w``, ``anat/acq-fast_T2w``.

    Args:
        root: Folder that the subjects are in: ``""``, or a derivative such as ``"derivatives/manual"``.
        datatype: The last folder, e.g. ``"anat"``.
        entities: What the file name must say, e.g. ``{"acq": "fast"}``.
        suffix: The end of the file name, e.g. ``"T2w"``.
    """

    root: str
    datatype: str
    entities: dict[str, str]
    suffix: str

    @classmethod
    def parse(cls, text: str) -> Image:
        """Return the image that a text means.

        Example:
            >>> Image.parse("derivatives/manual/anat/desc-lesion_mask")
            Image(root='derivatives/manual', datatype='anat', entities={'desc': 'lesion'}, suffix='mask')
        """
        place, _, name = str(text).strip("/").rpartition("/")
        root, _, datatype = place.rpartition("/")
        match = _NAME.fullmatch(name)
        if match is None or not datatype:
            raise ArgumentError(
                f"BIDSDataset: {text!r} is no image",
                expected="datatype/suffix, with entities and a derivative if need be: 'anat/T1w', 'anat/acq-fast_T2w', "
                "'derivatives/manual/anat/desc-lesion_mask'",
            )
        return cls(root, datatype, _entities(match), match["suffix"])

    def fits(self, name: str) -> bool:
        """Tell whether a file name is one of this image."""
        match = _NAME.fullmatch(name)
        return (
            match is not None and match["suffix"] == self.suffix and self.entities.items() <= _entities(match).items()
        )


def visits_in(folder: Path, subjects: Sequence[str] | None, sessions: Sequence[str] | None) -> list[tuple[str, str]]:
    """Return (subject, session) of every visit that is asked for, sorted; session is empty where there are none."""
    names = _named(folder, "sub-", subjects)
    if not names:
        there = ", ".join(_named(folder, "sub-", None)[:8]) or "(none)"
        raise EmptyDatasetError(
            f"none of the subjects asked for is in {folder}" if subjects else f"there are no subjects in {folder}",
            expected=f"folders called sub-<name>; there are: {there}",
            to_do="check data_dir and subjects",
            file=str(folder),
        )
    visits: list[tuple[str, str]] = []
    for name in names:
        inside = folder / f"sub-{name}"
        has_sessions = bool(_named(inside, "ses-", None))
        visits += [(name, s) for s in _named(inside, "ses-", sessions)] if has_sessions else [(name, "")]
    return visits


def participants_of(folder: Path, columns: Sequence[str]) -> dict[str, dict[str, str]] | None:
    """Return some columns of participants.tsv by subject; None if none is asked for."""
    if not columns:
        return None
    table = read_table(folder / "participants.tsv")
    table.require(*columns)
    subjects = [name.removeprefix("sub-") for name in table.column("participant_id")]
    rows = [{column: row[column] for column in columns} for row in table.rows]
    return dict(zip(subjects, rows, strict=True))


def _entities(match: re.Match[str]) -> dict[str, str]:
    pairs = (part.split("-", 1) for part in match["entities"].split("_") if part)
    return {key: value for key, value in pairs}  # noqa: C416  # mypy: split gives lists, not pairs


def _named(folder: Path, prefix: str, wanted: Sequence[str] | None) -> list[str]:
    """Return the names behind a prefix among the folders, those that are wanted."""
    names = [name.removeprefix(prefix) for name in folders_in(folder) if name.startswith(prefix)]
    kept = None if wanted is None else {str(name).removeprefix(prefix) for name in wanted}
    return [name for name in names if kept is None or name in kept]
