"""What is wrong with the voxels of images: not finite, without content, on another scale than the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from eisen._core.types import is_label_field
from eisen.datasets.doctor.check_crowd import fields_to_compare
from eisen.datasets.doctor.facts import CaseFacts, VoxelFacts
from eisen.datasets.doctor.findings import Finding, finding
from eisen.datasets.doctor.robust import far_from_the_others
from eisen.datasets.doctor.study import Study

__all__ = ["check_intensity"]

_SCALE_RATIO = 20.0
_WIDE = 100.0
_FEW_VALUES, _MANY_VALUES = 8, 32
_AIR_HU, _STORED_AIR = -500.0, -10.0

Member = tuple[CaseFacts, VoxelFacts]


def check_intensity(_: Study, facts: list[CaseFacts]) -> Iterator[Finding]:
    """Yield what is wrong with the intensities."""
    for entry in facts:
        for field, voxels in entry.voxels.items():
            yield from _alone(entry, field, voxels)
    for field in fields_to_compare(facts):
        if not is_label_field(field):
            yield from _among_others([(entry, entry.voxels[field]) for entry in facts if field in entry.voxels], field)


def _alone(entry: CaseFacts, field: str, voxels: VoxelFacts) -> Iterator[Finding]:
    about = entry.about(field)
    if bad := voxels.n_nan + voxels.n_infinite:
        parts = [
            f"{count:,} {name}" for count, name in ((voxels.n_nan, "NaN"), (voxels.n_infinite, "infinite")) if count
        ]
        what = f"{' and '.join(parts)} of {voxels.n:,} voxels"
        yield finding("voxels-not-finite", what, **about, n_nan=voxels.n_nan, n_infinite=voxels.n_infinite)
    if not is_label_field(field) and voxels.minimum >= voxels.maximum and bad < voxels.n:
        yield finding("image-constant", f"all voxels are {voxels.minimum:g}", **about, value=voxels.minimum)


def _among_others(members: list[Member], field: str) -> Iterator[Finding]:
    told = {id(entry) for entry, voxels in members if voxels.minimum >= voxels.maximum}
    for found in (*_labels_in_disguise(members), *_not_in_hu(members)):
        told.add(id(found[0]))
        yield _about(*found, field)
    rest = [(entry, voxels) for entry, voxels in members if id(entry) not in told]
    far = far_from_the_others([_scale(voxels) for _, voxels in rest], _SCALE_RATIO)
    for index, factor in far.items():
        entry, voxels = rest[index]
        times = f"{factor:.3g} times" if factor >= 1 else f"1/{1 / factor:.3g} of"
        what = f"intensities run from {voxels.low:.4g} to {voxels.high:.4g}: {times} the usual range"
        yield _about(
            entry, "intensity-outlier", what, {"low": voxels.low, "high": voxels.high, "factor": factor}, field
        )
    yield from _wide([voxels for index, (_, voxels) in enumerate(rest) if index not in far], field)


def _scale(voxels: VoxelFacts) -> float:
    """Return the width of the range of intensities without the extremes; of a sparse image, its full width."""
    return voxels.high - voxels.low or voxels.maximum - voxels.minimum


def _about(entry: CaseFacts, code: str, what: str, numbers: dict[str, Any], field: str) -> Finding:
    return finding(code, what, **entry.about(field), **numbers)


def _labels_in_disguise(members: list[Member]) -> Iterator[tuple[CaseFacts, str, str, dict[str, float]]]:
    """Yield images with a handful of values among images with many, and images that are equal to their label."""
    rich = sum(voxels.n_values > _MANY_VALUES for _, voxels in members)
    for entry, voxels in members:
        if voxels.minimum >= voxels.maximum:
            continue
        own = [name for name in entry.case.labels() if name in entry.voxels]
        if any(entry.voxels[name].digest == voxels.digest for name in own):
            yield entry, "image-is-label", "image and label have the same voxels", {}
        elif voxels.n_values <= _FEW_VALUES and len(members) > 2 and rich > len(members) / 2:
            what = f"it has {voxels.n_values} different values, most images have hundreds"
            yield entry, "image-is-label", what, {"n_values": voxels.n_values}


def _not_in_hu(members: list[Member]) -> Iterator[tuple[CaseFacts, str, str, dict[str, float]]]:
    """Yield images that begin at 0 where the others begin at the -1000 HU of air."""
    in_hu = sum(voxels.minimum <= _AIR_HU for _, voxels in members)
    if len(members) < 3 or in_hu < 2 / 3 * len(members):
        return
    for entry, voxels in members:
        if voxels.minimum >= _STORED_AIR and voxels.minimum < voxels.maximum:
            what = f"intensities begin at {voxels.minimum:g}; those of {in_hu} of {len(members)} images reach air (HU)"
            yield entry, "rescale-missing", what, {"minimum": voxels.minimum}


def _wide(voxels: list[VoxelFacts], field: str) -> Iterator[Finding]:
    scales = [scale for entry in voxels if (scale := _scale(entry)) > 0 and np.isfinite(scale)]
    if len(scales) >= 5 and max(scales) > _WIDE * min(scales):
        what = f"the range of intensities of '{field}' differs up to {max(scales) / min(scales):.2g}-fold between cases"
        yield finding("intensity-scale-varies", what, field=field, smallest=min(scales), largest=max(scales))
