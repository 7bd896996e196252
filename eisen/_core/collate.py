"""From the data points of some cases to one batch, and back."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from numbers import Number
from typing import Any

import numpy as np
import torch
from torch.utils.data import get_worker_info

from eisen._core.errors import DataError, MissingFieldError, ShapeError
from eisen._core.patch_region import PatchRegion
from eisen._core.types import Geometry

__all__ = ["collate", "plain_dtype", "separate"]

_SMALL = 1 << 16
"""Bytes below which sharing memory costs more than another copy."""

_KEPT = (str, bytes, os.PathLike, Geometry, PatchRegion, type(None))


def collate(samples: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, Any]:
    """Return one dict for some data points: per field, the values of all cases together.

    Arrays and tensors are stacked along a new first axis into one tensor, numbers become a tensor; text, geometry
    and None stay a list. Dicts, lists and tuples inside a data point are treated like torch's `default_collate`
    treats them.

    Args:
        samples: One data point per case, all with the same fields.
        names: What the cases are called, for errors.

    Raises:
        ShapeError: If an array has another shape in one case than in another.
        MissingFieldError: If a case lacks a field that the first one has.
        DataError: If a field holds something a batch cannot hold, such as an image that is not an array yet.

    Example:
        >>> batch = collate([{"image": np.zeros((1, 4, 4)), "id": "a"}, {"image": np.ones((1, 4, 4)), "id": "b"}],
        ...                 ["#0", "#1"])
        >>> batch["image"].shape, batch["id"]
        (torch.Size([2, 1, 4, 4]), ['a', 'b'])
    """
    batch = {}
    for field in samples[0]:
        for sample, name in zip(samples, names, strict=True):
            if field not in sample:
                raise MissingFieldError(
                    f"{name} has no field '{field}', which {names[0]} has",
                    expected="the same fields in every case of a batch",
                    to_do="add FilterFields at the end of the transforms, with the fields that the model needs",
                    case=name,
                    field=field,
                )
        batch[field] = _together([sample[field] for sample in samples], names, field)
    return batch


def separate(batch: Mapping[str, Any], n: int) -> list[dict[str, Any]]:
    """Return the data points of a batch: the inverse of `collate`, but arrays and numbers stay tensors.

    Args:
        batch: The stacked fields.
        n: Number of elements.

    Returns:
        One dict per element; its tensors are views of the batch. A value that is not one per element is shared by all.

    Example:
        >>> points = separate({"image": torch.zeros(2, 1, 4, 4), "id": ["a", "b"]}, 2)
        >>> points[1]["image"].shape, points[1]["id"]
        (torch.Size([1, 4, 4]), 'b')
    """
    columns = {field: _elements(value, n) for field, value in batch.items()}
    return [{field: column[place] for field, column in columns.items()} for place in range(n)]


def plain_dtype(value: Any) -> torch.dtype | None:
    """Return the type that a batch of some arrays or tensors would have; None where they need more than a copy.

    Args:
        value: An array, or a tensor.

    Example:
        >>> plain_dtype(np.zeros(3, ">f4")), plain_dtype(np.array(["text"]))
        (torch.float32, None)
    """
    try:
        return _torch_dtype(value.dtype) if _is_plain(value) else None
    except TypeError:
        return None


def _elements(value: Any, n: int) -> Sequence[Any]:
    """Return what each element has of the value of one field."""
    if isinstance(value, torch.Tensor) and value.ndim and len(value) == n:
        return value.unbind()
    if isinstance(value, Mapping):
        parts = {key: _elements(item, n) for key, item in value.items()}
        return [{key: part[place] for key, part in parts.items()} for place in range(n)]
    if isinstance(value, list) and len(value) == n and any(isinstance(item, _KEPT) for item in value):
        return value
    if isinstance(value, (list, tuple)):  # per place the values of all elements, as `_transposed` leaves them
        columns = [_elements(item, n) for item in value]
        rows = [[column[place] for column in columns] for place in range(n)]
        return [type(value)(*row) for row in rows] if hasattr(value, "_fields") else rows
    return [value] * n


def _together(values: list[Any], names: Sequence[str], field: str) -> Any:
    """Return the values of one field, one per case, as one."""
    first = values[0]
    if all(isinstance(value, (np.ndarray, torch.Tensor)) for value in values):
        return _stacked(values, names, field)
    if all(isinstance(value, (Number, np.generic)) for value in values):
        return _numbers(values)
    if any(value is None for value in values) or all(isinstance(value, _KEPT) for value in values):
        return list(values)
    if all(isinstance(value, Mapping) and value.keys() == first.keys() for value in values):
        return {key: _together([value[key] for value in values], names, f"{field}.{key}") for key in first}
    if all(isinstance(value, (list, tuple)) for value in values):
        return _transposed(values, names, field)
    raise _not_for_batches(values, names, field)


def _transposed(values: list[Any], names: Sequence[str], field: str) -> Any:
    """Return a list with one entry per place: the values of all cases at that place."""
    lengths = [len(value) for value in values]
    if len(set(lengths)) > 1:
        raise _unequal(names, field, [f"{n} entries" for n in lengths])
    places = [_together([value[place] for value in values], names, f"{field}[{place}]") for place in range(lengths[0])]
    return type(values[0])(*places) if hasattr(values[0], "_fields") else places


def _numbers(values: list[Any]) -> torch.Tensor:
    if all(isinstance(value, np.generic) for value in values):
        return torch.from_numpy(np.array(values))
    return torch.tensor(values, dtype=torch.float64 if any(isinstance(value, float) for value in values) else None)


def _stacked(values: list[Any], names: Sequence[str], field: str) -> torch.Tensor:
    """Return arrays of one shape as one tensor, each copied once, to where it stays."""
    shapes = [tuple(value.shape) for value in values]
    if len(set(shapes)) > 1:
        raise _unequal(names, field, [str(shape) for shape in shapes])
    if not all(_is_plain(value) for value in values):
        return _stacked_elsewhere(values)
    try:
        dtypes = {value.dtype for value in values}
        kind = _torch_dtype(dtypes.pop()) if len(dtypes) == 1 else _common(values)
    except TypeError:
        raise _not_for_batches(values, names, field) from None
    batch = _empty((len(values), *shapes[0]), kind)
    for place, value in enumerate(values):
        if isinstance(value, np.ndarray):
            np.copyto(batch[place].numpy(), value, casting="unsafe")
        else:
            batch[place].copy_(value)
    return batch


def _stacked_elsewhere(values: list[Any]) -> torch.Tensor:
    """Return tensors of another device, or with gradients, as one tensor."""
    tensors = [torch.as_tensor(value) for value in values]
    kind = _common(tensors)
    return torch.stack([tensor.to(kind) for tensor in tensors])


def _is_plain(value: Any) -> bool:
    """Tell whether a value is an array or a dense CPU tensor without a gradient."""
    if isinstance(value, np.ndarray):
        return True
    return value.device.type == "cpu" and value.layout == torch.strided and not value.requires_grad


def _torch_dtype(dtype: Any) -> torch.dtype:
    if isinstance(dtype, torch.dtype):
        return dtype
    return torch.from_numpy(np.empty(0, np.dtype(dtype).newbyteorder("="))).dtype


def _common(values: list[Any]) -> torch.dtype:
    kinds = [_torch_dtype(value.dtype) for value in values]
    result = kinds[0]
    for kind in kinds[1:]:
        result = torch.promote_types(result, kind)
    return result


def _empty(shape: tuple[int, ...], dtype: torch.dtype) -> torch.Tensor:
    """Return room for a batch; in a data worker, where the main process can see it without another copy."""
    size = int(np.prod(shape)) * dtype.itemsize
    if get_worker_info() is None or size < _SMALL:
        return torch.empty(shape, dtype=dtype)
    new_shared: Callable[[int], Any] = torch.UntypedStorage._new_shared
    return torch.empty(0, dtype=dtype).set_(new_shared(size)).reshape(shape)


def _unequal(names: Sequence[str], field: str, shapes: list[str]) -> ShapeError:
    """Return the error for a field that has two shapes: the first case, and the first one that differs from it."""
    other = next(place for place, shape in enumerate(shapes) if shape != shapes[0])
    return ShapeError(
        f"the field '{field}' is {shapes[0]} in {names[0]} and {shapes[other]} in {names[other]}",
        expected="the same shape in every case of a batch",
        to_do="crop or pad with CropCenteredSubVolumes, or use batch size 1",
        case=f"{names[0]} and {names[other]}",
        field=field,
        shapes=f"{shapes[0]} and {shapes[other]}",
    )


def _not_for_batches(values: list[Any], names: Sequence[str], field: str) -> DataError:
    kinds = sorted({f"{type(v).__name__} of {v.dtype}" if hasattr(v, "dtype") else type(v).__name__ for v in values})
    return DataError(
        f"the field '{field}' holds {' and '.join(kinds)}, which cannot be put in a batch",
        expected="arrays, tensors, numbers, text or None, of one kind in all cases",
        to_do="convert it (NiftiToNumpy, ITKToNumpy, PilToNumpy), or leave it out with FilterFields",
        case=names[0],
        field=field,
    )
