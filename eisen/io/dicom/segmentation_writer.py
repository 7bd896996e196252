"""Writing label maps as DICOM segmentation objects (SEG) that belong to the series they were made from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from eisen._core.errors import ArgumentError, DataError, GeometryError, VoxelValueError
from eisen._core.field_roles import Role
from eisen._core.fields import missing_field
from eisen._core.optional import require
from eisen._core.types import Array, DataPoint, Geometry, meta_field
from eisen.io.dicom.find import planes_of
from eisen.io.dicom.grids import off_grid_mm, placed
from eisen.io.dicom.grouping import stacks_of
from eisen.io.dicom.segment_names import checked_labels
from eisen.io.dicom.segmentation_check import check_written
from eisen.io.dicom.segmentation_object import segmentation_object
from eisen.io.dicom.stacks import Stack
from eisen.io.naming import FileWriter
from eisen.io.staging import staged

__all__ = ["WriteDICOMSegmentation", "write_dicom_seg"]


class WriteDICOMSegmentation(FileWriter):
    """Write label maps as DICOM segmentations (SEG) of the series they belong to; the data point stays as it is.

    The file of field `f` is called ``<filename_prefix>_<f>.dcm``, or ``<filename_prefix>_<f>_<name>.dcm`` when a field
    with a name is given. It counts as written only after it was read back and every voxel was found in its place.

    Args:
        fields: Names of the fields that hold label maps: nibabel images, or arrays with their geometry in ``f_meta``.
            A first axis of an array is one channel, or one mask per label (which may overlap).
        source_field: Field of the image that the labels belong to: read by `LoadDICOMSeries`, or still the name of its
            folder.
        labels: Label value to the name of the segment, e.g. ``{1: "Liver"}``, see `write_dicom_seg`.
        name_fields: One field per entry of `fields` whose value ends the file name, e.g. a patient number.
        filename_prefix: What all file names begin with, folders included.
        algorithm: Name of the program that made the labels; None if a person did.

    Raises:
        GeometryError: If the voxels of a label map are not where those of the series are.
        VoxelValueError: If a label value has no name.
        ArtifactError: If the file cannot be written, or reads back otherwise than it should.
        MissingExtraError: If highdicom (extra ``dicom``) is not installed.

    Source: DICOM PS3.3, A.51 (segmentation); highdicom, https://highdicom.readthedocs.io.

    Example:
        >>> import tempfile
        >>> from eisen.io import LoadDICOMSeries, write_dicom_series
        >>> folder = tempfile.mkdtemp()
        >>> _ = write_dicom_series(f"{folder}/ct", np.zeros((4, 5, 6), "int16"), np.diag([-1.0, -1.0, 2.5, 1.0]))
        >>> data = LoadDICOMSeries(["image"], folder)({"image": "ct"})
        >>> data |= {"label": np.ones((4, 5, 6), "uint8"), "label_meta": data["image_meta"]}
        >>> _ = WriteDICOMSegmentation(["label"], "image", {1: "Liver"}, filename_prefix=f"{folder}/case7")(data)
        >>> sorted(path.name for path in Path(folder).iterdir())
        ['case7_label.dcm', 'ct']
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"source_field": "reads"}

    def __init__(
        self,
        fields: Sequence[str],
        source_field: str,
        labels: Mapping[Any, Any],
        name_fields: Sequence[str] | None = None,
        filename_prefix: str = "./",
        *,
        algorithm: str | None = "eisen",
    ) -> None:
        super().__init__(fields, name_fields, filename_prefix, ".dcm")
        if not isinstance(source_field, str):
            raise ArgumentError(f"WriteDICOMSegmentation: source_field is {source_field!r}", expected="a field name")
        self.source_field, self.labels, self.algorithm = source_field, checked_labels(labels), algorithm

    def write(self, path: Path, value: Any, field: str, data: DataPoint) -> None:
        """Write the label map of one field."""
        if self.source_field not in data:
            raise missing_field(self.source_field, data, type(self).__name__)
        series = data.get(meta_field(self.source_field))
        source = series.source if isinstance(series, Geometry) else data[self.source_field]
        if hasattr(value, "dataobj"):
            voxels, affine = np.asanyarray(value.dataobj), value.affine
        else:
            voxels, affine = np.asarray(value), _affine_of(field, data)
        voxels = voxels[0] if voxels.ndim == 4 and voxels.shape[0] == 1 else voxels
        write_dicom_seg(path, voxels, affine, source, self.labels, algorithm=self.algorithm)


