"""One case as something that patches are cut from: its arrays as sources of regions, and all the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eisen._core.errors import DataError, ShapeError, nearest
from eisen._core.optional import is_torch
from eisen._core.types import Array, DataPoint, Geometry
from eisen.patches.where.places import Place, Places
from eisen.storage.regions import ArraySource, Region, RegionSource, full_region

__all__ = ["CaseParts", "opened", "private_value"]


@dataclass(eq=False)
class CaseParts:
    """One case, of which parts can be read; what selections and draws look at.

    Args:
        number: Its number in the data set.
        name: What people call it.
        sources: The array fields.
        rest: Everything else: numbers, text, geometry. Not to be changed.
        tensors: Which of the array fields are tensors for those who use the patches.
        shape: The spatial shape that the places are of; () as long as nobody has asked for it.
        places: All places of patches.
        notes: What those who looked at the case remember.
        cutter: Makes the patch at a place.
    """

    number: int
    name: str
    sources: dict[str, RegionSource]
    rest: DataPoint
    tensors: frozenset[str] = frozenset()
    shape: tuple[int, ...] = ()
    places: Places = field(default_factory=lambda: Places(()), repr=False)
    notes: dict[Any, Any] = field(default_factory=dict, repr=False)
    cutter: Callable[[CaseParts, Place], DataPoint] = field(default=lambda case, _: dict(case.rest), repr=False)

    def cut(self, place: Place) -> DataPoint:
        """Return the patch at a place."""
        return self.cutter(self, place)

    def remember(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what is remembered about the case under a key, made the first time.

        Args:
            key: Who remembers, and what.
            make: Makes it.
        """
        if key not in self.notes:
            self.notes[key] = make()
        return self.notes[key]

    def source(self, name: str) -> RegionSource:
        """Return an array field.

        Raises:
            DataError: If the case has no such array.
        """
        if name not in self.sources:
            known = ", ".join(self.sources) or "none"
            raise DataError(
                f"the case has no array '{name}'",
                expected=f"one of its arrays: {known}",
                to_do=nearest(name, self.sources) or "name another field",
                case=self.name,
                field=name,
            )
        return self.sources[name]

    def spatial_source(self, name: str) -> RegionSource:
        """Return an array field that has the spatial shape of the places.

        Raises:
            DataError: If the case has no such array.
            ShapeError: If it has another spatial shape.
        """
        source = self.source(name)
        if tuple(source.shape[-len(self.shape) :]) != self.shape:
            raise self.misfit(name)
        return source

    def misfit(self, name: str) -> ShapeError:
        """Return the error for a field whose spatial shape is not that of the places."""
        return ShapeError(
            f"'{name}' has the shape {tuple(self.sources[name].shape)}, and patches are cut from {self.shape}",
            expected="fields that are cut together have the same spatial shape, behind the channels",
            to_do="bring them to one grid before (Resample, ResampleToReference), or name in fields=[...] only those "
            "that are to be cut; the others stay whole",
            case=self.name,
            field=name,
            shapes=", ".join(f"{key} {tuple(source.shape)}" for key, source in self.sources.items()),
        )

    def read(self, name: str, region: Region) -> Array:
        """Return a region, given by its spatial axes, of an array field: all channels (C, ...), one if it has none.

        Args:
            name: The field.
            region: Inside of the case.
        """
        source = self.spatial_source(name)
        leading = full_region(source.shape[: len(source.shape) - len(region)])
        part = source.read((*leading, *region))
        return part.reshape((-1, *part.shape[len(leading) :]))


def opened(number: int, name: str, point: Mapping[str, Any]) -> CaseParts:
    """Return a data point that was read whole as a case.

    Args:
        number: Number of the case.
        name: What people call it.
        point: Its data point; arrays are not copied, patches of them are.
    """
    if not isinstance(point, Mapping):
        raise DataError(
            f"the data set gives {type(point).__name__}, not a dict", expected="a dict with the fields of the case"
        )
    arrays = {key: value for key, value in point.items() if _is_array(value)}
    sources: dict[str, RegionSource] = {key: ArraySource(_as_numpy(value)) for key, value in arrays.items()}
    rest = {key: value for key, value in point.items() if key not in arrays}
    return CaseParts(number, name, sources, rest, frozenset(key for key, value in arrays.items() if is_torch(value)))


def private_value(value: Any) -> Any:
    """Return a value that may be changed without changing the case; what nobody can change is not copied."""
    if value is None or isinstance(value, (str, bytes, int, float, bool, Geometry)):
        return value
    return deepcopy(value)


def _is_array(value: Any) -> bool:
    """Tell whether a value is an array with axes; a label or an age in an array without axes is a number."""
    return ((isinstance(value, np.ndarray) and value.dtype != object) or is_torch(value)) and value.ndim > 0


def _as_numpy(value: Any) -> Array:
    return np.asarray(value.detach().cpu().numpy() if is_torch(value) else value)
