"""What is shown of a case: images, reference and prediction on the grid of the file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eisen._core.errors import MissingFieldError, nearest
from eisen._core.types import Array, DataPoint, Geometry, meta_field
from eisen.evaluation.inputs import opened
from eisen.experiments.prediction.places import Picture, Volume
from eisen.experiments.prediction.single import Prediction
from eisen.experiments.reviews.natively import Scan, images_of, same_grid, scan_of
from eisen.experiments.reviews.taught import label_map_of, translated, translation
from eisen.transforms.functional.regridding import regrid
from eisen.transforms.functional.restore import restore_to_native

__all__ = ["CaseView", "view_of"]

_PICTURE = np.diag([1.0, -1.0, 1.0, 1.0])
"""Columns to the right and rows downwards, as pictures are looked at."""


@dataclass
class CaseView:
    """Images, reference and prediction of a case.

    Args:
        images: By field; the first is the one the prediction is on.
        reference: What is true.
        prediction: What the model says.
        notes: What has to be known to read them, in words.
    """

    images: dict[str, Scan]
    reference: Scan
    prediction: Scan
    notes: list[str] = field(default_factory=list)


def view_of(found: Prediction, read: DataPoint, reference: str, values: Sequence[int] | None) -> CaseView:
    """Return what is shown of a case whose prediction has voxels.

    Args:
        found: What the model says, and the data point it got.
        read: The same case as it was read; empty if that is not known.
        reference: Field with the reference.
        values: Label value of each channel.

    Raises:
        MissingFieldError: If there is no reference.
        GeometryError: If something cannot be brought back to the grid of the file.
    """
    if reference not in found.data:
        fields = [name for name in found.data if not name.endswith("_meta")]
        raise MissingFieldError(
            f"the cases have no reference '{reference}'" if reference else "no field is known as the reference",
            expected=f"one of: {', '.join(fields)}",
            to_do=nearest(reference, fields) or 'name it in the configuration: "Evaluation": {"reference": ...}',
            field=reference,
        )
    place = found.verdict.place
    if isinstance(place, Picture):
        return _of_picture(found, read, reference, values, place)
    assert isinstance(place, Volume)
    return _of_volume(found, read, reference, values, place.geometry)


def _of_volume(
    found: Prediction, read: DataPoint, reference: str, values: Sequence[int] | None, geometry: Geometry
) -> CaseView:
    grid, data = geometry.native, found.data
    images = {} if found.verdict.kind == "image" else images_of(read, grid, reference, found.field)
    notes: list[str] = []
    if not images:
        images = {found.field: Scan(_back(data[found.field], geometry), grid)}
        notes.append(f"'{found.field}' is shown as the model saw it, on the grid of the file")
    own = data.get(meta_field(reference))
    where = own if isinstance(own, Geometry) else geometry
    if found.verdict.kind == "image":
        truth = regrid(_channels(data[reference], len(where.shape)), where, grid)
        return CaseView(images, _scan(truth, grid), _scan(found.verdict.channels(), grid), notes)
    taught = label_map_of(data[reference], len(where.shape), values)
    taught = taught.reshape(where.shape) if taught.size == np.prod(where.shape) else taught
    scan = scan_of(read, reference)
    if scan is not None and scan.voxels.ndim == 3 and same_grid(scan.geometry, grid):
        labels = np.rint(scan.voxels).astype(np.int32)
        table = translation(labels, taught, where, grid)
        notes += [f"label {value} of the reference is {other} for the model" for value, other in table.items()]
        labels = translated(labels, table)
    else:
        labels = regrid(taught, where, grid, "nearest")
        notes.append("the reference is what the model was compared with, brought back to the grid of the image")
    return CaseView(images, Scan(_small(labels), grid), Scan(_small(found.verdict.labels()), grid), notes)


def _of_picture(
    found: Prediction, read: DataPoint, reference: str, values: Sequence[int] | None, place: Picture
) -> CaseView:
    notes = ["a picture has no place in space: pixels of 1 x 1 are assumed"]
    is_image = found.verdict.kind == "image"
    image = None if is_image else _picture_as_read(read.get(found.field), place.shape)
    if image is None:
        image = _channels(found.data[found.field], 2)
        notes.append(f"'{found.field}' is shown as the model saw it")
    images = {found.field: _flat(image)}
    if is_image:
        truth = _channels(found.data[reference], 2)
        return CaseView(images, _flat(truth), _flat(found.verdict.channels()), notes)
    labels = _small(label_map_of(found.data[reference], 2, values))
    return CaseView(images, _flat(labels[None]), _flat(_small(found.verdict.labels())[None]), notes)


def _picture_as_read(value: Any, shape: tuple[int, int]) -> Array | None:
    """Return a picture (C, rows, columns); None if it was none of this size."""
    if value is None or isinstance(value, (str, dict)):
        return None
    array = opened(value, "reference").values
    if array.shape == shape:
        return array[None]
    if array.ndim == 3 and array.shape[:2] == shape:
        return np.asarray(np.moveaxis(array, -1, 0)[:3])
    return array if array.ndim == 3 and array.shape[1:] == shape else None


def _flat(channels: Array) -> Scan:
    """Return a picture (C, rows, columns) as a volume of one slice."""
    voxels = np.moveaxis(channels, 0, -1).swapaxes(0, 1)[:, :, None]  # (columns, rows, 1, C)
    grid = Geometry.of(_PICTURE, voxels.shape[:3])
    return Scan(voxels[..., 0] if voxels.shape[3] == 1 else voxels, grid)


def _channels(value: Any, n_axes: int) -> Array:
    """Return (C, ...) as 32-bit floats."""
    array = np.asarray(value.detach().cpu() if hasattr(value, "detach") else value, np.float32)
    return array[None] if array.ndim == n_axes else array


def _back(value: Any, geometry: Geometry) -> Array:
    channels = restore_to_native(_channels(value, len(geometry.shape)).reshape(-1, *geometry.shape), geometry)
    return np.asarray(channels[0] if len(channels) == 1 else np.moveaxis(channels, 0, -1))


def _scan(channels: Array, grid: Geometry) -> Scan:
    return Scan(channels[0] if len(channels) == 1 else np.moveaxis(channels, 0, -1), grid)


def _small(labels: Array) -> Array:
    """Return labels in the smallest type that every viewer reads."""
    low, high = (int(labels.min()), int(labels.max())) if labels.size else (0, 0)
    return labels.astype(np.uint8 if low >= 0 and high < 256 else np.int16 if high < 2**15 else np.int32)
