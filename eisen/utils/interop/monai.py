"""MONAI's dictionary transforms as steps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch

from eisen._core.errors import ArgumentError, GeometryError, StepError
from eisen._core.optional import require
from eisen._core.types import DataPoint, Step, meta_field
from eisen.transforms.base import homogeneous
from eisen.utils.interop.base import ForeignStep
from eisen.utils.interop.plain import plain_entries
from eisen.utils.interop.view import View

__all__ = ["MONAIStep"]

_SILENT = ("Elastic", "Distortion", "Deform", "Transpose")
"""Words in the names of transforms that move voxels and leave MONAI's affine as it was."""

_IN_MM = ("Orientation", "Spacing", "SpatialResample", "ResampleToMatch")
"""Words in the names of transforms that mean nothing for an array whose place in the body is not known."""


class MONAIStep(ForeignStep):
    """Run MONAI's dictionary transforms: they get the fields as MetaTensors, and plain arrays come back.

    The affine of ``<field>_meta`` goes in and the new one comes out, so positions in the body stay true through
    rotations, zooms, crops, flips and resampling. After elastic deformations, which MONAI does not write down, the
    record says that the step cannot be undone. Label fields come back in the type they had. Other entries of the data
    point are handed over as they are; new ones are taken over.

    Args:
        fields: Names of the fields that become MetaTensors, arrays (C, X, Y, Z), (X, Y, Z), or pictures (C, X, Y) with
            ``spatial_dims=2``. The transforms name theirs in ``keys``.
        transforms: MONAI's dictionary transforms (their names end with d), run one after the other.
        labels: Those of the fields that hold classes. None: those whose name says label, mask, seg, ...
        spatial_dims: 2 for channel-first pictures, 3 for volumes. None: 3, or 2 for arrays of two axes.
        places: Where each transform stands in the configuration; shown in errors.

    Raises:
        ArgumentError: If a transform is none of MONAI's for dictionaries, or `labels` names something that is no field.
        GeometryError: If a transform works in millimetres or directions, and a field has no ``<field>_meta``.
        MissingExtraError: If MONAI is not installed.

    Source:
        Cardoso et al. 2022, MONAI, arXiv:2211.02701.

    Example:
        >>> from monai.transforms import RandFlipd
        >>> step = MONAIStep(["image", "label"], [RandFlipd(["image", "label"], prob=1.0, spatial_axis=0)])
        >>> cube = np.arange(125, dtype="uint8").reshape(5, 5, 5)
        >>> data = step({"image": cube.astype("float32"), "label": cube})
        >>> data["label"].dtype, data["label"][:, 0, 0].tolist()
        (dtype('uint8'), [100, 75, 50, 25, 0])
    """

    def __init__(
        self,
        fields: Sequence[str],
        transforms: Sequence[Step],
        labels: Sequence[str] | None = None,
        *,
        spatial_dims: int | None = None,
        places: Sequence[str] | None = None,
    ) -> None:
        super().__init__(fields, transforms, labels, spatial_dims=spatial_dims, places=places)
        monai = require("monai.transforms", "interop", type(self).__name__)
        for transform in self.transforms:
            if isinstance(transform, monai.Transform) and not isinstance(
                transform, (monai.MapTransform, monai.Compose)
            ):
                name = type(transform).__name__
                raise ArgumentError(
                    f"{type(self).__name__}: {name} works on one array, not on a dictionary",
                    expected=f"a dictionary transform, e.g. {name}d",
                    to_do=f"use {name}d(keys={self.fields}), or EisenTransformWrapper({name}(...), {self.fields})",
                )
        self._words = [type(leaf).__name__ for leaf in _leaves(self.transforms)]

    def work(self, views: list[View], data: DataPoint, seed: int) -> DataPoint:
        """Make MetaTensors, transform them with the seed, and take arrays and affines back."""
        owner = type(self).__name__
        self._demand_geometry(views)
        result: Any = {**data, **{view.field: _meta_tensor(view) for view in views}}
        for index, transform in enumerate(self.transforms):
            if hasattr(transform, "set_random_state"):
                transform.set_random_state(seed=(seed + index) % 2**32)
            result = _one(self.run(index, result), type(transform).__name__)
        is_told = not any(word in name for name in self._words for word in _SILENT)
        return _taken_back(result, data, views, owner, is_told)

    def _demand_geometry(self, views: list[View]) -> None:
        needing = [name for name in self._words if any(word in name for word in _IN_MM)]
        lost = [view.field for view in views if view.geometry is None]
        if needing and lost:
            raise GeometryError(
                f"{type(self).__name__}: {needing[0]} needs to know where the voxels of '{lost[0]}' are",
                expected=f"a Geometry in the field '{meta_field(lost[0])}', of the same shape as the array",
                to_do="read the file with a reader of eisen.io, and keep the _meta fields",
                field=lost[0],
            )


def _leaves(transforms: Iterable[Any]) -> Iterable[Any]:
    """Yield the transforms inside of compositions."""
    for transform in transforms:
        inside = getattr(transform, "transforms", None)
        if isinstance(inside, (list, tuple)):
            yield from _leaves(inside)
        else:
            yield transform


def _meta_tensor(view: View) -> Any:
    """Return a field as MONAI wants it; for pictures MONAI's affine says what changed, in voxels."""
    data = require("monai.data", "interop", "MONAIStep")
    affine = view.affine if view.tensor.ndim == 4 else np.eye(4)
    return data.MetaTensor(view.tensor, affine=torch.from_numpy(np.array(affine)))


def _one(result: Any, name: str) -> dict[str, Any]:
    """Return the one dictionary a transform made; random crops make a list of them."""
    if isinstance(result, list) and len(result) == 1:
        result = result[0]
    if isinstance(result, Mapping):
        return dict(result)
    many = f"{len(result)} data points" if isinstance(result, list) else type(result).__name__
    raise StepError(f"{name} returned {many}", expected="one data point per case", to_do="give it num_samples=1")


def _taken_back(result: dict[str, Any], data: DataPoint, views: list[View], owner: str, is_told: bool) -> DataPoint:
    """Return the data point with what the transforms left and made."""
    own = {name for view in views for name in (view.field, meta_field(view.field))}
    kept: DataPoint = {}
    for name, value in result.items():
        if name not in own:
            kept.update({name: value} if value is data.get(name) else plain_entries(name, value))
    for view in views:
        if view.field in result:
            kept.update(_entries(view, result[view.field], owner, is_told))
    return kept


def _entries(view: View, value: Any, owner: str, is_told: bool) -> DataPoint:
    tensor = value.as_tensor() if hasattr(value, "as_tensor") else torch.as_tensor(value)
    affine = np.asarray(getattr(value, "affine", np.eye(4)), dtype=np.float64)
    if view.tensor.ndim == 4:
        return view.entries(tensor, affine, tensor.shape[1:], owner, is_told=is_told)
    moved = view.affine @ homogeneous(affine[:2][:, [0, 1, -1]])
    return view.entries(tensor, moved, (1, *tensor.shape[1:]), owner, is_told=is_told)
