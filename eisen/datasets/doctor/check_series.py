"""What is wrong with DICOM series: slices that are missing, twice there, or of several volumes."""

from __future__ import annotations

from collections.abc import Iterator

from eisen.datasets.doctor.facts import CaseFacts
from eisen.datasets.doctor.findings import Finding, finding
from eisen.datasets.doctor.study import Study

__all__ = ["check_series"]


def check_series(study: Study, facts: list[CaseFacts]) -> Iterator[Finding]:
    """Yield what keeps a series from being one volume."""
    for entry in facts:
        if entry.case.phase in study.choosy:
            continue
        for field, path in entry.case.files.items():
            about = entry.about(field)
            records = study.series.get(path, [])
            if len(records) > 1:
                names = ", ".join(series.description or series.number or series.uid for series in records)
                yield finding("dicom-mixed-series", f"the folder holds {len(records)} series: {names}", **about)
            elif records:
                for problem in records[0].problems:
                    code = _code_of(problem, records[0].stacks)
                    what = _one_line(problem, records[0].stacks)
                    yield finding(code, what, **about, n_files=records[0].n_files, volumes=list(records[0].stacks))


def _code_of(problem: str, stacks: tuple[str, ...]) -> str:
    """Return the kind of a problem; the names of the volumes tell what divides them (``part=1``, ``b=400``)."""
    if not problem.startswith("not one volume"):
        return _code_of_one_volume(problem)
    keys = {part.split("=")[0].strip() for name in stacks for part in name.split(", ") if "=" in part}
    if keys == {"part"}:
        return "dicom-gap"
    return "dicom-duplicate-slice" if keys <= {"repeat", "part"} else "dicom-mixed-series"


def _code_of_one_volume(problem: str) -> str:
    if "truncated" in problem:
        return "file-truncated"
    if "cannot be read" in problem:
        return "file-unreadable"
    return "dicom-gap" if "equal distances" in problem else "affine-unusable"


def _one_line(text: str, stacks: tuple[str, ...], most: int = 300) -> str:
    """Return a problem without the long list of files that each volume consists of."""
    line = " ".join(text.split())
    if line.startswith("not one volume"):
        line = f"{line.partition(' (')[0]} ({', '.join(stacks)})"
    return line if len(line) <= most else f"{line[: most - 1]}…"
