"""The header of a DICOM file as a list of planes: what each image of the file is, and where it is in the body."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen.io.dicom.groups import FrameHeader
from eisen.io.dicom.opening import corrupt, explained, quiet, read_open_header
from eisen.io.dicom.traits import TRAIT_TAGS, traits_of

if TYPE_CHECKING:
    pass

__all__ = ["Plane", "read_planes"]

_TAGS = (
    *("SOPClassUID", "SOPInstanceUID", "Modality", "PatientID", "StudyInstanceUID", "SeriesInstanceUID"),
    *("SeriesNumber", "SeriesDescription", "FrameOfReferenceUID", "InstanceNumber", "NumberOfFrames"),
    *("Rows", "Columns", "SamplesPerPixel", "PhotometricInterpretation", "BitsAllocated", "BitsStored"),
    *("PixelRepresentation", "ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "SliceThickness"),
    *("SpacingBetweenSlices", "RescaleSlope", "RescaleIntercept", "ModalityLUTSequence"),
    *("SharedFunctionalGroupsSequence", "PerFrameFunctionalGroupsSequence"),
)
_SEGMENTATIONS = ("1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7")


@dataclass(frozen=True)
class Plane:
    """One image of a DICOM file, as its header describes it. Positions are in LPS+ mm, as in the file.

    Args:
        path: The file.
        frame: Number of the image in its file, from 0.
        n_frames: How many images the file has.
        uids: Patient, study, series, frame of reference and instance, as text; "" where the file has none.
        series: Modality, series number and series description.
        instance: InstanceNumber, 0 without one. Decides nothing but the order of repeats.
        shape: (columns, rows, values per pixel).
        stored: (bits stored, signed, "grey", "float", "rgb" or "palette").
        position: Centre of the first pixel, or None.
        axes: Direction along a row (3 cosines), then along a column (3 cosines), or None.
        spacing: (mm between columns, mm between rows), or None.
        thickness: SpacingBetweenSlices, else SliceThickness, else None.
        scale: Slope and intercept.
        traits: What tells images at one position apart: b-value, echo, time, ...
    """

    path: Path
    frame: int
    n_frames: int
    uids: dict[str, str]
    series: dict[str, str]
    instance: int
    shape: tuple[int, int, int]
    stored: tuple[int, bool, str]
    position: tuple[float, ...] | None
    axes: tuple[float, ...] | None
    spacing: tuple[float, ...] | None
    thickness: float | None
    scale: tuple[float, float]
    traits: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The file name, with the number of the frame (from 1) where the file has several."""
        return self.path.name if self.n_frames == 1 else f"{self.path.name} frame {self.frame + 1}"

    @cached_property
    def height(self) -> float:
        """How far along its normal the image lies, in mm; 0 when the file does not say."""
        if self.position is None or self.axes is None:
            return 0.0
        a, b, c, d, e, f = self.axes
        normal = (b * f - c * e, c * d - a * f, a * e - b * d)
        length = math.hypot(*normal) or 1.0
        return sum(n * p for n, p in zip(normal, self.position, strict=True)) / length

    @property
    def lacks(self) -> tuple[str, ...]:
        """Names of the attributes that are needed to place the image and are not in the file."""
        needed = {
            "ImagePositionPatient": self.position,
            "ImageOrientationPatient": self.axes,
            "PixelSpacing": self.spacing,
        }
        return tuple(name for name, value in needed.items() if value is None)


def read_planes(path: Path) -> list[Plane]:
    """Return the images of one DICOM file; none if it is no image, or a segmentation.

    Args:
        path: A file for which `is_dicom` holds. Its pixels are not read.

    Raises:
        CorruptFileError: If the header cannot be read, or the file is too short for its pixels.
    """
    with quiet(), explained(path), path.open("rb") as file:
        header = read_open_header(file, _tags())
        n_left = path.stat().st_size - file.tell()
        kind = str(header.file_meta.get("MediaStorageSOPClassUID") or header.get("SOPClassUID") or "")
        if "Rows" not in header or "Columns" not in header:
            _check_is_no_image(path, kind)
            return []
        if kind in _SEGMENTATIONS:
            return []
        _check_length(path, header, n_left)
        return [_plane(path, FrameHeader(header, frame)) for frame in range(_n_frames(header))]


