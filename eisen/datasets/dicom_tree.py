"""Cases found in a folder of DICOM files: one per series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Unpack

from eisen._core.errors import ArgumentError, EmptyDatasetError, GeometryError, nearest
from eisen._core.types import Step
from eisen.datasets.base import EisenDataset
from eisen.datasets.folders import Folder, existing_folder
from eisen.datasets.options import SplitOptions

if TYPE_CHECKING:
    from eisen.io import DICOMSeries

__all__ = ["DicomTreeDataset"]

_FACTS = {
    "patient": "patient_id",
    "study": "study_uid",
    "series": "uid",
    "number": "number",
    "modality": "modality",
    "description": "description",
}


class DicomTreeDataset(EisenDataset):
    """The DICOM series in a folder and its sub-folders, as a scanner, an archive or a CD delivers them.

    Headers tell what belongs together; names of files and folders do not matter. A case holds ``image``: the files of
    the series, in order, relative to `data_dir`, as `LoadDICOMSeries` reads them; and ``patient``, ``study``,
    ``series``, ``number``, ``modality``, ``description`` from the header. Series of one patient stay together in a
    split with ``group="patient"``.

    Args:
        data_dir: The folder.
        filters: Which series to keep: one of those names to a pattern or a list of patterns, in which ``*`` stands for
            any text and capital letters do not matter: ``{"modality": "MR", "description": ["t2*", "*adc*"]}``. None:
            all.
        unreadable: What to do with a series that is not one volume (a scout, a gap, several b-values): ``"error"``;
            ``"skip"``: leave it out; ``"keep"``, for a reader that is told how to split it.
        transform: What to do with a case when it is read; None: nothing.
        **split: Which cases to keep.

    Raises:
        MissingFileError: If the folder is not there.
        GeometryError: If a series is not one volume; the card says why, and names the files.
        EmptyDatasetError: If there is no series, or none that the filters let through.
        ArgumentError: If a filter is wrong.

    Example:
        >>> import tempfile
        >>> import numpy as np
        >>> from eisen.io import LoadDICOMSeries, write_dicom_series
        >>> folder = tempfile.mkdtemp()
        >>> _ = write_dicom_series(folder, np.zeros((4, 5, 6), "int16"), np.diag([-1.0, -1.0, 2.5, 1.0]))
        >>> cases = DicomTreeDataset(folder, {"modality": "CT"}, transform=LoadDICOMSeries(["image"], folder))
        >>> len(cases), cases[0]["image"].shape
        (1, (4, 5, 6))
    """

    def __init__(
        self,
        data_dir: Folder,
        filters: Mapping[str, str | Sequence[str]] | None = None,
        unreadable: Literal["error", "skip", "keep"] = "error",
        transform: Step | None = None,
        **split: Unpack[SplitOptions],
    ) -> None:
        if unreadable not in ("error", "skip", "keep"):
            raise ArgumentError(f"DicomTreeDataset: unreadable is {unreadable!r}", expected="'error', 'skip' or 'keep'")
        self.data_dir = data_dir
        self.filters = _checked(filters or {})
        self.unreadable = unreadable
        super().__init__(self._cases(existing_folder(Path(data_dir))), transform, **split)

    def _cases(self, folder: Path) -> list[dict[str, Any]]:
        from eisen.io import list_dicom_series

        found = list_dicom_series(folder)
        wanted = [series for series in found if self._fits(series)]
        broken = [series for series in wanted if series.problems]
        if broken and self.unreadable == "error":
            raise _not_volumes(broken)
        kept = [series for series in wanted if self.unreadable == "keep" or not series.problems]
        if not kept:
            seen = sorted({f"{series.modality} '{series.description}'" for series in found})
            raise EmptyDatasetError(
                f"no DICOM series in {folder} can be used: {len(found)} found, {len(wanted)} fit the filters, "
                f"{len(broken)} of these are not one volume",
                expected=f"series like those that are there: {', '.join(seen[:8]) or '(none)'}",
                to_do="correct the filters or data_dir",
                file=str(folder),
            )
        return [_case(series, folder) for series in kept]

    def _fits(self, series: DICOMSeries) -> bool:
        return all(
            any(fnmatch(str(getattr(series, _FACTS[name])).lower(), pattern.lower()) for pattern in patterns)
            for name, patterns in self.filters.items()
        )


def _case(series: DICOMSeries, folder: Path) -> dict[str, Any]:
    files = [Path(file).relative_to(folder).as_posix() for file in series.files]
    return {"image": files} | {name: getattr(series, attribute) for name, attribute in _FACTS.items()}


def _checked(filters: Mapping[str, str | Sequence[str]]) -> dict[str, list[str]]:
    for name in filters:
        if name not in _FACTS:
            raise ArgumentError(
                f"DicomTreeDataset: there is no filter '{name}'",
                expected=f"one of {', '.join(map(repr, _FACTS))}",
                to_do=nearest(str(name), _FACTS),
            )
    return {name: [str(p) for p in ([value] if isinstance(value, str) else value)] for name, value in filters.items()}


def _not_volumes(broken: Sequence[DICOMSeries]) -> GeometryError:
    lines = [f"{series.modality} '{series.description}': {'; '.join(series.problems)}" for series in broken[:3]]
    more = f" (and {len(broken) - 3} more series)" if len(broken) > 3 else ""
    return GeometryError(
        " | ".join(lines) + more,
        expected="series that are one volume each",
        to_do="leave them out with filters or unreadable='skip', or say unreadable='keep' and how to split them in "
        "LoadDICOMSeries",
        file=broken[0].files[0],
    )
