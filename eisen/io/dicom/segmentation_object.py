"""Making the DICOM data set of a segmentation with highdicom."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.errors import GeometryError
from eisen._core.optional import require
from eisen._core.types import Array
from eisen._core.version import __version__
from eisen.io.dicom.opening import explained, quiet, read_header
from eisen.io.dicom.segment_names import described
from eisen.io.dicom.stacks import Stack

__all__ = ["segmentation_object"]

# What highdicom copies from the series; converters leave these out, and an empty value is allowed.
_MAY_BE_EMPTY = (
    *("PatientID", "PatientName", "PatientBirthDate", "PatientSex", "AccessionNumber"),
    *("StudyID", "StudyDate", "StudyTime", "ReferringPhysicianName"),
)


def segmentation_object(masks: Array, stack: Stack, labels: Sequence[Mapping[str, Any]], algorithm: str | None) -> Any:
    """Return the data set of a segmentation of a stack.

    Args:
        masks: Segment numbers on the grid of the stack, (x, y, z); or one mask per segment on a fourth axis.
        stack: The images that the segments belong to.
        labels: Description of segments 1, 2, ...
        algorithm: Name of the program that made them; None if a person did.

    Raises:
        GeometryError: If a file of the series lacks what a reference to it needs.
    """
    highdicom: Any = require("highdicom", "dicom", "writing DICOM segmentations")
    uid = highdicom.UID
    frames = np.ascontiguousarray(masks.transpose(2, 1, 0, *range(3, masks.ndim)))
    with quiet(), warnings.catch_warnings():
        warnings.filterwarnings("ignore", module="highdicom")
        return highdicom.seg.Segmentation(
            source_images=[_source(path) for path in stack.files],
            pixel_array=frames,
            segmentation_type="BINARY",
            segment_descriptions=described(labels, algorithm),
            series_instance_uid=uid(),
            series_number=300,
            sop_instance_uid=uid(),
            instance_number=1,
            manufacturer="eisen",
            manufacturer_model_name=algorithm or "manual",
            software_versions=__version__,
            device_serial_number="0",
            plane_positions=[highdicom.PlanePositionSequence("PATIENT", p.position) for p in stack.planes],
            series_description=f"Segmentation of {stack.planes[0].series['description'] or 'a series'}"[:64],
        )


def _source(path: Path) -> Any:
    """Return the header of a file of the series, with what a reference to it needs."""
    with quiet(), explained(path):
        header = read_header(path)
    if not header.get("SOPClassUID"):
        header.SOPClassUID = header.file_meta.get("MediaStorageSOPClassUID", "")
    if not header.get("SpecificCharacterSet", "ISO_IR 6"):
        del header.SpecificCharacterSet
    for keyword in _MAY_BE_EMPTY:
        if keyword not in header:
            setattr(header, keyword, "")
    missing = [
        name
        for name in ("SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID", "FrameOfReferenceUID")
        if not header.get(name)
    ]
    if missing:
        raise GeometryError(
            f"{path.name} has no {' and no '.join(missing)}: a segmentation cannot refer to it",
            expected="the series as the scanner exported it",
            file=str(path),
        )
    return header
