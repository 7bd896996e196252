"""The examination: find the cases, read headers, read voxels, compare, report."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import TypeVar

from eisen._core.errors import ArgumentError
from eisen.datasets.doctor.causes import without_consequences
from eisen.datasets.doctor.check_copies import check_copies
from eisen.datasets.doctor.check_crowd import check_crowd
from eisen.datasets.doctor.check_geometry import check_geometry
from eisen.datasets.doctor.check_intensity import check_intensity
from eisen.datasets.doctor.check_labels import check_labels
from eisen.datasets.doctor.check_listing import check_listing
from eisen.datasets.doctor.check_series import check_series
from eisen.datasets.doctor.facts import CaseFacts
from eisen.datasets.doctor.findings import Finding, in_reading_order
from eisen.datasets.doctor.reading import look_at_headers, look_at_voxels, side_by_side
from eisen.datasets.doctor.report import DataReport
from eisen.datasets.doctor.sources import study_of
from eisen.datasets.doctor.study import Case, Study
from eisen.datasets.doctor.tables import field_table, label_table

__all__ = ["check_data"]

Progress = Callable[[str, int, int], None]
Result = TypeVar("Result")

_CHECKS = (check_listing, check_series, check_geometry, check_crowd, check_intensity, check_labels, check_copies)


def check_data(
    source: str | os.PathLike[str],
    data_dir: str | os.PathLike[str] | None = None,
    *,
    voxels: bool = True,
    group: str | None = None,
    jobs: int | None = None,
    previews: bool = False,
    progress: Progress | None = None,
) -> DataReport:
    """Look through a whole data set and say what is wrong with which file.

    All headers are read first, then the voxels of a few cases at a time, so memory does not grow with the number of
    cases. Nothing is written.

    Args:
        source: A folder (decathlon task, nnU-Net raw, folders of images and labels, loose files, DICOM tree,
            pictures), a configuration, or a JSON list of cases.
        data_dir: Folder that the file names of a configuration are relative to.
        voxels: False reads headers only.
        group: Regular expression with one group in parentheses that finds the patient in a file name. None: the usual
            ways to write it, and the patient ID of DICOM.
        jobs: How many cases are read at the same time; None: one per core, at most 8.
        previews: Keep a slice of each case, for `write_html`.
        progress: Called with (what, number done, number of all) after each case.

    Returns:
        The report.

    Raises:
        MissingFileError: If there is neither a folder nor a file of that name.
        EmptyDatasetError: If no case is recognised.
        ConfigError: If it is a configuration that is wrong.
        ArgumentError: If an argument is wrong.

    Example:
        >>> import tempfile
        >>> from eisen.datasets import make_phantoms
        >>> folder = make_phantoms(tempfile.mkdtemp(), n_training=3, n_validation=1, n_test=0, size=16)
        >>> report = check_data(folder)
        >>> report.n_cases, report.fit_for_training(), [row.name for row in report.labels]
        (4, True, ['liver', 'spleen', 'kidneys'])
    """
    if jobs is not None and (not isinstance(jobs, int) or jobs < 1):
        raise ArgumentError(f"check_data: jobs is {jobs!r}", expected="a whole number, 1 or more")
    started, n_jobs = perf_counter(), jobs or min(os.cpu_count() or 1, 8)
    study = study_of(Path(source), None if data_dir is None else Path(data_dir), group)
    report = progress or (lambda *_: None)
    facts, problems = _headers(study, n_jobs, report)
    if voxels:
        problems += _voxels(study, facts, n_jobs, previews, report)
    facts = _for_every_case(study, facts)
    for check in _CHECKS:
        problems += check(study, facts)
    return DataReport(
        source=str(source),
        layout=study.layout,
        phases=study.phases,
        findings=in_reading_order(without_consequences(_once([*study.findings, *problems]))),
        labels=label_table(study, facts),
        fields=field_table(facts),
        cases=facts,
        voxels_read=voxels,
        seconds=perf_counter() - started,
    )


def _key(case: Case) -> tuple[tuple[str, Path], ...]:
    return tuple(case.files.items())


def _headers(study: Study, jobs: int, progress: Progress) -> tuple[list[CaseFacts], list[Finding]]:
    """Read the headers of all cases; cases with the same files only once."""
    facts, problems = [], list[Finding]()
    cases = list({_key(case): case for case in reversed(study.cases)}.values())[::-1]
    results = side_by_side(lambda case: look_at_headers(study, case), cases, jobs)
    for entry, found in _counted(results, "headers", len(cases), progress):
        facts.append(entry)
        problems += found
    return facts, problems


def _voxels(study: Study, facts: list[CaseFacts], jobs: int, previews: bool, progress: Progress) -> list[Finding]:
    results = side_by_side(lambda entry: look_at_voxels(study, entry, preview=previews), facts, jobs)
    return [problem for found in _counted(results, "voxels", len(facts), progress) for problem in found]


def _counted(results: Iterable[Result], what: str, total: int, progress: Progress) -> Iterator[Result]:
    for done, result in enumerate(results, 1):
        yield result
        progress(what, done, total)


def _for_every_case(study: Study, facts: list[CaseFacts]) -> list[CaseFacts]:
    """Return the facts in the order of the cases, also for cases that share their files with another."""
    known = {_key(entry.case): entry for entry in facts}
    return [replace(known[_key(case)], case=case) for case in study.cases]


def _once(findings: list[Finding]) -> list[Finding]:
    """Leave out what two phases with the same file would say twice."""
    return list({(f.code, f.file, f.field, f.what): f for f in reversed(findings)}.values())[::-1]
