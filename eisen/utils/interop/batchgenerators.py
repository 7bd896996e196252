"""Transforms of batchgeneratorsv2, which nnU-Net trains with, as steps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch

from eisen._core.errors import ArgumentError, ShapeError, StepError
from eisen._core.optional import require
from eisen._core.types import DataPoint, Step, meta_field
from eisen.utils.interop.base import ForeignStep
from eisen.utils.interop.view import View

__all__ = ["BatchgeneratorsStep"]


class BatchgeneratorsStep(ForeignStep):
    """Run transforms of batchgeneratorsv2: images go in as ``image``, label maps as ``segmentation``.

    The library does not know millimetres. Where its transforms only change intensities, ``<field>_meta`` stays; where
    they may move voxels the record says that the step cannot be undone; after a cut to patch there is none.

    Args:
        fields: Names of the fields, arrays (C, X, Y, Z), (X, Y, Z), or pictures (C, X, Y) with ``spatial_dims=2``, of
            one spatial shape. Images are given as float32, one after the other along the channels.
        transforms: Transforms of batchgeneratorsv2, run one after the other.
        labels: Those of the fields that hold classes. None: those whose name says label, mask, seg, ...
        spatial_dims: 2 for channel-first pictures, 3 for volumes. None: 3, or 2 for arrays of two axes.
        places: Where each transform stands in the configuration; shown in errors.

    Raises:
        ArgumentError: If a transform cannot be called, or there is no image among the fields.
        MissingExtraError: If batchgeneratorsv2 is not installed.

    Source:
        Isensee et al., batchgeneratorsv2, doi:10.5281/zenodo.3632567.

    Example:
        >>> from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
        >>> step = BatchgeneratorsStep(["image", "label"], [MirrorTransform((0, 1, 2))])
        >>> data = step({"image": torch.zeros(1, 8, 8, 8), "label": torch.zeros(1, 8, 8, 8, dtype=torch.uint8)})
        >>> data["label"].dtype
        torch.uint8
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
        if not {*self.fields} - {*self.labels}:
            raise ArgumentError(
                f"{type(self).__name__}: all of the fields {self.fields} are labels",
                expected="at least one image, whose size the transforms ask for",
            )
        require("batchgeneratorsv2", "interop", type(self).__name__)

    def work(self, views: list[View], data: DataPoint, seed: int) -> DataPoint:  # noqa: ARG002
        """Put images and labels together, transform them, and take them apart."""
        _demand_one_shape(views)
        kinds = {"image": [v for v in views if not v.is_label], "segmentation": [v for v in views if v.is_label]}
        together = {name: _joined(group, name) for name, group in kinds.items() if group}
        for index in range(len(self.transforms)):
            together = self.run(index, **together)
        is_told = all(map(_stays, self.transforms))
        for name, group in kinds.items():
            for view, part in zip(group, _parts(together.get(name), group, name), strict=True):
                data.update(_entries(view, part, type(self).__name__, is_told))
                if view.geometry is not None and tuple(part.shape[1:]) != tuple(view.tensor.shape[1:]):
                    data.pop(meta_field(view.field), None)
        return data


def _joined(views: list[View], name: str) -> torch.Tensor:
    dtype = torch.float32 if name == "image" else torch.int32
    return torch.cat([view.tensor.to(dtype) for view in views])


def _parts(result: Any, views: list[View], name: str) -> Iterable[torch.Tensor]:
    """Return what belongs to each field; a single one may come back with another number of channels."""
    if not views:
        return ()
    if not isinstance(result, torch.Tensor):
        raise StepError(
            f"batchgeneratorsv2 returned a {type(result).__name__} as '{name}'",
            expected="a tensor",
            to_do="leave out DownsampleSegForDSTransform: eisen.ops.losses.DeepSupervisionLoss does its work",
        )
    counts = [len(view.tensor) for view in views] if len(views) > 1 else [len(result)]
    if sum(counts) != len(result):
        raise ShapeError(f"'{name}' came back with {len(result)} channels", expected=f"{sum(counts)}, as it went in")
    return torch.split(result, counts)


def _entries(view: View, part: torch.Tensor, owner: str, is_told: bool) -> DataPoint:
    shape = (1,) * (4 - part.ndim) + tuple(part.shape[1:])
    return view.entries(part.contiguous(), view.affine, shape, owner, is_told=is_told)


def _stays(transform: Any) -> bool:
    """Tell whether a transform certainly leaves all voxels where they are."""
    base = require("batchgeneratorsv2.transforms.base.basic_transform", "interop", "BatchgeneratorsStep")
    inside = getattr(transform, "transforms", None) or [getattr(transform, "transform", None)]
    if inside != [None]:
        return all(map(_stays, inside))
    return isinstance(transform, (base.ImageOnlyTransform, base.SegOnlyTransform))


def _demand_one_shape(views: list[View]) -> None:
    first, *others = views
    for view in others:
        if view.tensor.shape[1:] != first.tensor.shape[1:]:
            raise ShapeError(
                f"'{first.field}' has the spatial shape {tuple(first.tensor.shape[1:])} and '{view.field}' has "
                f"{tuple(view.tensor.shape[1:])}",
                expected="fields that move together have the same spatial shape",
                to_do="bring them to one grid before this step, e.g. with Resample or CropCenteredSubVolumes",
                field=view.field,
            )
