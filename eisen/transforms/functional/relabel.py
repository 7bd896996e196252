"""Replacing the values of label maps: one look-up per voxel, however many labels there are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from eisen._core.errors import VoxelValueError
from eisen._core.optional import is_torch
from eisen._core.types import Array
from eisen.transforms.functional.tensors import as_array, as_either

__all__ = ["remap"]

_LARGEST_TABLE = 2**20


def remap(label: Any, mapping: Mapping[int, int], unknown: str = "error") -> Any:
    """Replace the values of a label map; 0 stays 0 unless it is named.

    Args:
        label: Label map of any type that holds whole numbers.
        mapping: Old value to new value.
        unknown: What to do with values that are not named: "error", "background" makes them 0, "keep".

    Returns:
        A label map of the same type.

    Raises:
        VoxelValueError: If there are unknown values and `unknown` is "error", fractions, or a new value does not fit
            the type.

    Example:
        >>> remap(np.array([0, 41, 2, 41], "int16"), {2: 1, 41: 1})
        array([0, 1, 1, 1], dtype=int16)
    """
    source = as_either(label)
    if not (source.numel() if is_torch(source) else source.size):
        return source
    table = {0: 0, **mapping}
    _demand_that_it_fits(table, source)
    low, high = int(source.min()), int(source.max())
    if high - low >= _LARGEST_TABLE:
        return _remap_far_values(source, table, unknown)
    codes = _whole_numbers(source, low)
    counted = _counts(codes, high - low + 1)
    present = [int(value) + low for value in np.flatnonzero(counted)]
    _demand_known(present, {value: int(counted[value - low]) for value in present}, table, unknown)
    return _looked_up(source, codes, [table.get(low + i, _rest(low + i, unknown)) for i in range(high - low + 1)])


def _rest(value: int, unknown: str) -> int:
    return value if unknown == "keep" else 0


def _whole_numbers(source: Any, low: int) -> Any:
    """Return the values minus the smallest as integers, or say that some are fractions."""
    if is_torch(source):
        codes = source.long()
        is_whole = not source.is_floating_point() or bool((codes == source).all())
        shifted: Any = codes - low
    else:
        codes = source if source.dtype.kind in "iub" else source.astype(np.int32)
        is_whole = source.dtype.kind in "iub" or np.array_equal(codes, source)
        shifted = codes if low == 0 and codes.dtype != np.bool_ else codes.astype(np.int64) - low
    if not is_whole:
        raise VoxelValueError(
            "the label map holds fractions or values that are not finite",
            expected="whole numbers",
            to_do="resample labels with nearest interpolation, and look at the file",
        )
    return shifted


def _counts(codes: Any, length: int) -> Array:
    if is_torch(codes):
        return np.asarray(codes.flatten().bincount(minlength=length).cpu().numpy())
    return np.bincount(codes.ravel(order="K"), minlength=length)


def _looked_up(source: Any, codes: Any, table: Sequence[int]) -> Any:
    if is_torch(source):
        import torch

        return torch.tensor(table, dtype=source.dtype, device=source.device)[codes]
    return np.asarray(table).astype(source.dtype)[codes]


def _remap_far_values(source: Any, table: Mapping[int, int], unknown: str) -> Any:
    """Remap values that are too far apart for a table, such as hashes."""
    import fastremap

    array = as_array(source)
    values, counts = fastremap.unique(_whole_numbers(array, 0), return_counts=True)
    found = {int(value): int(count) for value, count in zip(values, counts, strict=True)}
    _demand_known(list(found), found, table, unknown)
    full = {value: table.get(value, _rest(value, unknown)) for value in found}
    result = fastremap.remap(_whole_numbers(array, 0).astype(np.int64), full).astype(array.dtype)
    return source.new_tensor(result) if is_torch(source) else result


def _demand_known(present: list[int], counts: Mapping[int, int], table: Mapping[int, int], unknown: str) -> None:
    strangers = [value for value in present if value not in table]
    if strangers and unknown == "error":
        shown = ", ".join(f"{value} ({counts[value]} voxels)" for value in strangers[:8])
        more = f" and {len(strangers) - 8} more" if len(strangers) > 8 else ""
        raise VoxelValueError(
            f"the label map holds values that are not in the mapping: {shown}{more}",
            expected=f"0 and {', '.join(str(value) for value in list(table)[:12])}",
            to_do="name them in the mapping, or give unknown='background' or unknown='keep'",
        )


def _demand_that_it_fits(table: Mapping[int, int], source: Any) -> None:
    name = str(source.dtype).removeprefix("torch.")
    if not name.startswith(("int", "uint")):
        return
    bounds = np.iinfo(name)
    wrong = [new for new in table.values() if not bounds.min <= new <= bounds.max]
    if wrong:
        raise VoxelValueError(
            f"the new value {wrong[0]} does not fit a label map of type {name}",
            expected=f"values from {bounds.min} to {bounds.max}",
            to_do="give RemapLabels a dtype, e.g. 'int16'",
        )
