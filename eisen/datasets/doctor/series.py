"""DICOM series as files of a case: their headers, their voxels, and the records of what is in a folder."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np

from eisen._core.errors import GeometryError
from eisen._core.types import Array
from eisen.datasets.doctor.facts import Header
from eisen.datasets.doctor.study import Study
from eisen.io.dicom.find import planes_of
from eisen.io.dicom.grouping import stacks_of
from eisen.io.dicom.headers import Plane
from eisen.io.dicom.scan import DICOMSeries, list_dicom_series
from eisen.io.dicom.series import read_dicom_series
from eisen.io.dicom.single import LoadDICOMFromFilename

__all__ = ["header_of_series", "records_at", "voxels_of_series"]


def records_at(path: Path, study: Study) -> list[DICOMSeries]:
    """Return the series behind the path of a case; they are looked for once.

    Args:
        path: A folder, or a file that stands for its series.
        study: The data set; what is found is kept in it.
    """
    if path not in study.series:
        study.series[path] = list_dicom_series(path, recursive=False) if path.is_dir() else []
    return study.series[path]


def header_of_series(path: Path, study: Study) -> Header:
    """Return what the headers of a series say about the volume.

    Args:
        path: A folder, a file that stands for its series, or a single DICOM file.
        study: The data set it belongs to.

    Raises:
        GeometryError: If the files are not one volume; `check_series` says why.
    """
    records = records_at(path, study)
    if not records and path.is_file():
        return _of_single_file(planes_of([path])[0])
    if len(records) != 1 or records[0].shape is None:
        raise GeometryError(f"the files in {path} are not one volume", file=str(path))
    planes = planes_of(list(records[0].files))
    stack = stacks_of(planes)[0]
    first = stack.planes[0]
    return Header("dicom", stack.shape, first.shape[2], _dtype(first), stack.affine, patient=records[0].patient_id)


def _of_single_file(plane: Plane) -> Header:
    """Return the header of one DICOM picture, e.g. a radiograph."""
    columns, rows, colours = plane.shape
    return Header("dicom", (columns, rows), colours, _dtype(plane), patient=plane.uids["patient"])


def _dtype(plane: Plane) -> str:
    """Return the type of the stored pixels."""
    bits, signed, _ = plane.stored
    return f"{'' if signed else 'u'}int{8 if bits <= 8 else 16 if bits <= 16 else 32}"


def voxels_of_series(path: Path, study: Study) -> Array:
    """Return the voxels of a series, axes (column, row, slice), in its physical units.

    Args:
        path: A folder, a file that stands for its series, or a single DICOM file.
        study: The data set it belongs to.

    Raises:
        EisenError: If a file cannot be read.
    """
    records = records_at(path, study)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a gantry tilt is a finding of its own
        if not records:
            return np.asarray(LoadDICOMFromFilename(["f"], "/")({"f": str(path.absolute())})["f_pixel_array"])
        return np.asanyarray(read_dicom_series(list(records[0].files)).dataobj)
