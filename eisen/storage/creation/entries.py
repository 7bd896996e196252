"""From the values of a data point to what a store can hold: arrays with the channels in front, numbers, text."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from eisen._core.errors import DataError, EisenError, ShapeError
from eisen._core.fields import missing_field, shapes_of
from eisen._core.optional import is_torch
from eisen._core.types import Array, DataPoint, Geometry, is_label_field
from eisen.transforms.base import geometry_of

__all__ = ["EntryValue", "Kind", "demand_one_grid", "entries_of", "entry_of"]

Kind: TypeAlias = Literal["array", "number", "text", "json"]
"""What a field of a store holds."""

_BESIDE = ("_meta", "_affines", "_orientations")
"""Endings of what readers write beside a field; the geometry record says the same."""


@dataclass(frozen=True)
class EntryValue:
    """What a store holds of one field of a case.

    Args:
        kind: ``"array"``, ``"number"``, ``"text"`` or ``"json"``.
        value: The array, channels first; the number; or the text, of JSON too.
        geometry: Where the voxels of an array are.
    """

    kind: Kind
    value: Any
    geometry: Geometry | None = None


def entries_of(point: DataPoint, fields: Iterable[str] | None = None) -> dict[str, EntryValue]:
    """Return what a store holds of a case.

    Images of nibabel, SimpleITK and Pillow become arrays with the channels in front; for volumes the axes behind them
    are those of their geometry record. An array of a volume without channels gets one.

    Args:
        point: The data point.
        fields: Which of its fields; None: all, but what readers write beside them.

    Raises:
        MissingFieldError: If a field is not there.
        DataError: If a value is of a kind that a file cannot hold.
        ShapeError: If an array has no elements.

    Example:
        >>> found = entries_of({"image": np.zeros((1, 4, 4, 4)), "age": 61, "sex": "f"})
        >>> [(name, entry.kind) for name, entry in found.items()]
        [('image', 'array'), ('age', 'number'), ('sex', 'text')]
    """
    names = [name for name in point if not _is_beside(name, point)] if fields is None else list(fields)
    found = {}
    for name in names:
        if name not in point:
            raise missing_field(name, point, "create_store")
        if not isinstance(name, str) or not name or "/" in name or name.startswith("."):
            raise DataError(f"a field cannot be called {name!r} in a store", expected="a name without '/'")
        try:
            found[name] = entry_of(point[name], geometry_of(name, point))
        except EisenError as error:
            raise error.note(field=name, shapes=shapes_of(point)) from error.__cause__
    return found


def _is_beside(name: str, point: DataPoint) -> bool:
    ending = next((ending for ending in _BESIDE if name.endswith(ending)), "")
    return bool(ending) and (name.removesuffix(ending) in point or isinstance(point[name], Geometry))


def entry_of(value: Any, geometry: Geometry | None = None) -> EntryValue:
    """Return what a store holds of one value.

    Args:
        value: An image, array, tensor, number, text, or anything JSON knows.
        geometry: Where its voxels are.

    Raises:
        DataError: If a file cannot hold it.
        ShapeError: If it is an array without elements.

    Example:
        >>> entry_of({"side": "left"}).value
        '{"side": "left"}'
    """
    array = _as_array(value)
    if array is not None and array.ndim:
        return EntryValue("array", _checked(_with_channel(array, geometry)), geometry)
    plain = value if array is None else array.item()
    if isinstance(plain, bool | int | float):
        return EntryValue("number", plain)
    if isinstance(plain, str | os.PathLike):
        return EntryValue("text", str(plain))
    return EntryValue("json", _json(plain))


def _as_array(value: Any) -> Array | None:
    """Return the voxels of an image, channels first, or the elements of an array; None for other values."""
    if hasattr(value, "dataobj") and hasattr(value, "affine"):
        voxels: Array = np.asanyarray(value.dataobj)
        return voxels[None] if voxels.ndim < 4 else np.moveaxis(voxels.reshape(*voxels.shape[:3], -1), -1, 0)
    if hasattr(value, "GetNumberOfComponentsPerPixel"):
        import SimpleITK

        found: Array = SimpleITK.GetArrayFromImage(value).T
        return found[None] if value.GetNumberOfComponentsPerPixel() == 1 else found
    if hasattr(value, "getbands"):
        picture: Array = np.asarray(value)
        return picture[None] if picture.ndim == 2 else np.moveaxis(picture, -1, 0)
    if is_torch(value):
        return _of_tensor(value)
    return np.asarray(value) if isinstance(value, np.ndarray | np.generic) else None


def _of_tensor(value: Any) -> Array:
    try:
        return np.asarray(value.detach().cpu().numpy())
    except (TypeError, RuntimeError) as error:
        raise DataError(
            f"a tensor of {value.dtype} cannot be stored", to_do='convert it first: ToTensor([...], dtype="float32")'
        ) from error


def _with_channel(array: Array, geometry: Geometry | None) -> Array:
    return array[None] if geometry is not None and array.shape == geometry.shape else array


def _checked(array: Array) -> Array:
    if array.size == 0:
        raise ShapeError(
            f"an array of shape {array.shape} has no elements",
            expected="at least one along each axis",
            to_do="check the file, and the cropping steps in front",
        )
    if array.dtype.kind not in "biufc":
        raise DataError(f"an array of {array.dtype} cannot be stored", expected="numbers")
    return array


def _json(value: Any) -> str:
    try:
        return json.dumps(value, default=_plain, ensure_ascii=False)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"a value of {type(value).__name__} cannot be stored",
            expected="an image, an array, a number, text, or lists and dicts of them",
            to_do="leave the field out: name the others in fields=[...]",
        ) from error


def _plain(value: Any) -> Any:
    array = _as_array(value)
    if array is not None:
        return array.tolist()
    if isinstance(value, os.PathLike):
        return str(value)
    raise TypeError(type(value).__name__)


def demand_one_grid(entries: dict[str, EntryValue]) -> None:
    """Raise if a label has another shape than the image of its case.

    Args:
        entries: What the case holds.

    Raises:
        ShapeError: If the axes behind the channels differ.

    Example:
        >>> demand_one_grid(entries_of({"image": np.zeros((2, 4, 4, 4)), "label": np.zeros((1, 4, 4, 4))}))
    """
    volumes = {name: entry.value.shape for name, entry in entries.items() if _is_volume(entry)}
    first = next((name for name in volumes if not is_label_field(name)), None)
    for name, shape in volumes.items():
        if first is None or not is_label_field(name) or len(shape) != len(volumes[first]):
            continue
        if shape[1:] != volumes[first][1:]:
            raise ShapeError(
                f"'{first}' has the shape {volumes[first]} and '{name}' has {shape}",
                expected="one shape behind the channels",
                to_do="bring them to one grid, e.g. with Resample; where they differ on purpose: check_shapes=False",
                field=name,
            )


def _is_volume(entry: EntryValue) -> bool:
    return entry.kind == "array" and entry.value.ndim >= 3
