"""Reading DICOM segmentation objects (SEG) as label maps."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np

from eisen._core.errors import ArgumentError, MissingFieldError, VoxelValueError
from eisen._core.field_roles import Role
from eisen._core.types import Array, DataPoint, Geometry, meta_field
from eisen.io.dicom.grids import placed
from eisen.io.dicom.segmentation_frames import SegFrames, read_frames
from eisen.io.paths import FileReader, existing_file

if TYPE_CHECKING:
    import nibabel

__all__ = ["DICOMSegmentation", "LoadDICOMSegmentation", "read_dicom_seg"]


class DICOMSegmentation(NamedTuple):
    """What a DICOM segmentation holds.

    Args:
        image: Label map (column, row, slice), or one channel per segment as its last axis; affine in RAS+ mm.
        names: Label value (or channel number from 1) to the name of the segment.
    """

    image: nibabel.Nifti1Image
    names: dict[int, str]


class LoadDICOMSegmentation(FileReader):
    """Read DICOM segmentations (SEG): replace file names by label maps that lie where the image is.

    The result is the same kind of image that `LoadDICOMSeries` gives, with the same entries beside it
    (``f_affines``, ``f_orientations``, ``f_meta``), and ``f_names``, the label values with the names of
    their segments as text, e.g. "1=Liver, 2=Spleen".

    A SEG stores only the slices in which something is marked. With `reference` the label map gets the shape of that
    image; without, it spans the slices in the file.

    Args:
        fields: Names of the fields that hold file names.
        data_dir: Folder that the file names are relative to. A file name that is absolute ignores it.
        reference: Field of the image, read before, on whose grid the label map is put. Its voxels must be where those
            of the segmentation are; axes may be in another order or direction.
        labels: Name of a segment to its value in the label map, e.g. ``{"Liver": 5}``; other segments are left out.
            None: the segment numbers of the file.
        channels: One channel per segment (last axis, 0 or 1, or fractions) instead of a label map. Needed for segments
            that overlap.

    Raises:
        MissingFileError: If a file is not there.
        CorruptFileError: If a file is damaged or no segmentation.
        GeometryError: If it is not on one grid, or not on that of the reference.
        VoxelValueError: If segments overlap, or are fractions, and `channels` is False; or no segment has a name
            in `labels`.

    Source: DICOM PS3.3, A.51 and C.8.20 (segmentation).

    Example:
        >>> import tempfile
        >>> from eisen.io import write_dicom_seg, write_dicom_series
        >>> folder, affine = tempfile.mkdtemp(), np.diag([-1.0, -1.0, 2.5, 1.0])
        >>> files = write_dicom_series(f"{folder}/ct", np.zeros((4, 5, 6), "int16"), affine)
        >>> label = np.zeros((4, 5, 6), "uint8")
        >>> label[1:3, 2, 3] = 1
        >>> write_dicom_seg(f"{folder}/liver.dcm", label, affine, files, {1: "Liver"})
        >>> data = LoadDICOMSegmentation(["label"], folder)({"label": "liver.dcm"})
        >>> data["label"].shape, data["label_names"]
        ((4, 5, 1), '1=Liver')
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"reference": "locates"}

    def __init__(
        self,
        fields: Sequence[str],
        data_dir: str | os.PathLike[str],
        *,
        reference: str | None = None,
        labels: Mapping[str, int] | None = None,
        channels: bool = False,
    ) -> None:
        super().__init__(fields, data_dir)
        self.reference, self.labels, self.channels = reference, checked_values(labels), channels

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Return the label map of one field and what is known about its grid."""
        import nibabel

        path = self.path_of(field, data[field])
        found = read_dicom_seg(path, grid=self._grid(data), labels=self.labels, channels=self.channels)
        affine = np.array(found.image.affine)
        return {
            field: found.image,
            f"{field}_affines": affine,
            f"{field}_orientations": nibabel.aff2axcodes(affine),
            f"{field}_names": ", ".join(f"{value}={name}" for value, name in found.names.items()),
            meta_field(field): Geometry.of(affine, found.image.shape[:3], str(path)),
        }

    def _grid(self, data: DataPoint) -> Geometry | None:
        if self.reference is None:
            return None
        grid = data.get(meta_field(self.reference))
        if not isinstance(grid, Geometry):
            raise MissingFieldError(
                f"LoadDICOMSegmentation needs the geometry of '{self.reference}', which the data point does not have",
                expected=f"the entry '{meta_field(self.reference)}'",
                to_do=f"read '{self.reference}' before, e.g. with LoadDICOMSeries",
            )
        return grid


def read_dicom_seg(
    path: str | os.PathLike[str],
    *,
    grid: Geometry | None = None,
    labels: Mapping[str, int] | None = None,
    channels: bool = False,
) -> DICOMSegmentation:
    """Read a DICOM segmentation as a label map, or as one channel per segment.

    Args:
        path: The file.
        grid: Grid of the image to put it on. None: the grid that the slices in the file span.
        labels: Name of a segment to its label value; other segments are left out. None: the segment numbers.
        channels: One channel per segment (last axis), for segments that overlap or are fractions.

    Returns:
        The image, and the names of its values (or, from 1, of its channels).

    Raises:
        MissingFileError: If there is no such file.
        CorruptFileError: If it is damaged or no segmentation.
        GeometryError: If its frames are not on one grid, or not on the given one.
        VoxelValueError: If segments overlap or are fractions in a label map, or none of the names is in the file.

    Example:
        >>> import tempfile
        >>> from eisen.io import write_dicom_seg, write_dicom_series
        >>> folder, affine = tempfile.mkdtemp(), np.diag([-1.0, -1.0, 2.5, 1.0])
        >>> files = write_dicom_series(f"{folder}/ct", np.zeros((4, 5, 6), "int16"), affine)
        >>> write_dicom_seg(f"{folder}/liver.dcm", np.ones((4, 5, 6), "uint8"), affine, files, {1: "Liver"})
        >>> read_dicom_seg(f"{folder}/liver.dcm", labels={"Liver": 5}).names
        {5: 'Liver'}
    """
    file = existing_file(Path(path))
    frames = read_frames(file, grid)
    values = _values(frames, checked_values(labels), file)
    voxels = _channels(frames, list(values)) if channels else _label_map(frames, values)
    affine = frames.affine
    if grid is not None:
        voxels, affine = placed(voxels, affine, grid, f"the segmentation {file.name}"), grid.affine
    names = {k + 1: frames.names[n] for k, n in enumerate(values)} if channels else {}
    return DICOMSegmentation(_as_image(voxels, affine), names or {v: frames.names[n] for n, v in values.items()})


def checked_values(labels: Any) -> dict[str, int] | None:
    """Return the map from segment names to label values if it is one."""
    if labels is None:
        return None
    is_map = isinstance(labels, Mapping) and all(isinstance(v, int) and 0 < v < 65536 for v in labels.values())
    if not is_map or not labels:
        raise ArgumentError(
            f"LoadDICOMSegmentation: labels is {labels!r}",
            expected="a dict from the name of a segment to its label value, e.g. {'Liver': 5}",
        )
    return dict(labels)


def _values(frames: SegFrames, labels: dict[str, int] | None, path: Path) -> dict[int, int]:
    """Return segment number to label value, of the segments that are wanted."""
    if labels is None:
        return {number: number for number in sorted(frames.names) if number}
    values = {number: labels[name] for number, name in sorted(frames.names.items()) if name in labels}
    if not values:
        raise VoxelValueError(
            f"none of the segments of {path.name} is called {' or '.join(labels)}",
            expected=f"one of: {', '.join(frames.names.values())}",
            file=str(path),
        )
    return values


def _label_map(frames: SegFrames, values: Mapping[int, int]) -> Array:
    if frames.kind == "FRACTIONAL":
        raise _refused(frames, "holds fractions, which are no labels")
    result: Array = np.zeros(frames.shape, np.uint8 if max(values.values()) < 256 else np.uint16, order="F")
    for segment, k, mask in frames.masks():
        here = result[:, :, k]
        if frames.kind == "LABELMAP":
            for number, value in values.items():
                here[mask == number] = value
        elif segment in values:
            marked = mask != 0
            taken = np.unique(here[marked & (here != 0) & (here != values[segment])])
            if taken.size:
                others = [frames.names[n] for n, value in values.items() if value in taken]
                raise _refused(frames, f"has segments that overlap: {frames.names[segment]} and {', '.join(others)}")
            here[marked] = values[segment]
    return result


def _channels(frames: SegFrames, numbers: list[int]) -> Array:
    scale = float(frames.header.get("MaximumFractionalValue") or 1) if frames.kind == "FRACTIONAL" else None
    result: Array = np.zeros((*frames.shape, len(numbers)), np.uint8 if scale is None else np.float32, order="F")
    for segment, k, mask in frames.masks():
        if frames.kind == "LABELMAP":
            for channel, number in enumerate(numbers):
                result[:, :, k, channel] = mask == number
        elif segment in numbers:
            result[:, :, k, numbers.index(segment)] = mask if scale is None else mask / scale
    return result


def _refused(frames: SegFrames, why: str) -> VoxelValueError:
    return VoxelValueError(
        f"{frames.path.name} {why}",
        expected="one segment at each voxel of a label map",
        to_do="read it with channels=True: one channel per segment; or leave segments out with labels={name: value}",
        file=str(frames.path),
    )


def _as_image(voxels: Array, affine: Array) -> nibabel.Nifti1Image:
    import nibabel

    image = nibabel.Nifti1Image(voxels, affine)
    image.set_sform(affine, code="scanner")
    image.set_qform(affine, code="scanner")
    image.header.set_xyzt_units("mm")
    return image
