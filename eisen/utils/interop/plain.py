"""Values of other libraries as plain tensors with a geometry record."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from eisen._core.types import DataPoint, Geometry, meta_field
from eisen.utils.interop.subjects import images_of, spatial_history

__all__ = ["entries_of_item", "plain_entries"]


def entries_of_item(item: Any, names: Sequence[str] | None = None) -> DataPoint | None:
    """Return the entries of a data set's item that has names: a dict or a TorchIO subject; None for others.

    Args:
        item: What the data set returned. A list of one dict, which MONAI's random crops make, counts as that dict.
        names: The entries to return, those that are there; None: all.
    """
    if isinstance(item, list) and len(item) == 1 and isinstance(item[0], Mapping):
        item = item[0]
    torchio = sys.modules.get("torchio")
    is_subject = torchio is not None and isinstance(item, torchio.Subject)
    if is_subject and not isinstance(item, Mapping):  # of TorchIO 2; in TorchIO 1 it is a dict
        values = {**item.metadata, **images_of(item)}
    elif isinstance(item, Mapping):
        values = dict(item)
    else:
        return None
    entries: DataPoint = {}
    for name in values if names is None else names:
        if isinstance(name, str) and name in values:
            entries.update(plain_entries(name, values[name]))
    if is_subject:
        _note_movements(entries, item)
    return entries


def plain_entries(name: str, value: Any) -> DataPoint:
    """Return the entries of one named value: images of TorchIO and MONAI as plain tensors with ``<name>_meta``.

    An image without a file and with the identity as its affine gets no record: nobody said where it is.

    Args:
        name: The field.
        value: Its value; what is no image is kept as it is.

    Example:
        >>> plain_entries("age", 61)
        {'age': 61}
    """
    monai = sys.modules.get("monai.data.meta_tensor")
    if monai is not None and isinstance(value, monai.MetaTensor):
        return _with_geometry(name, value.as_tensor(), _of_monai(value))
    torchio = sys.modules.get("torchio")
    if torchio is not None and isinstance(value, torchio.Image):
        return _with_geometry(name, value.data, _of_torchio(value))
    return {name: value}


def _with_geometry(name: str, tensor: torch.Tensor, geometry: Geometry | None) -> DataPoint:
    """Return a tensor with the record of its geometry, if that is of the tensor's shape."""
    known = geometry is not None and geometry.shape == tuple(tensor.shape[-3:])
    return {name: tensor, meta_field(name): geometry} if known else {name: tensor}


def _of_torchio(image: Any) -> Geometry | None:
    path = getattr(image, "path", None)
    affine = np.asarray(image.affine, dtype=np.float64)
    if path is None and np.array_equal(affine, np.eye(4)):
        return None
    return Geometry.of(affine, image.data.shape[1:], str(path or ""))


def _of_monai(image: Any) -> Geometry | None:
    """Return the record of a MetaTensor; what LoadImage noted about the file is the native grid."""
    source = str(image.meta.get("filename_or_obj", ""))
    affine = np.asarray(image.affine.cpu(), dtype=np.float64)
    if affine.shape != (4, 4) or image.ndim != 4 or (not source and np.array_equal(affine, np.eye(4))):
        return None
    now = Geometry.of(affine, image.shape[1:], source)
    native, shape = image.meta.get("original_affine"), image.meta.get("spatial_shape")
    if native is None or shape is None or len(shape) < 3:
        return now
    file = Geometry.of(np.asarray(native), [int(n) for n in shape[:3]], source)
    steps = [str(operation["class"]) for operation in image.applied_operations]
    return file if file == now else replace(file.moved(affine, now.shape, "MONAI"), history=tuple(steps) or ("MONAI",))


def _note_movements(entries: DataPoint, subject: Any) -> None:
    """Note in the records what a subject went through: TorchIO does not keep the grid of the file."""
    names = spatial_history(subject)
    for name, value in entries.items():
        if names and isinstance(value, Geometry):
            entries[name] = replace(value, history=tuple(names), invertible=False)
