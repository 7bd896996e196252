"""What a phase is trained or judged on: digests of its cases and of every file they are made of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eisen.experiments.provenance.case_files import (
    Paths,
    dataset_arrays,
    dataset_files,
    listed_cases,
    listed_values,
)
from eisen.experiments.provenance.digests import digest_of, file_digests, short

__all__ = ["data_digest", "data_facts"]


def data_digest(cases: Sequence[Any], data_dir: str | Path) -> str:
    """Return a digest that changes when the list of cases or one of their files changes.

    Values that name a file below `data_dir` count with name, size and content, arrays with their content. gzip keeps
    a checksum of everything in its last bytes, so hundreds of scans take milliseconds. Modification times do not count.

    Args:
        cases: The entries of the datasets, as listed (before readers); usually dicts, fields to values.
        data_dir: Folder of the data.

    Example:
        >>> data_digest([{"age": 61}], ".") == data_digest([{"age": 62}], ".")
        False
    """
    return str(data_facts(list(cases), data_dir)[0]["digest"])


def data_facts(dataset: Any, data_dir: str | Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return what identifies the data of a phase, and the names behind it.

    Args:
        dataset: A dataset or a list of cases. One that does not list its cases counts with their number, and with the
            arrays and data files it holds.
        data_dir: Folder of the data; names are relative to it.

    Returns:
        ``{"n_cases", "digest", "every"}``, which names nobody; and ``{"files", "cases"}``, a short digest by name of
        every file and every case, with which a change can be named.

    Example:
        >>> facts, names = data_facts([{"id": "a", "age": 61}, {"id": "b", "age": 47}], ".")
        >>> facts["n_cases"], list(names["cases"])
        (2, ['case 0', 'case 1'])
    """
    while getattr(type(dataset), "splits_inside", False):  # of patches and of what is kept, the cases count
        dataset = dataset.dataset
    paths, cases = Paths(data_dir), listed_cases(dataset)
    per_case = [_files_of(case, paths) for case in cases or []]
    everything = {file for files in per_case for file in files} | set(dataset_files(dataset, paths))
    digests, every = file_digests(sorted(everything, key=str))
    files = {paths.name(file): digest for file, digest in digests.items()}
    listed = [digest_of(listed_values(case, paths)) for case in cases or []]
    arrays = dataset_arrays(dataset)
    names = {"files": files, "cases": _named(cases or [], per_case, listed, paths)}
    facts = {"n_cases": len(dataset), "digest": digest_of([listed, files, arrays, every]), "every": every}
    return facts, names


def _files_of(case: Any, paths: Paths) -> list[Path]:
    values = case.values() if isinstance(case, Mapping) else [case]
    return [file for value in values for file in paths.files(value)]


def _named(cases: Sequence[Any], files: list[list[Path]], listed: list[str], paths: Paths) -> dict[str, str]:
    """Return the digest of each case by its name: its first file, else its number. Rows of an array have none."""
    named: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for i, (case, own, digest) in enumerate(zip(cases, files, listed, strict=True)):
        if not isinstance(case, Mapping):
            continue
        name = paths.name(own[0]) if own else f"case {i}"
        seen[name] += 1
        named[name if seen[name] == 1 else f"{name} ({seen[name]})"] = short(digest)
    return named
