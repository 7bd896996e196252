"""Label maps as DICOM segmentations that are the same bytes for the same request."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.types import Array, Geometry
from eisen.io.dicom.opening import quiet

__all__ = ["segmentation_bytes"]

_NEW_UIDS = ("SOPInstanceUID", "SeriesInstanceUID", "DimensionOrganizationUID", "MediaStorageSOPInstanceUID")
_TIME = "000000"
_DATES_OF_SERIES = ("SeriesDate", "AcquisitionDate", "StudyDate")


def segmentation_bytes(
    labels: Array, geometry: Geometry, series: Path, names: Mapping[int, str], folder: Path, model: str
) -> bytes:
    """Return a label map as a DICOM segmentation of a series, checked voxel by voxel.

    Its identifiers are made from the series, the labels and the model, and its date is that of the series, so the same
    request gives the same object.

    Args:
        labels: The label map.
        geometry: Where it is.
        series: Folder of the series.
        names: Names of the label values.
        folder: For temporary files.
        model: Name and version of the model.

    Raises:
        GeometryError: If the label map is not on the grid of the series.
        MissingExtraError: If highdicom (extra ``dicom``) is not installed.
    """
    from eisen.io import write_dicom_seg

    found = [int(value) for value in np.unique(labels) if value]
    known = {int(value): name[:64] for value, name in names.items() if int(value) > 0 and name}
    path = folder / "labels.dcm"
    described = {value: f"label {value}" for value in found} | known or {1: "label 1"}
    write_dicom_seg(path, labels, geometry, series, described, algorithm=model[:64])
    return _steady(path, hashlib.sha256(labels.tobytes() + model.encode()), _date_of(series))


def _date_of(series: Path) -> str:
    """Return the date of a series, as DICOM writes it."""
    import pydicom

    with quiet():
        header = pydicom.dcmread(next(iter(sorted(series.iterdir()))), stop_before_pixels=True)
    return next((str(header.get(name)) for name in _DATES_OF_SERIES if header.get(name)), "19700101")


def _steady(path: Path, digest: Any, date: str) -> bytes:
    """Return a segmentation with identifiers and dates that follow from its content."""
    import pydicom

    with quiet():
        content = pydicom.dcmread(path)
        digest.update(f"{content.StudyInstanceUID} {content.get('FrameOfReferenceUID')}".encode())
        for item in content.ReferencedSeriesSequence:
            digest.update(str(item.SeriesInstanceUID).encode())
        _replace(content, digest.hexdigest())
        _replace(content.file_meta, digest.hexdigest())
        content.ContentDate, content.ContentTime = date, _TIME
        for item in content.get("ContributingEquipmentSequence", []):
            if "ContributionDateTime" in item:
                item.ContributionDateTime = date + _TIME
        for keyword in ("InstanceCreationDate", "InstanceCreationTime"):
            if keyword in content:
                delattr(content, keyword)
        content.save_as(path)
    return path.read_bytes()


def _replace(content: Any, seed: str) -> None:
    from pydicom.uid import generate_uid

    def renewed(_: Any, element: Any) -> None:
        if element.keyword in _NEW_UIDS:
            same = "SOPInstanceUID" if element.keyword.endswith("SOPInstanceUID") else element.keyword
            element.value = generate_uid(entropy_srcs=[seed, same])

    for element in content:
        renewed(content, element)
    for keyword in ("DimensionOrganizationSequence", "DimensionIndexSequence"):
        for item in content.get(keyword, []):
            item.walk(renewed)
