"""Which headers are unlike those of the other cases: voxel size, field of view, axes, type, channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import nibabel
import numpy as np

from eisen.datasets.doctor.facts import CaseFacts, Header
from eisen.datasets.doctor.findings import Finding, finding
from eisen.datasets.doctor.robust import far_from_the_others, majority
from eisen.datasets.doctor.study import Study

__all__ = ["check_crowd", "fields_to_compare"]

_SPACING_RATIO = 2.0
_SIZE_RATIO = 2.5
_RANKS = ("smallest", "middle", "largest")

Member = tuple[CaseFacts, Header]


def fields_to_compare(facts: list[CaseFacts]) -> list[str]:
    """Return the image fields of all cases; of a data set without images, its label fields."""
    images = dict.fromkeys(field for entry in facts for field in entry.case.images())
    return list(images or dict.fromkeys(field for entry in facts for field in entry.case.labels()))


def check_crowd(study: Study, facts: list[CaseFacts]) -> Iterator[Finding]:
    """Yield the cases whose headers are unlike the others."""
    for field in fields_to_compare(facts):
        members = [(entry, entry.headers[field]) for entry in facts if field in entry.headers]
        yield from _far(members, field, "spacing-outlier", _spacing, _SPACING_RATIO, "edge of a voxel", "mm")
        yield from _far(members, field, "size-outlier", _extent, _SIZE_RATIO, "extent", "mm")
        yield from _minorities(members, field, study)


def _spacing(header: Header) -> list[float]:
    return sorted(header.spacing)


def _extent(header: Header) -> list[float]:
    """Return the lengths of the field of view, shortest first: mm, or pixels of a picture."""
    if header.affine is None:
        return sorted(float(n) for n in header.shape)
    return sorted(n * mm for n, mm in zip(header.shape, header.spacing, strict=True))


def _far(
    members: list[Member],
    field: str,
    code: str,
    lengths: Callable[[Header], list[float]],
    ratio: float,
    words: str,
    unit: str,
) -> Iterator[Finding]:
    """Yield the cases in which one of the sorted lengths is far from that of the others; the worst length counts."""
    table = [lengths(header) for _, header in members]
    n_lengths = max(map(len, table), default=0)
    worst: dict[int, tuple[float, int]] = {}
    for rank in range(n_lengths):
        column = [row[rank] if rank < len(row) else np.nan for row in table]
        for index, factor in far_from_the_others(column, ratio).items():
            if index not in worst or abs(np.log(factor)) > abs(np.log(worst[index][0])):
                worst[index] = (factor, rank)
    for index, (factor, rank) in sorted(worst.items()):
        entry, header = members[index]
        value, unit = table[index][rank], unit if header.affine is not None else "pixels"
        name = (_RANKS if n_lengths == 3 else (_RANKS[0], _RANKS[2], ""))[rank]
        what = f"the {name} {words} is {value:.4g} {unit}, {_times(factor)} the median of {value / factor:.4g}"
        about = entry.about(field)
        yield finding(code, what, **about, value=value, median=value / factor, unit=unit)


def _times(factor: float) -> str:
    return f"{factor:.3g} times" if factor >= 1 else f"1/{1 / factor:.3g} of"


def _minorities(members: list[Member], field: str, study: Study) -> Iterator[Finding]:
    alike: list[tuple[str, str, Callable[[Header], Any], dict[str, Any]]] = [
        ("orientation-minority", "the axes run {}, those of most cases {}", _axes, {"share": 0.7}),
        ("dtype-minority", "voxels are {}, those of most cases {}", lambda header: header.dtype, {}),
        (
            "channel-mismatch",
            "it has {} channels, most cases have {}",
            lambda header: header.n_channels,
            _needed(study),
        ),
    ]
    for code, words, trait, rule in alike:
        traits = [trait(header) for _, header in members]
        usual = majority([value for value in traits if value is not None], **rule)
        for (entry, _), value in zip(members, traits, strict=True):
            if usual is not None and value is not None and value != usual:
                about = entry.about(field)
                yield finding(code, words.format(value, usual), **about, value=value, usual=usual)


def _needed(study: Study) -> dict[str, Any]:
    """Return when channels must agree: of loose files it takes a clear majority to say so."""
    return {"share": 0.8, "least": 5} if study.loose else {"share": 0.5, "least": 2}


def _axes(header: Header) -> str | None:
    if header.affine is None:
        return None
    return "".join(letter or "?" for letter in nibabel.aff2axcodes(header.affine))
