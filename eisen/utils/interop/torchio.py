"""TorchIO's transforms as steps. Written for what TorchIO 1 and 2 have in common, and their few differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from eisen._core.errors import GeometryError, ShapeError
from eisen._core.optional import require
from eisen._core.types import Affine, DataPoint
from eisen.utils.interop.base import ForeignStep
from eisen.utils.interop.plain import plain_entries
from eisen.utils.interop.subjects import images_of, is_first, silent_movements, spatial_history
from eisen.utils.interop.view import View

__all__ = ["TorchIOStep"]

_IN_MM = {"Reorient", "Resample", "ToCanonical", "ToOrientation", "ToReferenceSpace"}
"""Transforms that mean nothing for an array whose place in the body is not known."""

# A picture (rows, columns) is a volume of one slice: eisen counts (slice, row, column), TorchIO (row, column, slice).
_SLICE_LAST: Affine = np.array([[0.0, 0, 1, 0], [1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 0, 1]])


class TorchIOStep(ForeignStep):
    """Run TorchIO's transforms, spatial ones included: image and label go in as one subject and move together.

    Label fields become a ``LabelMap``, so TorchIO never interpolates between labels; the others a ``ScalarImage``. The
    affine of ``<field>_meta`` goes in and the new one comes out. TorchIO does not write down in its affine what Flip,
    Affine and elastic deformations did; after these the record says that the step cannot be undone.

    Args:
        fields: Names of the fields, arrays (C, W, H, D), (W, H, D), or pictures with ``spatial_dims=2``.
        transforms: TorchIO's transforms, run one after the other.
        labels: Those of the fields that hold classes. None: those whose name says label, mask, seg, ...
        spatial_dims: 2 for channel-first pictures, 3 for volumes. None: 3, or 2 for arrays of two axes.
        places: Where each transform stands in the configuration; shown in errors.

    Raises:
        ArgumentError: If a transform cannot be called, or `labels` names something that is no field.
        GeometryError: If a transform works in millimetres or directions, and a field has no ``<field>_meta``.
        MissingExtraError: If TorchIO is not installed.

    Source:
        Pérez-García et al. 2021, TorchIO, doi:10.1016/j.cmpb.2021.106236.

    Example:
        >>> import torchio
        >>> step = TorchIOStep(["image", "label"], [torchio.CropOrPad((8, 8, 4))])
        >>> data = step({"image": np.zeros((1, 9, 9, 9), "float32"), "label": np.zeros((1, 9, 9, 9), "uint8")})
        >>> data["image"].shape, data["label"].dtype
        ((1, 8, 8, 4), dtype('uint8'))
    """

    def work(self, views: list[View], data: DataPoint, seed: int) -> DataPoint:  # noqa: ARG002
        """Make a subject, transform it, and take it apart."""
        torchio = require("torchio", "interop", type(self).__name__)
        # A field of unknown place moves with the others, so TorchIO must take it to be on their grid.
        shared = next((view.affine for view in views if view.geometry is not None), np.eye(4))
        subject = torchio.Subject(**{view.field: _image(view, shared, torchio) for view in views})
        for index in range(len(self.transforms)):
            subject = self.run(index, subject)
        _demand_geometry(views, subject, type(self).__name__)
        is_told, images = not silent_movements(subject), images_of(subject)
        for view in views:
            data.update(_entries(view, images.pop(view.field), type(self).__name__, is_told))
        for name, image in images.items():
            data.update(plain_entries(name, image))
        return data


def _image(view: View, shared: Affine, torchio: Any) -> Any:
    kind = torchio.LabelMap if view.is_label else torchio.ScalarImage
    is_picture = view.tensor.ndim == 3
    tensor = view.tensor[..., None] if is_picture else view.tensor
    affine = shared if view.geometry is None else view.geometry.affine
    affine = affine @ _SLICE_LAST if is_picture else affine
    return kind(tensor=tensor, affine=affine) if is_first(torchio) else kind(tensor, affine=affine)


def _entries(view: View, image: Any, step: str, is_told: bool) -> DataPoint:
    """Return the entries of one field from the image that came out."""
    tensor: torch.Tensor = image.data
    affine = np.asarray(image.affine, dtype=np.float64)
    if view.tensor.ndim == 4:
        return view.entries(tensor, affine, tensor.shape[1:], step, is_told=is_told)
    if tensor.shape[-1] != 1:
        raise ShapeError(
            f"the picture '{view.field}' came back with {tensor.shape[-1]} slices",
            expected="one; for pictures, the third number of a size is 1",
            field=view.field,
        )
    shape = (1, *tensor.shape[1:3])
    return view.entries(tensor[..., 0], affine @ np.linalg.inv(_SLICE_LAST), shape, step, is_told=is_told)


def _demand_geometry(views: list[View], subject: Any, owner: str) -> None:
    needing = [name for name in spatial_history(subject) if name in _IN_MM]
    lost = [view.field for view in views if view.geometry is None]
    if needing and lost:
        raise GeometryError(
            f"{owner}: {needing[0]} needs to know where the voxels of '{lost[0]}' are",
            expected=f"a Geometry in the field '{lost[0]}_meta', of the same shape as the array",
            to_do="read the file with a reader of eisen.io, and keep the _meta fields",
            field=lost[0],
        )
