"""Which files and cases are different between two states of the same data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from eisen.experiments.provenance.digests import same_file

__all__ = ["data_changes"]

_SHOWN = 5


def data_changes(
    old: Mapping[str, Any], new: Mapping[str, Any], old_names: Mapping[str, Any], new_names: Mapping[str, Any]
) -> Iterator[str]:
    """Yield what changed: cases that came, went or are listed differently, and files of other content.

    Args:
        old: ``{"n_cases", "digest", "every"}`` of a phase, from `data_facts`.
        new: The same of now.
        old_names: ``{"files", "cases"}``; without them only numbers can be told.
        new_names: The same of now.

    Example:
        >>> facts = [{"n_cases": 1, "digest": digest, "every": 1} for digest in "ab"]
        >>> names = [{"files": {"a.nii": digest}, "cases": {"a.nii": "c"}} for digest in "de"]
        >>> list(data_changes(*facts, *names))
        ['1 file changed: a.nii']
    """
    if "every" not in old or "every" not in new or old.get("digest") == new.get("digest"):
        return  # equal, or noted by a version that computed digests in another way
    if not old_names or not new_names:
        counts = f"{old['n_cases']} cases, now {new['n_cases']}" if old["n_cases"] != new["n_cases"] else "its content"
        yield f"{counts}; which files is not known, provenance.json of the old state is missing"
        return
    lines = [*_cases(old_names, new_names), *_files(old_names, new_names, old["every"] == new["every"])]
    yield from lines or ["the cases are listed in another order, or arrays without a name changed"]


def _cases(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    before, after = old["cases"], new["cases"]
    yield from _line("case", "added", [name for name in after if name not in before])
    yield from _line("case", "removed", [name for name in before if name not in after])
    changed = [name for name in before if name in after and before[name] != after[name]]
    yield from _line("case", "listed differently", changed)


def _files(old: Mapping[str, Any], new: Mapping[str, Any], comparable: bool) -> Iterator[str]:
    before, after = old["files"], new["files"]
    common = [name for name in before if name in after]
    changed = [name for name in common if not same_file(before[name], after[name], comparable=comparable)]
    yield from _line("file", "changed", changed)
    if set(old["cases"]) == set(new["cases"]):  # else the files came and went with their cases
        yield from _line("file", "added", [name for name in after if name not in before])
        yield from _line("file", "removed", [name for name in before if name not in after])


def _line(noun: str, verb: str, names: Sequence[str]) -> Iterator[str]:
    if names:
        more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
        yield f"{len(names)} {noun}{'s' if len(names) > 1 else ''} {verb}: {', '.join(names[:_SHOWN])}{more}"
