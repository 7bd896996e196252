"""The slices of volumes as cases of their own."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, ClassVar, SupportsIndex, Unpack

import numpy as np
from torch.utils.data import Dataset

from eisen._core.errors import ArgumentError, EisenError, EmptyDatasetError, ShapeError
from eisen._core.field_roles import Role
from eisen._core.fields import checked_fields, missing_field
from eisen._core.types import Array, DataPoint, Geometry, Step, is_label_field, meta_field
from eisen.datasets.around import checked_dataset, name_inside, private
from eisen.datasets.base import EisenDataset
from eisen.datasets.folders import Folder
from eisen.datasets.options import SplitOptions
from eisen.datasets.values import listed
from eisen.datasets.volumes import Volume, read_volume, shape_of_volume

__all__ = ["SlicesDataset"]


class _Slice(dict[str, Any]):
    """What is listed about a case, and which of its slices this is."""

    def __init__(self, values: Any, number: int, position: int) -> None:
        super().__init__(values, slice=position)
        self.number, self.position = number, position


class SlicesDataset(EisenDataset):
    """Every slice of every volume as a case: a data set of volumes becomes one of pictures.

    Volumes are read here, so no reader is needed for their fields. How many slices there are is read from the headers
    of the files; voxels are read when a slice is asked for, and the last volumes stay in memory. The split keeps
    slices of one volume together.

    A slice is a float32 array of shape (1, H, W): one channel, H and W the axes of the file that are left, in their
    order. ``<field>_meta`` says where it is in the body, and still knows the grid of the volume. The field ``slice``
    holds its position along the axis, from 0.

    Args:
        dataset: Data set whose cases name files; in a configuration an entry of its own.
        fields: Fields that hold the names of volumes of one shape (NIfTI, formats of ITK, ``.npy``).
        data_dir: Folder that the file names are relative to.
        axis: Which axis of the file to cut across: 0, 1 or 2.
        thickness: How many neighbouring slices an image has as its channels, an odd number; beyond the end the last
            slice is repeated. Label fields have the slice in the middle. Above 1 images have no ``_meta``.
        labelled: Name of a field: only slices in which it is not 0 everywhere. Reads all volumes of that field once.
        keep_volumes: How many cases to keep in memory, in each worker.
        transform: What to do with a slice when it is read; None: nothing.
        **split: Which volumes to keep.

    Raises:
        ArgumentError: If an argument is wrong, or a field holds no name of such a file.
        ShapeError: If a file is no volume of three axes, or those of a case differ in shape.
        EmptyDatasetError: If no slice is left.

    Example:
        >>> import tempfile
        >>> from eisen.datasets import ListDataset
        >>> from eisen.io import write_nifti
        >>> folder = tempfile.mkdtemp()
        >>> write_nifti(f"{folder}/ct.nii.gz", np.ones((5, 6, 7), "int16"), np.diag([1.0, 1.0, 3.0, 1.0]))
        >>> slices = SlicesDataset(ListDataset([{"image": "ct.nii.gz"}]), ["image"], folder)
        >>> len(slices), slices[2]["image"].shape, slices[2]["image_meta"].affine[:3, 3].tolist()
        (7, (1, 5, 6), [0.0, 0.0, 6.0])
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"fields": "makes"}

    def __init__(
        self,
        dataset: Dataset[Any],
        fields: Sequence[str],
        data_dir: Folder,
        axis: int = 2,
        thickness: int = 1,
        labelled: str | None = None,
        keep_volumes: int = 2,
        transform: Step | None = None,
        **split: Unpack[SplitOptions],
    ) -> None:
        self.dataset = checked_dataset(dataset, type(self).__name__)
        self.fields = checked_fields(fields, type(self).__name__)
        self.data_dir = data_dir
        self.axis, self.thickness, self.labelled, self.keep_volumes = axis, thickness, labelled, keep_volumes
        self._check_arguments()
        self._volumes: OrderedDict[int, tuple[DataPoint, dict[str, Volume]]] = OrderedDict()
        volumes = EisenDataset([_Slice(listed(dataset, n), n, 0) for n in range(len(dataset))], **split).cases  # type: ignore[arg-type]
        cases = [_Slice(listed(dataset, v.number), v.number, k) for v in volumes for k in self._positions(v.number)]
        if not cases:
            raise EmptyDatasetError(
                f"no slice of {len(volumes)} volumes is left",
                expected="at least one slice",
                to_do=f"check the field '{labelled}'" if labelled else "check the dataset inside",
            )
        super().__init__(cases, transform)
        self.split = split.get("split", "all")

    def read(self, number: int) -> DataPoint:
        """Return one slice of each field, and all other fields of the case.

        Args:
            number: From 0 to the number of slices minus 1.
        """
        case = self.cases[number]
        try:
            values, volumes = self._case(case.number)
        except EisenError as error:
            error.card.case = self.case_name(number)
            raise
        point = {**deepcopy(values), "slice": case.position}
        for field, volume in volumes.items():
            point |= self._cut(field, volume, case.position)
        return point

    def case_name(self, index: SupportsIndex) -> str:
        """Return how people call a slice: its number, and volume and position."""
        number = self._number(index)
        case = self.cases[number]
        name = name_inside(self.dataset, case.number, number)
        where = f"slice {case.position}"
        return f"{name[:-1]}, {where})" if name.endswith(")") else f"{name} ({where})"

    def _check_arguments(self) -> None:
        name = type(self).__name__
        if self.axis not in (0, 1, 2):
            raise ArgumentError(
                f"{name}: axis is {self.axis!r}", expected="0, 1 or 2, the axis of the file to cut across"
            )
        if not isinstance(self.thickness, int) or self.thickness < 1 or self.thickness % 2 == 0:
            raise ArgumentError(f"{name}: thickness is {self.thickness!r}", expected="an odd number from 1")
        if not isinstance(self.keep_volumes, int) or self.keep_volumes < 1:
            raise ArgumentError(f"{name}: keep_volumes is {self.keep_volumes!r}", expected="a whole number from 1")
        if not self.fields or (self.labelled is not None and self.labelled not in self.fields):
            raise ArgumentError(
                f"{name}: fields is {self.fields!r} and labelled {self.labelled!r}",
                expected="at least one field, and labelled one of them",
            )

    def _positions(self, number: int) -> Sequence[int]:
        """Return which slices of a volume there are, from the headers of its files."""
        values = listed(self.dataset, number)
        try:
            shapes = {field: shape_of_volume(self._path(field, values, number)) for field in self.fields}
            first = next(iter(shapes.values()))
            for field, shape in shapes.items():
                if shape != first:
                    raise ShapeError(
                        f"'{self.fields[0]}' is {first} and '{field}' is {shape}",
                        expected="volumes of one shape in a case",
                        field=field,
                    )
            if self.labelled is None:
                return range(first[self.axis])
            label = read_volume(self._path(self.labelled, values, number)).voxels
        except EisenError as error:
            error.note(case=name_inside(self.dataset, number, number))
            raise
        others = tuple(n for n in range(3) if n != self.axis)
        return [int(position) for position in np.flatnonzero((label != 0).any(axis=others))]

    def _path(self, field: str, values: Any, number: int) -> Path:
        if field not in values:
            raise missing_field(field, dict(values), type(self).__name__)
        value = values[field]
        if not isinstance(value, (str, os.PathLike)):
            raise ArgumentError(
                f"SlicesDataset: '{field}' of case {number} holds {type(value).__name__}",
                expected="the name of a NIfTI, ITK or .npy file, in what the dataset inside lists",
            )
        return Path(self.data_dir) / value

    def _case(self, number: int) -> tuple[DataPoint, dict[str, Volume]]:
        """Return a case of the data set inside and its volumes; the last ones asked for are in memory."""
        if number not in self._volumes:
            values = private(self.dataset, number)
            volumes = {field: read_volume(self._path(field, values, number)) for field in self.fields}
            self._volumes[number] = values, volumes
            while len(self._volumes) > self.keep_volumes:
                self._volumes.popitem(last=False)
        self._volumes.move_to_end(number)
        return self._volumes[number]

    def _cut(self, field: str, volume: Volume, position: int) -> DataPoint:
        """Return a slice of a volume, the axis across it first, and where it is."""
        stack = np.moveaxis(volume.voxels, self.axis, 0)
        half = 0 if is_label_field(field) else self.thickness // 2
        around = np.clip(np.arange(position - half, position + half + 1), 0, len(stack) - 1)
        cut: Array = np.ascontiguousarray(stack[around], dtype=np.float32)
        if volume.geometry is None or self.thickness > 1:
            return {field: cut}
        return {field: cut, meta_field(field): _geometry_of_slice(volume.geometry, self.axis, position)}


def _geometry_of_slice(geometry: Geometry, axis: int, position: int) -> Geometry:
    """Return where a slice is, for an array with the axis across it in front."""
    order = [axis, *(n for n in range(3) if n != axis)]
    affine = geometry.affine[:, [*order, 3]].copy()
    affine[:3, 3] += geometry.affine[:3, axis] * position
    shape = (1, *(geometry.shape[n] for n in order[1:]))
    return geometry.moved(affine, shape, f"slice {position} across axis {axis}")