def write_dicom_seg(
    path: str | os.PathLike[str],
    label_map: Any,
    affine: Any,
    source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    labels: Mapping[Any, Any],
    *,
    algorithm: str | None = "eisen",
) -> None:
    """Write a label map as a DICOM segmentation of the series that it was made from.

    The label map may have its axes in any order and direction: each voxel goes to the pixel at its position. DICOM
    numbers segments 1, 2, 3, ...: they are those of `labels` in ascending order of the label value. The file is read
    back from the disk and compared voxel by voxel before it takes its name.

    Args:
        path: Where to, ending in ``.dcm``.
        label_map: Whole numbers, three axes; 0 is background. Or four axes, the first with one mask of 0 and 1 per
            entry of `labels`, which may overlap.
        affine: 4 x 4, voxel index to RAS+ mm; or the `Geometry` of the label map.
        source: Folder of the series, one of its files, or the list of its files. Of several volumes in it (b-values)
            the first on whose grid the label map lies is taken.
        labels: Label value to a name (``{1: "Liver"}``), or to a dict with ``name`` and, each as (code, scheme,
            meaning), ``category`` and ``type``. Without them the category is anatomical structure and the type what
            SNOMED CT has under the name, else tissue.
        algorithm: Name of the program that made the labels; None if a person did.

    Raises:
        ArgumentError: If the labels or the name of the file are not as described.
        GeometryError: If the voxels of the label map are not where those of the series are.
        VoxelValueError: If a label value has no name.
        ArtifactError: If the file cannot be written, or reads back otherwise than it should.
        MissingExtraError: If highdicom (extra ``dicom``) is not installed.

    Example:
        >>> import tempfile
        >>> from eisen.io import read_dicom_seg, write_dicom_series
        >>> folder, affine = tempfile.mkdtemp(), np.diag([-1.0, -1.0, 2.5, 1.0])
        >>> files = write_dicom_series(f"{folder}/ct", np.zeros((4, 5, 6), "int16"), affine)
        >>> write_dicom_seg(f"{folder}/organs.dcm", np.full((4, 5, 6), 5), affine, files, {1: "Spleen", 5: "Liver"})
        >>> read_dicom_seg(f"{folder}/organs.dcm").names
        {1: 'Spleen', 2: 'Liver'}
    """
    target, known = Path(path), checked_labels(labels)
    if not target.name.lower().endswith(".dcm"):
        raise ArgumentError(f"write_dicom_seg: {target.name} is no DICOM name", expected="a name ending in .dcm")
    require("highdicom", "dicom", "writing DICOM segmentations")
    masks = _masks(np.asarray(label_map), list(known))
    matrix = affine.affine if isinstance(affine, Geometry) else np.asarray(affine, dtype=np.float64)
    stack = _stack_under(masks, matrix, source)
    on_series = placed(masks, matrix, stack.geometry, "the label map")
    dataset = segmentation_object(on_series, stack, list(known.values()), algorithm)
    with staged(target) as temporary:
        dataset.save_as(temporary)
        check_written(temporary, on_series, stack.geometry, target)


def _affine_of(field: str, data: DataPoint) -> Any:
    geometry = data.get(meta_field(field))
    if not isinstance(geometry, Geometry):
        raise missing_field(meta_field(field), data, "WriteDICOMSegmentation")
    if getattr(geometry, "warps", ()) or not geometry.invertible:
        raise GeometryError(
            f"the field '{field}' was deformed: its voxels are not where those of the series are",
            expected="a label map on the grid of the series",
            to_do="leave elastic transforms out of what is written",
        )
    return geometry.affine


def _masks(label_map: Array, values: list[int]) -> Array:
    """Return segment numbers (1, 2, ... in the order of the values), or one mask per segment on the last axis."""
    if label_map.dtype.kind not in "biu" and not (label_map == np.rint(label_map)).all():
        raise VoxelValueError("the label map has values that are not whole numbers", expected="0, 1, 2, ...")
    if label_map.ndim == 4:
        if label_map.shape[0] != len(values) or not np.isin(label_map, (0, 1)).all():
            raise DataError(
                f"the masks have shape {label_map.shape} and {len(values)} labels have a name",
                expected="one mask of 0 and 1 for each label, along the first axis",
            )
        return np.moveaxis(label_map, 0, -1).astype(np.uint8)
    if label_map.ndim != 3:
        raise DataError(f"the label map has shape {label_map.shape}", expected="three axes, or one mask per label")
    present = np.unique(label_map)
    unknown = [int(value) for value in present if value != 0 and value not in values]
    if unknown:
        raise VoxelValueError(
            f"the label map has the values {', '.join(map(str, unknown[:10]))}, which have no name",
            expected=f"0 and {', '.join(map(str, values))}",
            to_do="add them to labels, e.g. {" + f"{unknown[0]}: 'Liver'" + "}, or set them to 0",
        )
    result: Array = np.zeros(label_map.shape, np.uint8 if len(values) < 256 else np.uint16)
    for number, value in enumerate(values, start=1):
        result[label_map == value] = number
    return result


def _stack_under(masks: Array, affine: Array, source: Any) -> Stack:
    """Return the volume of the series whose voxels lie where those of the label map are."""
    stacks = [stack for stack in stacks_of(planes_of(source)) if not stack.problem]
    if not stacks:
        raise GeometryError(f"the images in {source} are not a volume", to_do="look at eisen.io.list_dicom_series")
    return min(stacks, key=lambda stack: round(off_grid_mm(affine, masks.shape[:3], stack.geometry), 3))
