"""What is wrong with the label maps: fractions, wrong or missing values, nothing in them, odd volumes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from eisen.datasets.doctor.facts import CaseFacts, LabelFacts
from eisen.datasets.doctor.findings import Finding, finding
from eisen.datasets.doctor.kinds import Severity
from eisen.datasets.doctor.robust import far_from_the_others
from eisen.datasets.doctor.study import Study

__all__ = ["check_labels", "volumes_ml"]

_USUAL = 0.9
_RARE = 0.1
_VOLUME_RATIO = 4.0
_OUTSIDE = 0.5

Member = tuple[CaseFacts, str, LabelFacts]


def check_labels(study: Study, facts: list[CaseFacts]) -> Iterator[Finding]:
    """Yield what is wrong with the labels."""
    members = [(entry, field, label) for entry in facts for field, label in entry.labels.items()]
    for member in members:
        yield from _alone(study, *member)
    for field in dict.fromkeys(field for _, field, _ in members):
        own = [member for member in members if member[1] == field]
        yield from _missing_values(own)
        yield from _odd_volumes(own)
        if study.labels is None:
            yield from _rare_values(own)
    if study.labels is not None and members:
        yield from _never_used(study.labels, members)


def _alone(study: Study, entry: CaseFacts, field: str, label: LabelFacts) -> Iterator[Finding]:
    about = entry.about(field)
    if label.fractions:
        shown = ", ".join(f"{value:.4g}" for value in label.counts if not value.is_integer())
        shown = shown if len(shown) <= 40 else f"{shown[:40]}…"
        what = f"{label.fractions:,} voxels hold fractions: {shown}"
        yield finding("label-not-whole", what, **about, n_voxels=label.fractions)
        return
    unexpected = {value: count for value, count in label.counts.items() if not _declared(value, study)}
    if unexpected:
        shown = ", ".join(f"{value:g} ({count:,} voxels)" for value, count in list(unexpected.items())[:5])
        declared = ", ".join(map(str, sorted(study.labels or ())))
        what = f"it holds {shown}; declared are {declared}"
        yield finding("label-unexpected", what, **about, values=[int(value) for value in unexpected])
    yield from _empty(study, label, about)
    if label.specks:
        total, largest = sum(label.specks.values()), max(label.largest_speck.values())
        mm3 = largest * entry.headers[field].voxel_mm3
        unit = "mm³" if entry.headers[field].affine is not None else "pixels"
        what = f"{total} isolated part{'s' if total != 1 else ''} of at most {mm3:.3g} {unit}"
        yield finding("label-specks", what, **about, n_specks=total, largest_mm3=mm3)
    if label.outside > _OUTSIDE:
        what = f"{label.outside:.0%} of the labelled voxels lie where the image has its smallest value"
        yield finding("label-outside-image", what, **about, share=label.outside)


def _declared(value: float, study: Study) -> bool:
    return value == 0 or study.labels is None or value in study.labels


def _empty(study: Study, label: LabelFacts, about: dict[str, Any]) -> Iterator[Finding]:
    if any(value for value in label.counts):
        return
    severity = {"warn": Severity.WARNING, "allow": Severity.NOTE}.get(study.empty_label)
    what = f"all {sum(label.counts.values()):,} voxels are 0"
    yield finding("label-empty", what, severity=severity, **about)


def _filled(members: list[Member]) -> list[Member]:
    """Return the members whose label holds something."""
    return [member for member in members if not member[2].fractions and any(member[2].counts)]


def _missing_values(members: list[Member]) -> Iterator[Finding]:
    filled = _filled(members)
    found = Counter(value for _, _, label in filled for value in label.counts if value)
    usual = {value for value, count in found.items() if len(filled) >= 5 and _USUAL * len(filled) <= count}
    for entry, field, label in filled:
        if missing := sorted(usual - set(label.counts)):
            shown = ", ".join(f"{value:g}" for value in missing)
            what = f"value {shown} is not in it; {found[missing[0]]} of {len(filled)} labels have it"
            about = entry.about(field)
            yield finding("label-value-missing", what, **about, values=[int(value) for value in missing])


def _rare_values(members: list[Member]) -> Iterator[Finding]:
    """Yield labels with a value that hardly any other label has, where values are not declared."""
    filled = _filled(members)
    found = Counter(value for _, _, label in filled for value in label.counts)
    rare = {value for value, count in found.items() if len(filled) >= 8 and count <= _RARE * len(filled)}
    if len(rare) > len(found) / 2:
        return
    for entry, field, label in filled:
        if odd := sorted(rare & set(label.counts)):
            shown = ", ".join(f"{value:g}" for value in odd)
            what = f"value {shown} is in {found[odd[0]]} of {len(filled)} labels only"
            about = entry.about(field)
            values = [int(value) for value in odd]
            yield finding("label-unexpected", what, severity=Severity.WARNING, **about, values=values)


def volumes_ml(entry: CaseFacts, field: str) -> dict[int, float]:
    """Return the volume of every label value but 0, in ml (of a picture: in pixels).

    Args:
        entry: The case.
        field: One of its label fields.
    """
    header, label = entry.headers[field], entry.labels[field]
    unit = header.voxel_mm3 / 1000 if header.affine is not None else 1.0
    return {int(value): count * unit for value, count in label.counts.items() if value}


def _odd_volumes(members: list[Member]) -> Iterator[Finding]:
    filled = _filled(members)
    tables = [volumes_ml(entry, field) for entry, field, _ in filled]
    for value in sorted({value for table in tables for value in table}):
        far = far_from_the_others([table.get(value, 0.0) for table in tables], _VOLUME_RATIO, least=8)
        for index, factor in far.items():
            entry, field, _ = filled[index]
            volume = tables[index][value]
            unit = "ml" if entry.headers[field].affine is not None else "pixels"
            what = f"value {value} fills {volume:.3g} {unit}; the median is {volume / factor:.3g} {unit}"
            about = entry.about(field)
            yield finding("label-volume-outlier", what, **about, value=value, volume=volume, median=volume / factor)


def _never_used(declared: dict[int, str], members: list[Member]) -> Iterator[Finding]:
    found = {value for _, _, label in members for value in label.counts}
    for value, name in sorted(declared.items()):
        if value and value not in found:
            yield finding("label-never-used", f"no label holds {value} ({name})", value=value)
