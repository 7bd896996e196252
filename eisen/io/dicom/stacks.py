"""A stack: parallel images at equal distances, which make one volume. Or the reason why they do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eisen._core.errors import GeometryError
from eisen._core.types import Affine, Array, Geometry
from eisen.io.dicom.headers import Plane

__all__ = ["LPS_TO_RAS", "SAME_POSITION_MM", "SHEAR_DEGREES", "Stack", "named"]

LPS_TO_RAS = np.diag([-1.0, -1.0, 1.0, 1.0])
SAME_POSITION_MM = 0.01
SHEAR_DEGREES = 0.1  # less is the rounding of positions
_UNEVEN_MM = 0.1  # scanners round positions; a volume is never placed worse than this


@dataclass(frozen=True)
class Stack:
    """Images that belong together, in order of their position along the normal.

    Args:
        planes: The images.
        name: What sets the stack apart from the others of its series, e.g. "b=800"; "" when it is the only one.
    """

    planes: tuple[Plane, ...]
    name: str = ""

    @property
    def files(self) -> tuple[Path, ...]:
        """The files, each once, in order of position."""
        return tuple(dict.fromkeys(plane.path for plane in self.planes))

    @property
    def shape(self) -> tuple[int, int, int]:
        """(columns, rows, slices): the axes of the array."""
        return (*self.planes[0].shape[:2], len(self.planes))

    @property
    def source(self) -> str:
        """The file, or the folder when there are several."""
        folders = {path.parent for path in self.files}
        return str(self.files[0] if len(self.files) == 1 or len(folders) > 1 else folders.pop())

    @property
    def problem(self) -> str:
        """Why the images are not a volume, with the names of the files; "" when they are."""
        return _problem(self.planes)

    @property
    def affine(self) -> Affine:
        """4 x 4, (column, row, slice) to RAS+ mm. A gantry tilt stays in it as a shear.

        Raises:
            GeometryError: If the images are not a volume.
        """
        if self.problem:
            raise GeometryError(
                self.problem,
                expected="parallel slices at equal distances, each with its position, orientation and pixel spacing",
                to_do="export the series again, or take the named files out",
                file=self.source,
            )
        first = self.planes[0]
        rows, columns = _directions(first)
        matrix = np.eye(4)
        matrix[:3, 0] = rows * (first.spacing or (0, 0))[0]
        matrix[:3, 1] = columns * (first.spacing or (0, 0))[1]
        matrix[:3, 2] = _step(self.planes)
        matrix[:3, 3] = first.position or (0, 0, 0)
        return np.asarray(LPS_TO_RAS @ matrix)

    @property
    def geometry(self) -> Geometry:
        """Where the voxels are; its source is the first file, which stands for its series."""
        return Geometry.of(self.affine, self.shape, str(self.files[0]))

    @property
    def shear_degrees(self) -> float:
        """Angle between the line through the slices and their normal: the tilt of a CT gantry, 0 without one."""
        step, normal = self.affine[:3, 2], np.cross(self.affine[:3, 0], self.affine[:3, 1])
        cosine = abs(step @ normal) / np.linalg.norm(step) / np.linalg.norm(normal)
        return float(np.degrees(np.arccos(min(cosine, 1.0))))


def named(planes: Sequence[Plane], most: int = 6) -> str:
    """Return the file names of some images in one line, the first few of many.

    Example:
        >>> named([])
        ''
    """
    names = list(dict.fromkeys(plane.name for plane in planes))
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")


def _directions(plane: Plane) -> tuple[Array, Array]:
    """Return the unit vectors along a row and along a column, in LPS."""
    axes = np.array(plane.axes or (0,) * 6).reshape(2, 3)
    axes = axes / np.maximum(np.linalg.norm(axes, axis=1, keepdims=True), 1e-12)
    return axes[0], axes[1]


def _step(planes: Sequence[Plane]) -> Array:
    """Return the vector from one slice to the next in LPS mm; of a single slice, its thickness along the normal."""
    if len(planes) > 1:
        return np.asarray((_positions(planes)[-1] - _positions(planes)[0]) / (len(planes) - 1))
    return np.cross(*_directions(planes[0])) * (planes[0].thickness or 0.0)


def _positions(planes: Sequence[Plane]) -> Array:
    return np.array([plane.position for plane in planes], dtype=np.float64)


def _problem(planes: Sequence[Plane]) -> str:
    lacking = [plane for plane in planes if plane.lacks]
    if lacking:
        what = " and no ".join(dict.fromkeys(name for plane in lacking for name in plane.lacks))
        return f"no {what} in {named(lacking)}: where the image is in the body is not known"
    first = planes[0]
    if "MOSAIC" in str(first.traits.get("type", "")):
        return f"{named(planes)}: the slices are tiled into one picture (Siemens MOSAIC), which is not unpacked here"
    axes = np.array(first.axes).reshape(2, 3)
    if not np.allclose(axes @ axes.T, np.eye(2), atol=1e-3):
        return f"ImageOrientationPatient of {named(planes)} is not two unit vectors at a right angle: {first.axes}"
    if min(first.spacing or (0.0,)) <= 0:
        return f"PixelSpacing of {named(planes)} is not positive: {first.spacing}"
    if len(planes) == 1 and not first.thickness:
        return f"{first.name} is a single slice without SliceThickness: how thick it is is not known"
    return _unevenness(planes) if len(planes) > 2 else ""


def _unevenness(planes: Sequence[Plane]) -> str:
    """Say where slices are not at equal distances on one line, if they are not."""
    positions = _positions(planes)
    step = _step(planes)
    distance = np.linalg.norm(positions - positions[0] - np.arange(len(planes))[:, None] * step, axis=1)
    if distance.max() <= min(_UNEVEN_MM, 0.1 * float(np.linalg.norm(step))):
        return ""
    steps = np.linalg.norm(np.diff(positions, axis=0), axis=1)
    wide, narrow = int(steps.argmax()), int(steps.argmin())
    pairs = [f"{steps[k]:.4g} mm ({planes[k].name} to {planes[k + 1].name})" for k in (narrow, wide)]
    return f"the slices are not at equal distances: from {pairs[0]} to {pairs[1]}"
