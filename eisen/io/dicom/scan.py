"""What DICOM series a folder holds, found from the headers alone."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from eisen._core.errors import CorruptFileError, MissingFileError
from eisen.io.dicom.find import files_in
from eisen.io.dicom.grouping import stacks_of
from eisen.io.dicom.headers import Plane, read_planes
from eisen.io.dicom.refusal import reasons
from eisen.io.dicom.stacks import SHEAR_DEGREES, Stack, named

__all__ = ["DICOMSeries", "list_dicom_series"]


@dataclass(frozen=True)
class DICOMSeries:
    """One DICOM series of a folder: who, what, which files, and whether it can be read as one volume.

    Args:
        uid: SeriesInstanceUID.
        description: SeriesDescription, e.g. "t2_tse_tra".
        modality: E.g. "CT", "MR", "PT".
        patient_id: PatientID.
        study_uid: StudyInstanceUID.
        number: SeriesNumber as text.
        files: Paths of the files, slices in order along the normal when they form one volume, else sorted by name.
        shape: (columns, rows, slices), i.e. (x, y, z) of the array, or None when the files are not one volume.
        spacing: The same axes in mm, or None.
        stacks: Names of the volumes that the files form, e.g. ``("b=50", "b=400")``; one entry is the normal case.
        problems: Why it cannot be read as one volume, one sentence each, naming files; empty when it can. What is
            worth knowing and no obstacle (a gantry tilt) is in `notes`.
        notes: What is worth knowing, one sentence each.
    """

    uid: str
    description: str
    modality: str
    patient_id: str
    study_uid: str
    number: str
    files: tuple[str, ...]
    shape: tuple[int, int, int] | None
    spacing: tuple[float, float, float] | None
    stacks: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def n_files(self) -> int:
        """How many files the series has."""
        return len(self.files)


def list_dicom_series(folder: str | os.PathLike[str], *, recursive: bool = True) -> list[DICOMSeries]:
    """Find the DICOM image series in a folder without reading a single pixel.

    Files that are not DICOM, DICOMDIR indices and DICOM objects that are no images (reports, structure sets,
    segmentations) are passed over.

    Args:
        folder: The folder.
        recursive: Look into its sub-folders too.

    Returns:
        One record per series, sorted by patient, study, series number and UID. What cannot be read as one volume is
        listed too, with its `problems`.

    Raises:
        MissingFileError: If there is no such folder.

    Example:
        >>> import tempfile, numpy as np
        >>> from eisen.io import write_dicom_series
        >>> folder = tempfile.mkdtemp()
        >>> _ = write_dicom_series(folder, np.zeros((4, 5, 6), "int16"), np.diag([-1.0, -1.0, 2.5, 1.0]))
        >>> [(series.modality, series.n_files, series.shape, series.spacing) for series in list_dicom_series(folder)]
        [('CT', 6, (4, 5, 6), (1.0, 1.0, 2.5))]
    """
    root = Path(folder)
    if not root.is_dir():
        raise MissingFileError(f"{root} is not a folder", expected="a folder with DICOM files", file=str(root))
    series: dict[str, list[Plane]] = {}
    damaged: list[CorruptFileError] = []
    for path in files_in(root, recursive=recursive):
        try:
            for plane in read_planes(path):
                series.setdefault(plane.uids["series"] or str(path.parent), []).append(plane)
        except CorruptFileError as error:
            damaged.append(error)
    records = [_record(planes, _beside(planes, damaged)) for planes in series.values()]
    folders = {plane.path.parent for planes in series.values() for plane in planes}
    lost = [error for error in damaged if Path(error.card.file).parent not in folders]
    return sorted([*records, *map(_unreadable, lost)], key=_order)


def _order(series: DICOMSeries) -> tuple[str, str, int, str, str]:
    number = int(series.number) if series.number.isdecimal() else 0
    return (series.patient_id, series.study_uid, number, series.uid, "".join(series.files[:1]))


def _beside(planes: Sequence[Plane], damaged: Sequence[CorruptFileError]) -> list[CorruptFileError]:
    """Return the damaged files that most likely belong to a series: those in its folders."""
    folders = {plane.path.parent for plane in planes}
    return [error for error in damaged if Path(error.card.file).parent in folders]


def _record(planes: Sequence[Plane], damaged: Sequence[CorruptFileError]) -> DICOMSeries:
    stacks = stacks_of(planes)
    problems = [*(error.card.what for error in damaged), *_problems(stacks)]
    whole = stacks[0] if len(stacks) == 1 and not stacks[0].problem else None
    first = planes[0]
    files = [str(path) for stack in stacks for path in stack.files]
    tilt = whole.shear_degrees if whole is not None else 0.0
    return DICOMSeries(
        uid=first.uids["series"],
        description=first.series["description"],
        modality=first.series["modality"],
        patient_id=first.uids["patient"],
        study_uid=first.uids["study"],
        number=first.series["number"],
        files=tuple(dict.fromkeys(files if whole else sorted(files))),
        shape=whole.shape if whole else None,
        spacing=_three(whole.geometry.spacing) if whole else None,
        stacks=tuple(stack.name for stack in stacks),
        problems=tuple(problems),
        notes=(f"the slices are sheared by {tilt:.1f} degrees (gantry tilt)",) if tilt > SHEAR_DEGREES else (),
    )


def _problems(stacks: Sequence[Stack]) -> list[str]:
    several = len(stacks) > 1
    parts = "; ".join(f"{stack.name}: {len(stack.planes)} images: {named(stack.planes)}" for stack in stacks)
    found = [f"not one volume but {len(stacks)}: {reasons(stacks)} ({parts})"] if several else []
    return found + [stack.problem for stack in stacks if stack.problem]


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    return (values[0], values[1], values[2])


def _unreadable(error: CorruptFileError) -> DICOMSeries:
    """Return the record of a damaged file that lies beside no readable series."""
    return DICOMSeries("", "", "", "", "", "", (error.card.file,), None, None, (), (error.card.what,))
