"""The two passes over a data set: all headers first, then the voxels, a few cases at a time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from eisen._core.errors import EisenError, GeometryError
from eisen._core.types import Array
from eisen.datasets.doctor.facts import CaseFacts, Header, Preview
from eisen.datasets.doctor.findings import Finding, finding
from eisen.datasets.doctor.headers import read_header
from eisen.datasets.doctor.labels import label_facts
from eisen.datasets.doctor.previews import preview_of
from eisen.datasets.doctor.study import Case, Study
from eisen.datasets.doctor.voxels import facts_of, read_voxels

__all__ = ["look_at_headers", "look_at_voxels", "side_by_side"]

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item], jobs: int) -> Iterator[Result]:
    """Yield ``work(item)`` of all items in their order, with a few threads; never more than 2 per thread wait.

    Inflating, hashing and NumPy's arithmetic let go of Python's lock, so threads share the work without copies.

    Args:
        work: What to do with an item.
        items: The items.
        jobs: Number of threads.

    Example:
        >>> list(side_by_side(abs, [-1, -2, 3], jobs=2))
        [1, 2, 3]
    """
    with ThreadPoolExecutor(jobs) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) > 2 * jobs:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def look_at_headers(study: Study, case: Case) -> tuple[CaseFacts, list[Finding]]:
    """Read the headers of a case.

    Args:
        study: The data set.
        case: One of its cases.

    Returns:
        What they say, and what is wrong with files that could not be opened.
    """
    facts, problems = CaseFacts(case), []
    for name, path in case.files.items():
        if found := _at_first_sight(path):
            problems.append(_about(found, case, name, path))
            continue
        try:
            facts.headers[name] = read_header(path, study)
        except EisenError as error:
            if not study.series.get(path):  # what keeps a series from being a volume is told by check_series
                problems.append(_about((_code_of(error), error.card.what), case, name, path))
    return facts, problems


def _at_first_sight(path: Path) -> tuple[str, str] | None:
    if not path.exists():
        return "file-missing", f"{path.name} does not exist"
    if path.is_file() and path.stat().st_size == 0:
        return "file-empty", f"{path.name} has 0 bytes"
    return None


def _code_of(error: EisenError) -> str:
    """Return which kind of damage an error of a reader is about."""
    if isinstance(error, GeometryError):
        return "affine-unusable"
    words = error.card.what.lower()
    if any(sign in words for sign in ("truncated", "ends early", "too early", "less than expected")):
        return "file-truncated"
    return "file-checksum" if "crc" in words or "checksum" in words else "file-unreadable"


def _about(found: tuple[str, str], case: Case, field: str, path: Path) -> Finding:
    return finding(found[0], found[1], case=case.name, file=path, field=field)


def look_at_voxels(study: Study, facts: CaseFacts, *, preview: bool) -> list[Finding]:
    """Read the files of a case, one after the other, and add what the voxels say to its facts.

    At most one image and the labels are in memory.

    Args:
        study: The data set.
        facts: From `look_at_headers`.
        preview: Whether to keep a slice to look at.

    Returns:
        What is wrong with files that could not be read.
    """
    problems: list[Finding] = []
    labels = {name: array for name in facts.case.labels() if (array := _read(study, facts, name, problems)) is not None}
    image = None
    for number, name in enumerate(facts.case.images()):
        array = _read(study, facts, name, problems)
        if array is not None:
            facts.voxels[name] = facts_of(array, facts.headers[name].affine, n_axes=_n_axes(facts.headers[name]))
            image = array if number == 0 else image
    for name, array in labels.items():
        header = facts.headers[name]
        facts.voxels[name] = facts_of(array, header.affine, n_axes=_n_axes(header), signature=False)
        facts.labels[name] = label_facts(array, image)
    if preview and (image is not None or labels):
        facts.preview = _preview(facts, image, next(iter(labels.values()), None))
    return problems


def _n_axes(header: Header) -> int:
    return 3 if header.affine is not None else 2


def _preview(facts: CaseFacts, image: Array | None, label: Array | None) -> Preview:
    name = (facts.case.images() if image is not None else facts.case.labels())[0]
    header = facts.headers[name]
    return preview_of(image, label, header.affine, picture=header.affine is None)


def _read(study: Study, facts: CaseFacts, name: str, problems: list[Finding]) -> Array | None:
    """Return the voxels of a field; None, and a finding, when they cannot be read."""
    path = facts.case.files[name]
    if name not in facts.headers:
        return None
    try:
        return read_voxels(path, study)
    except EisenError as error:
        path = (
            Path(error.card.file) if study.series.get(path) and error.card.file else path
        )  # the slice, not the folder
        problems.append(_about((_code_of(error), error.card.what), facts.case, name, path))
        return None
