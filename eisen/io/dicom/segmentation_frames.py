"""The frames of a DICOM segmentation object: masks of single slices, each with its segment and its position."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.errors import GeometryError
from eisen._core.types import Affine, Array, Geometry
from eisen.io.dicom.groups import FrameHeader
from eisen.io.dicom.opening import check_is_dicom, corrupt, explained, quiet
from eisen.io.dicom.stacks import LPS_TO_RAS

__all__ = ["SegFrames", "read_frames"]

_STEP_TOLERANCE_MM = 0.1


@dataclass(frozen=True)
class SegFrames:
    """An opened DICOM segmentation.

    Args:
        header: The data set, pixels included.
        path: The file.
        kind: "BINARY", "FRACTIONAL" or "LABELMAP".
        names: Segment number to name.
        segments: Segment number of each frame; 0 in a label map, whose frames hold all segments.
        slices: Slice index of each frame in the grid.
        affine: Grid that the frames span, (column, row, slice) to RAS+ mm.
        shape: Its shape.
    """

    header: Any
    path: Path
    kind: str
    names: dict[int, str]
    segments: list[int]
    slices: list[int]
    affine: Affine
    shape: tuple[int, int, int]

    def masks(self) -> Iterator[tuple[int, int, Array]]:
        """Yield (segment number, slice index, pixels with the axes (column, row)) of every frame."""
        from eisen.io.dicom.pixels import check_decoder

        check_decoder(self.path, self.header)
        with quiet(), explained(self.path):
            for segment, k, pixels in zip(self.segments, self.slices, _pixels(self.header), strict=True):
                yield segment, k, pixels.T


def _pixels(header: Any) -> Iterator[Array]:
    """Yield the pixels of every frame."""
    from pydicom.pixels.utils import iter_pixels

    n_bits = int(header.get("BitsAllocated") or 8) * int(header.get("Rows") or 0) * int(header.get("Columns") or 0)
    if n_bits % 8 == 0:
        yield from iter_pixels(header)
        return
    whole = header.pixel_array  # frames begin within bytes, where pydicom 3.0 cannot take them one by one
    yield from whole if whole.ndim == 3 else whole[None]


def read_frames(path: Path, grid: Geometry | None) -> SegFrames:
    """Open a DICOM segmentation and find the grid that its frames span.

    Args:
        path: The file.
        grid: The grid of the image, which tells how far apart slices are when the file has a single one.

    Raises:
        CorruptFileError: If it is no DICOM segmentation, or damaged.
        GeometryError: If its frames do not lie on one grid.
    """
    header = _opened(path)
    frames = [FrameHeader(header, k) for k in range(int(header.get("NumberOfFrames") or 1))]
    positions = np.array([_needed(f, "PlanePositionSequence", "ImagePositionPatient", 3, path) for f in frames])
    axes = np.array([_needed(f, "PlaneOrientationSequence", "ImageOrientationPatient", 6, path) for f in frames])
    spacing = np.array([_needed(f, "PixelMeasuresSequence", "PixelSpacing", 2, path) for f in frames])
    if np.ptp(axes, axis=0).max() > 1e-4 or np.ptp(spacing, axis=0).max() > 1e-4:
        raise GeometryError(f"the frames of {path.name} have different orientations or spacings", file=str(path))
    step, slices, first = _grid_along_normal(frames, positions, axes[0], grid, path)
    matrix = np.eye(4)
    matrix[:3, 0], matrix[:3, 1] = axes[0][:3] * spacing[0][1], axes[0][3:] * spacing[0][0]
    matrix[:3, 2], matrix[:3, 3] = step, first
    kind = str(header.SegmentationType)
    return SegFrames(
        header=header,
        path=path,
        kind=kind,
        names={int(item.SegmentNumber): str(item.get("SegmentLabel", "")) for item in header.SegmentSequence},
        segments=[0 if kind == "LABELMAP" else _segment(frame, path) for frame in frames],
        slices=slices,
        affine=np.asarray(LPS_TO_RAS @ matrix),
        shape=(int(header.Columns), int(header.Rows), max(slices) + 1),
    )


def _opened(path: Path) -> Any:
    import pydicom

    check_is_dicom(path)
    with quiet(), explained(path):
        header = pydicom.dcmread(path)
    if "SegmentSequence" not in header or "Rows" not in header or "SegmentationType" not in header:
        raise corrupt(path, f"{path.name} is DICOM {header.get('Modality', '')}, not a segmentation")
    return header


def _segment(frame: FrameHeader, path: Path) -> int:
    number = frame.number("SegmentIdentificationSequence", "ReferencedSegmentNumber")
    if number is None:
        raise corrupt(path, f"frame {frame.frame + 1} of {path.name} does not say which segment it is")
    return int(number)


def _needed(frame: FrameHeader, group: str, keyword: str, count: int, path: Path) -> tuple[float, ...]:
    values = frame.numbers(group, keyword, count)
    if values is None:
        raise GeometryError(
            f"frame {frame.frame + 1} of {path.name} has no {keyword}: where it is in the body is not known",
            expected="a segmentation of slices of a scan",
            file=str(path),
        )
    return values


def _grid_along_normal(
    frames: Sequence[FrameHeader], positions: Array, axes: Array, grid: Geometry | None, path: Path
) -> tuple[Array, list[int], Array]:
    """Return the step between slices, the slice index of every frame, and the position of slice 0."""
    normal = np.cross(axes[:3], axes[3:])
    heights = positions @ normal
    levels = np.unique(np.round(heights, 3))
    if len(levels) == 1:
        return normal * _thickness(frames[0], normal, grid, path), [0] * len(frames), positions[0]
    gaps, nominal = np.diff(levels), frames[0].number("PixelMeasuresSequence", "SpacingBetweenSlices")
    for step_mm in (nominal, float(gaps.min())):
        if step_mm and np.abs(gaps - np.rint(gaps / step_mm) * step_mm).max() <= min(_STEP_TOLERANCE_MM, 0.1 * step_mm):
            break
    else:
        raise GeometryError(f"the frames of {path.name} are not at multiples of one distance", file=str(path))
    low, high = int(heights.argmin()), int(heights.argmax())
    step = (positions[high] - positions[low]) / np.rint((heights[high] - heights[low]) / step_mm)
    slices = np.rint((heights - heights[low]) / (step @ normal)).astype(int)
    if np.abs(positions - positions[low] - slices[:, None] * step).max() > _STEP_TOLERANCE_MM:
        raise GeometryError(f"the frames of {path.name} do not lie on one line", file=str(path))
    return step, slices.tolist(), positions[low]


def _thickness(frame: FrameHeader, normal: Array, grid: Geometry | None, path: Path) -> float:
    """Return the distance of slices when the file has a single one: that of the image, else what the file says."""
    if grid is not None:
        along = np.abs((LPS_TO_RAS[:3, :3] @ normal) @ grid.affine[:3, :3])
        return float(along.max())
    for keyword in ("SpacingBetweenSlices", "SliceThickness"):
        value = frame.number("PixelMeasuresSequence", keyword)
        if value:
            return abs(value)
    raise GeometryError(f"{path.name} has a single slice and does not say how thick it is", file=str(path))
