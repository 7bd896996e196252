"""What is wrong with the list of cases itself: labels that are missing, files and patients in two phases."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from typing import Any

from eisen.datasets.doctor.facts import CaseFacts
from eisen.datasets.doctor.findings import Finding, finding
from eisen.datasets.doctor.study import Case, Study

__all__ = ["check_listing", "leaks"]


def leaks(one: str, other: str) -> bool:
    """Tell whether a case that is in both phases spoils the result: one trains, the other measures.

    Example:
        >>> leaks("Training", "Validation"), leaks("Validation", "Testing"), leaks("Training", "Prediction")
        (True, False, False)
    """
    trains = [phase.lower().startswith("train") for phase in (one, other)]
    measures = [phase.lower().startswith(("val", "test")) for phase in (one, other)]
    return any(trains) and any(measures)


def check_listing(study: Study, facts: list[CaseFacts]) -> Iterator[Finding]:
    """Yield what is wrong with the list."""
    yield from _without_label(study, facts)
    yield from _listed_twice(study)
    yield from _patients(facts)


def _without_label(study: Study, facts: list[CaseFacts]) -> Iterator[Finding]:
    for entry in facts:
        case = entry.case
        if case.phase in study.labelled and not case.labels():
            image = next(iter(case.files.values()))
            yield finding("label-missing", f"no label belongs to {image.name}", case=case.name, file=image)


def _listed_twice(study: Study) -> Iterator[Finding]:
    """Yield images that are in several cases: in one phase a slip, in two phases a leak."""
    owners: dict[object, list[tuple[Case, str]]] = {}
    for case in study.cases:
        for field in case.images() or case.labels():
            owners.setdefault(case.files[field], []).append((case, field))
    for path, uses in owners.items():
        for (one, field), (other, _) in combinations(uses, 2):
            facts: dict[str, Any] = {"case": one.name, "file": path, "field": field}
            if leaks(one.phase, other.phase):
                what = f"the file is in {one.phase} and in {other.phase}"
                yield finding("file-in-two-phases", what, phases=[one.phase, other.phase], **facts)
            elif one.phase == other.phase:
                what = f"the file is in two cases{f' of {one.phase}' if one.phase else ''}"
                yield finding("case-listed-twice", what, other=other.name, **facts)


def _patients(facts: list[CaseFacts]) -> Iterator[Finding]:
    """Yield patients that are in two phases, by what file names say, else by the patient ID of DICOM."""
    groups: dict[str, list[Case]] = {}
    for entry in facts:
        ids = [entry.case.patient, *(header.patient for header in entry.headers.values())]
        if patient := next(filter(None, ids), ""):
            groups.setdefault(patient, []).append(entry.case)
    for patient, cases in groups.items():
        pairs = ((a, b) for a, b in combinations(cases, 2) if leaks(a.phase, b.phase))
        pair = next(((a, b) for a, b in pairs if not {*a.files.values()} & {*b.files.values()}), None)
        if pair:
            one, other = pair
            yield finding(
                "patient-in-two-phases",
                f"patient {patient} is in {one.phase} ({one.name}) and in {other.phase} ({other.name})",
                case=one.name,
                other=other.name,
                file=next(iter(one.files.values())),
                patient=patient,
            )
