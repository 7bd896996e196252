"""Cutting one patch out of a case: its arrays, where they are in the body, and all the rest of the case."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError, DataError, VoxelValueError
from eisen._core.types import Array, DataPoint, Geometry, is_label_field, meta_field
from eisen.patches.cutting.cases import CaseParts, private_value
from eisen.patches.where.places import Place
from eisen.storage.regions import Region, RegionSource, full_region, read_padded, split_region
from eisen.transforms.arguments import checked_choice, fill_for
from eisen.transforms.base import geometry_of
from eisen.transforms.functional.crop import PAD_MODES

__all__ = ["Cutter", "Room"]

Room = Callable[[str, tuple[int, ...], Any], Array]
"""Gives the array that a field is written to, from its name, shape and type."""


@dataclass(frozen=True)
class _Plan:
    """Which fields of a case are cut, which are given whole, and where those that are cut are in the body."""

    cut: tuple[str, ...]
    whole: tuple[str, ...]
    grids: dict[str, Geometry | None]


class Cutter:
    """Cuts patches out of cases.

    Args:
        fields: Array fields to cut; None: all on the grid of the reference.
        reference: The field whose grid counts; None: the first of `fields`, or the first with the most axes.
        spatial_dims: How many axes, the last ones, are space; None: all but the first.
        fill: What is outside of the case: a number, or one per field; labels get 0.
        fill_mode: "constant", "edge" or "reflect".
    """

    def __init__(
        self,
        fields: Sequence[str] | None,
        reference: str | None,
        spatial_dims: int | None,
        fill: float | Mapping[str, float],
        fill_mode: str,
    ) -> None:
        self.fields, self.reference, self.spatial_dims = fields, reference, spatial_dims
        self.fill = _checked_fill(fill)
        self.fill_mode = checked_choice(fill_mode, PAD_MODES, "fill_mode", "PatchDataset")

    def shape_of(self, case: CaseParts) -> tuple[int, ...]:
        """Return the spatial shape that the patches of a case are cut from."""
        name = self.reference or next(iter(self.fields or ()), None) or _first_of_most_axes(case)
        shape = tuple(int(n) for n in case.source(name).shape)
        n_axes = len(shape) - 1 if self.spatial_dims is None else self.spatial_dims
        if not 1 <= n_axes <= len(shape):
            raise ArgumentError(
                f"'{name}' has the shape {shape}, and {n_axes} of its axes shall be space",
                expected="channels first, then the spatial axes",
                to_do="add an axis for the channels (AddChannelDimension), or give spatial_dims",
            ).note(case=case.name, field=name)
        return shape[len(shape) - n_axes :]

    def point(self, case: CaseParts, place: Place, room: Room | None = None) -> DataPoint:
        """Return the patch at a place, as a data point that nobody else holds.

        Args:
            case: The case.
            place: Where.
            room: Gives the array to write a field to, from its name, shape and type; None: a new one.
        """
        plan: _Plan = case.remember("plan", lambda: self._plan(case))
        metas = {meta_field(name) for name in plan.cut}
        point = {key: private_value(value) for key, value in case.rest.items() if key not in metas}
        for name in plan.cut:
            point |= self._cut(case, plan, name, place, room)
        for name in plan.whole:
            point[name] = _given(case, name, case.sources[name].read())
        point |= {"patch_region": place.patch_region, "case_index": case.number}
        if place.axis is not None:
            point["patch_axis"] = place.axis
        if place.region != place.core:
            point["patch_margin"] = place.margin
        return point

    def _plan(self, case: CaseParts) -> _Plan:
        if self.fields is not None:
            for name in self.fields:
                case.spatial_source(name)
            cut = tuple(self.fields)
        else:
            cut = tuple(name for name, source in case.sources.items() if self._is_cut(case, name, source))
        whole = tuple(name for name in case.sources if name not in cut)
        return _Plan(cut, whole, {name: _grid_of(case, name) for name in cut})

    def _is_cut(self, case: CaseParts, name: str, source: RegionSource) -> bool:
        """Tell whether an array is on the grid of the places; one that only looks so is an error."""
        n_axes, d = len(source.shape), len(case.shape)
        if n_axes >= d and tuple(source.shape[n_axes - d :]) == case.shape:
            return True
        if n_axes == d + 1 or (n_axes == d and is_label_field(name)):
            raise case.misfit(name)
        return False

    def _cut(self, case: CaseParts, plan: _Plan, name: str, place: Place, room: Room | None) -> DataPoint:
        """Return the entries of one field."""
        source, region = case.sources[name], place.region_of(name)
        lead = len(source.shape) - len(region)
        full = (*full_region(source.shape[:lead]), *region)
        shape = tuple(part.stop - part.start for part in full)
        out = None if room is None or place.axis is not None else room(name, shape, source.dtype)
        array = self._read(name, source, full, out)
        grid = plan.grids[name]
        geometry = None if grid is None else _moved(grid, region, place.axis)
        if place.axis is not None:
            array = _flat(array, lead, lead + place.axis)
            geometry = geometry if array.shape[0] == 1 or lead == 0 else None
        return {name: _given(case, name, array), **({} if geometry is None else {meta_field(name): geometry})}

    def _read(self, name: str, source: RegionSource, region: Region, out: Array | None) -> Array:
        """Read a region, filled up outside of the case."""
        if all(part.start >= 0 and part.stop <= n for part, n in zip(region, source.shape, strict=True)):
            return source.read(region, out)
        if self.fill_mode == "constant":
            return read_padded(source, region, _fill_as(name, fill_for(name, self.fill), source.dtype), out)
        inside, place = split_region(region, source.shape)
        sizes = [part.stop - part.start for part in region]
        widths = [(part.start, size - part.stop) for part, size in zip(place, sizes, strict=True)]
        if any(part.start >= part.stop for part in inside):
            raise DataError(
                f"a patch of '{name}' is completely outside of the case",
                expected="patches with a voxel to repeat or mirror",
                to_do='use fill_mode="constant"',
                field=name,
            )
        return np.pad(source.read(inside), widths, mode=self.fill_mode)  # type: ignore[call-overload,no-any-return]


def _grid_of(case: CaseParts, name: str) -> Geometry | None:
    """Return where a whole field is in the body, if it knows where it is and patches of it can."""
    key = meta_field(name)
    if key not in case.rest or len(case.shape) > 3:
        return None
    return geometry_of(name, {name: SimpleNamespace(shape=tuple(case.sources[name].shape)), key: case.rest[key]})


def _moved(geometry: Geometry, region: Region, axis: int | None) -> Geometry | None:
    """Return where a part of a field is in the body."""
    d = len(region)
    affine = geometry.affine.copy()
    affine[:3, 3] += affine[:3, 3 - d : 3] @ [part.start for part in region]
    shape = (*geometry.shape[: 3 - d], *(part.stop - part.start for part in region))
    if axis is None:
        return geometry.moved(affine, shape, "patch")
    if d < 3 or shape[axis] != 1:
        return None
    order = [axis, *(n for n in range(3) if n != axis)]
    return geometry.moved(affine[:, [*order, 3]], [shape[n] for n in order], f"slice across axis {axis}")


def _flat(array: Array, lead: int, axis: int) -> Array:
    """Drop a spatial axis: what is along it becomes channels, those of the first slice first."""
    stack = np.moveaxis(array, axis, 0)
    if lead == 0 and len(stack) == 1:
        return np.ascontiguousarray(stack[0])
    return np.ascontiguousarray(stack.reshape((-1, *stack.shape[1 + lead :])))


def _given(case: CaseParts, name: str, array: Array) -> Any:
    """Return an array as its data set gives it: as a tensor, if that is what it was."""
    if name not in case.tensors:
        return array
    import torch

    return torch.from_numpy(array)


def _first_of_most_axes(case: CaseParts) -> str:
    """Return the field that patches are cut from when none is named."""
    if not case.sources:
        kinds = ", ".join(f"{key} ({type(value).__name__})" for key, value in case.rest.items())
        raise DataError(
            "the case has no array to cut patches from",
            expected="at least one array or tensor, channels first",
            to_do="read the files first: a reader and NiftiToNumpy among the steps in front of the first random one, "
            f"or n_steps=...; the case has {kinds or 'no fields'}",
            case=case.name,
        )
    return max(case.sources, key=lambda name: len(case.sources[name].shape))


def _fill_as(name: str, fill: float, dtype: np.dtype[Any]) -> float:
    """Return what fills up, or say that the array cannot hold it."""
    try:
        fits = bool(np.array(fill).astype(dtype) == fill) if dtype.kind in "ui" else True
        fits = fits and (dtype.kind not in "ui" or np.iinfo(dtype).min <= fill <= np.iinfo(dtype).max)
    except (OverflowError, ValueError):
        fits = False
    if not fits:
        raise VoxelValueError(
            f"'{name}' is {dtype}, which cannot hold the fill value {fill:g}",
            expected="a value of the type of the array",
            to_do="choose another fill for the field, or cast it before (CastFields)",
            field=name,
        )
    return fill


def _checked_fill(fill: Any) -> Any:
    values = fill.values() if isinstance(fill, Mapping) else [fill]
    if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
        raise ArgumentError(f"PatchDataset: fill is {fill!r}", expected="a number, or one per field")
    return dict(fill) if isinstance(fill, Mapping) else fill