@cache
def _tags() -> list[Any]:
    """Return what is read of a header, looked up once."""
    from pydicom.tag import Tag

    return [Tag(name) for name in (*_TAGS, *TRAIT_TAGS)]


def _n_frames(header: Any) -> int:
    return max(int(header.get("NumberOfFrames") or 1), 1)


def _check_is_no_image(path: Path, kind: str) -> None:
    """Raise if a header without Rows and Columns is that of an image: it ends early."""
    from pydicom.uid import UID

    if not kind or "Image Storage" in UID(kind).name:
        raise corrupt(path, f"{path.name} is truncated: its header ends before the size of the image")


def _check_length(path: Path, header: Any, n_left: int) -> None:
    """Raise if what follows the header of a file without compression cannot be the pixels it promises."""
    syntax = header.file_meta.TransferSyntaxUID
    if syntax.is_compressed or syntax.is_deflated or "BitsAllocated" not in header:
        return
    n_values = header.Rows * header.Columns * int(header.get("SamplesPerPixel") or 1) * _n_frames(header)
    expected = n_values * header.BitsAllocated // 8 + (8 if syntax.is_implicit_VR else 12)  # of tag and length
    if n_left < expected and header.get("PhotometricInterpretation") != "YBR_FULL_422":
        raise corrupt(
            path, f"{path.name} is truncated: it ends {expected - n_left} or more bytes before its last pixel"
        )


def _plane(path: Path, of: FrameHeader) -> Plane:
    spacing = of.numbers("PixelMeasuresSequence", "PixelSpacing", 2)
    thickness = of.number("PixelMeasuresSequence", "SpacingBetweenSlices")
    value = "PixelValueTransformationSequence"
    slope, intercept = of.number(value, "RescaleSlope"), of.number(value, "RescaleIntercept")
    return Plane(
        path=path,
        frame=of.frame,
        n_frames=_n_frames(of.header),
        uids={
            "patient": of.text("PatientID"),
            "study": of.text("StudyInstanceUID"),
            "series": of.text("SeriesInstanceUID"),
            "frame of reference": of.text("FrameOfReferenceUID"),
            "instance": of.text("SOPInstanceUID"),
        },
        series={name: of.text(f"Series{name.title()}") for name in ("number", "description")}
        | {"modality": of.text("Modality")},
        instance=int(float(of.text("InstanceNumber") or 0)),
        shape=(int(of.header.Columns), int(of.header.Rows), 1 if _kind(of.header) in ("grey", "float") else 3),
        stored=_stored(of.header),
        position=of.numbers("PlanePositionSequence", "ImagePositionPatient", 3),
        axes=of.numbers("PlaneOrientationSequence", "ImageOrientationPatient", 6),
        spacing=spacing and spacing[::-1],  # the file has the distance of rows first
        thickness=abs(thickness) if thickness else of.number("PixelMeasuresSequence", "SliceThickness"),
        scale=(1.0 if slope is None else slope, intercept or 0.0),
        traits=traits_of(of),
    )


def _kind(header: Any) -> str:
    if header.get("PhotometricInterpretation") == "PALETTE COLOR":
        return "palette"
    if "BitsStored" not in header and header.get("BitsAllocated") in (32, 64):
        return "float"
    return "rgb" if int(header.get("SamplesPerPixel") or 1) == 3 else "grey"


def _stored(header: Any) -> tuple[int, bool, str]:
    if "ModalityLUTSequence" in header:
        return 16, False, _kind(header)  # what the table gives, not what indexes it
    bits = int(header.get("BitsStored") or header.get("BitsAllocated") or 16)
    return bits, bool(header.get("PixelRepresentation")), _kind(header)
