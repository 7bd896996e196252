"""Reading which patches a batch holds, however it was collated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eisen._core.errors import ArgumentError, MissingFieldError

__all__ = ["Pairs", "places_of", "voxels_of"]

Pairs = tuple[tuple[int, int], ...]


def places_of(batch: Mapping[str, Any]) -> list[tuple[int, Pairs]]:
    """Return the number of the case and the region of each patch of a batch.

    Args:
        batch: Has ``case_index`` and ``patch_region``, as a loader makes them of patches: a list of regions, or per
            axis the starts and stops of all patches, as torch collates tuples.

    Raises:
        MissingFieldError: If it lacks one of them.
        ArgumentError: If they cannot be read, or are for different numbers of patches.

    Example:
        >>> places_of({"case_index": [3, 3], "patch_region": [((0, 4), (0, 4)), ((4, 8), (0, 4))]})
        [(3, ((0, 4), (0, 4))), (3, ((4, 8), (0, 4)))]
    """
    for field in ("case_index", "patch_region"):
        if field not in batch:
            raise MissingFieldError(
                f"the batch has no field '{field}', which tells where its patches belong",
                expected=f"'case_index' and 'patch_region' among {', '.join(map(str, batch))}",
                to_do="load patches of a PatchDataset, and keep both fields in the transforms (FilterFields)",
                field=field,
            )
    try:
        cases = [int(number) for number in batch["case_index"]]
        regions = _regions(batch["patch_region"])
    except (TypeError, ValueError) as error:
        raise _unreadable(batch) from error
    if len(cases) != len(regions):
        raise _unreadable(batch)
    return list(zip(cases, regions, strict=True))


def voxels_of(places: list[tuple[int, Pairs]], columns: Mapping[str, Any]) -> dict[int, list[int]]:
    """Return which patches each case has, if all patches and all outputs are single voxels; else an empty dict.

    Args:
        places: What `places_of` returns.
        columns: The outputs, (B, C, ...).

    Example:
        >>> voxels_of([(0, ((3, 4),)), (2, ((0, 1),)), (0, ((5, 6),))], {})
        {0: [0, 2], 2: [1]}
    """
    is_voxel = all(stop - start == 1 for _, region in places for start, stop in region)
    if not is_voxel or any(n != 1 for values in columns.values() for n in values.shape[2:]):
        return {}
    of_case: dict[int, list[int]] = {}
    for place, (number, _) in enumerate(places):
        of_case.setdefault(number, []).append(place)
    return of_case


def _regions(value: Any) -> list[Pairs]:
    if hasattr(value, "tolist"):  # one array (B, axes, 2)
        value = value.tolist()
    elif len(value) and hasattr(value[0], "tolist"):  # one array (axes, 2) per patch
        value = [region.tolist() for region in value]
    elif len(value) and getattr(value[0][0], "ndim", 0):  # per axis: starts of all patches, stops of all patches
        value = zip(*(zip(*(column.tolist() for column in axis), strict=True) for axis in value), strict=True)
    return [tuple((int(start), int(stop)) for start, stop in region) for region in value]


def _unreadable(batch: Mapping[str, Any]) -> ArgumentError:
    what = f"case_index {batch['case_index']!r} and patch_region {batch['patch_region']!r}"
    return ArgumentError(
        f"the places of the patches of a batch cannot be read: {what}"[:300],
        expected="a whole number, and one (start, stop) per spatial axis, for each patch",
        to_do="hand the batch over as the loader gives it, with a first axis for the patches",
    )
