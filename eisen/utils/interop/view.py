"""One field of a data point as other libraries want it: a tensor with one channel axis, and a geometry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from eisen._core.errors import ShapeError, VoxelValueError
from eisen._core.optional import is_torch
from eisen._core.types import Affine, DataPoint, Geometry, meta_field
from eisen.transforms.base import geometry_of, spatial_shape
from eisen.transforms.functional.tensors import as_array, as_tensor

__all__ = ["View"]

_WIDER = {
    torch.bool: torch.uint8,
    torch.float16: torch.float32,
    torch.uint16: torch.int32,
    torch.uint32: torch.int64,
    torch.uint64: torch.int64,
}
"""Types that other libraries cannot compute with, and the next ones they can."""


@dataclass(frozen=True)
class View:
    """A field on its way through another library and back.

    Args:
        field: Its name.
        tensor: Its values (C, ...), a private copy that may be changed.
        geometry: Where its voxels are, if that is known.
        is_label: Whether it holds classes.
        original: The value it was taken from.
    """

    field: str
    tensor: torch.Tensor
    geometry: Geometry | None
    is_label: bool
    original: Any

    @classmethod
    def of(cls, field: str, data: Mapping[str, Any], is_label: bool, spatial_dims: int | None, owner: str) -> View:
        """Return the view of one field.

        Args:
            field: Its name; it is in `data`.
            data: The data point.
            is_label: Whether it holds classes.
            spatial_dims: 2 or 3: the last so many axes are space. None: 3, or 2 for arrays of two axes.
            owner: Name of the step, for messages.

        Raises:
            ShapeError: If there is more than one axis in front of the spatial ones.
        """
        n_axes = len(spatial_shape(field, data, spatial_dims, owner))
        value = data[field]
        tensor = value.detach() if is_torch(value) else as_tensor(as_array(value))
        if tensor.ndim - n_axes > 1:
            raise ShapeError(
                f"{owner}: '{field}' has the shape {tuple(tensor.shape)}",
                expected=f"one channel axis and {n_axes} spatial ones, or the spatial ones alone",
                field=field,
            )
        tensor = tensor.to(_WIDER.get(tensor.dtype, tensor.dtype), copy=True, memory_format=torch.contiguous_format)
        tensor = tensor[None] if tensor.ndim == n_axes else tensor
        return cls(field, tensor, geometry_of(field, data), is_label, value)

    @property
    def affine(self) -> Affine:
        """Voxel index to RAS+ millimetres; voxels of 1 mm at the origin where nothing is known."""
        return np.eye(4) if self.geometry is None else self.geometry.affine

    def value_of(self, result: torch.Tensor) -> Any:
        """Return what came out of the library in the form the field came in: array or tensor, axes, type of labels.

        Raises:
            VoxelValueError: If a label map came out with values between the labels.
        """
        if len(self.original.shape) < self.tensor.ndim and len(result) == 1:
            result = result[0]
        result = self._with_label_type(torch.Tensor(result) if type(result) is not torch.Tensor else result)
        return result if is_torch(self.original) else result.numpy()

    def entries(
        self, result: torch.Tensor, affine: Any, shape: Sequence[int], step: str, *, is_told: bool
    ) -> DataPoint:
        """Return the entries of the field after the library's work.

        Args:
            result: What came out, (C, ...).
            affine: Voxel index to RAS+ millimetres afterwards.
            shape: Shape of the grid afterwards, 3 numbers.
            step: Name of the step, for the history.
            is_told: Whether the affine tells everything that happened to the voxels. If not, the record says that the
                step cannot be undone.
        """
        entries = {self.field: self.value_of(result)}
        before = self.geometry
        if before is None:
            return entries
        stays = is_told and tuple(shape) == before.shape and np.allclose(affine, before.affine, rtol=0, atol=1e-6)
        after = before if stays else before.moved(affine, shape, step, invertible=is_told)
        return {**entries, meta_field(self.field): after}

    def _with_label_type(self, result: torch.Tensor) -> torch.Tensor:
        """Return labels, and values that were only widened, in the type they had."""
        before = self._dtype_before()
        if self.is_label:
            self._demand_whole(result)
        is_widened = result.dtype == self.tensor.dtype
        return result.to(before) if is_widened or (self.is_label and not before.is_floating_point) else result

    def _demand_whole(self, result: torch.Tensor) -> None:
        """Raise a VoxelValueError if whole numbers went in and others came out."""
        if _is_whole(result) or not _is_whole(self.tensor):
            return
        raise VoxelValueError(
            f"the label map '{self.field}' came back with values between its labels",
            expected="labels are moved by taking the nearest voxel",
            to_do="give the transform mode='nearest' for this field, or take the field out of 'labels'",
            field=self.field,
        )

    def _dtype_before(self) -> torch.dtype:
        value = self.original
        return value.dtype if is_torch(value) else torch.from_numpy(np.empty(0, value.dtype.newbyteorder("="))).dtype


def _is_whole(values: torch.Tensor) -> bool:
    return not values.is_floating_point() or torch.equal(values, values.round())
