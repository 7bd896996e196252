"""A reader of DICOM series that opens NIfTI volumes too, for clients that have no DICOM files."""

from __future__ import annotations

from typing import Any

from eisen._core.types import DataPoint
from eisen.io import LoadDICOMSeries, LoadNiftiFromFilename

__all__ = ["SeriesOrVolume", "with_volumes"]


class SeriesOrVolume(LoadDICOMSeries):
    """Read a folder as a DICOM series and a file as a NIfTI volume; both give the same kind of image."""

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Return the volume of one field and what is known about its grid."""
        if str(data[field]).endswith(".nii"):
            return LoadNiftiFromFilename([field], self.data_dir, self.canonical).apply(field, data)
        return super().apply(field, data)


def with_volumes(step: Any) -> Any:
    """Return a step of a chain, or what takes its place if it reads DICOM series."""
    if type(step) is not LoadDICOMSeries:
        return step
    return SeriesOrVolume(step.fields, step.data_dir, step.canonical, split=step.split)
