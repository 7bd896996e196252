"""Which cases show the same: equal voxels, nearly equal images, shared slices, one label for two images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from eisen._core.types import Array, is_label_field
from eisen.datasets.doctor.check_crowd import fields_to_compare
from eisen.datasets.doctor.check_listing import leaks
from eisen.datasets.doctor.facts import CaseFacts, VoxelFacts
from eisen.datasets.doctor.findings import Finding, finding
from eisen.datasets.doctor.kinds import Severity
from eisen.datasets.doctor.study import Study

__all__ = ["check_copies"]

_ALIKE = 0.85
_SHARED_SLICES = 3
_SHARED_PART = 0.25
_ROWS = 512
_MOST_OWNERS = 8

Member = tuple[CaseFacts, str, VoxelFacts]
Pair = tuple[int, int]


def check_copies(_: Study, facts: list[CaseFacts]) -> Iterator[Finding]:
    """Yield pairs of cases that show the same."""
    members, seen = [], set[Path]()
    for field in fields_to_compare(facts):
        for entry in facts:
            path = entry.case.files.get(field)
            # a file that two cases name is no copy; what is constant says nothing
            if path in seen or field not in entry.voxels or entry.voxels[field].minimum >= entry.voxels[field].maximum:
                continue
            seen.add(path)  # type: ignore[arg-type]  # it has voxels, so it has a path
            members.append((entry, field, entry.voxels[field]))
    equal = set(_equal(members))
    yield from (_copy(members, pair) for pair in sorted(equal))
    alike = {pair: value for pair, value in _nearly_equal(members) if pair not in equal}
    yield from (_near(members, pair, value) for pair, value in sorted(alike.items()))
    yield from (found for found in _sharing(members, equal | set(alike)))
    yield from _copied_labels(facts)


def _about(members: list[Member], pair: Pair) -> dict[str, Any]:
    (one, field, _), (other, _, _) = members[pair[0]], members[pair[1]]
    return {"case": one.case.name, "other": other.case.name, "field": field, "file": one.case.files[field]}


def _equal(members: list[Member]) -> Iterator[Pair]:
    groups: dict[bytes, list[int]] = {}
    for index, (_, _, voxels) in enumerate(members):
        groups.setdefault(voxels.digest, []).append(index)
    for group in groups.values():
        yield from ((group[0], index) for index in group[1:])


def _copy(members: list[Member], pair: Pair) -> Finding:
    one, other = (members[index][0].case for index in pair)
    about = _about(members, pair)
    if leaks(one.phase, other.phase):
        what = f"{one.name} ({one.phase}) and {other.name} ({other.phase}) have the same voxels"
        return finding("duplicate-across-phases", what, phases=[one.phase, other.phase], **about)
    return finding("duplicate-image", f"{one.name} and {other.name} have the same voxels", **about)


def _nearly_equal(members: list[Member]) -> Iterator[tuple[Pair, float]]:
    """Yield pairs of cases whose fine structure correlates, and how much."""
    images = [
        (index, voxels.signature)
        for index, (_, field, voxels) in enumerate(members)
        if voxels.signature is not None and not is_label_field(field)  # label maps of one region are all alike
    ]
    for size in {signature.size for _, signature in images}:
        places = [index for index, signature in images if signature.size == size]
        matrix = np.stack([signature for _, signature in images if signature.size == size])
        yield from (((places[i], places[j]), value) for i, j, value in _correlated(matrix))


def _correlated(matrix: Array) -> Iterator[tuple[int, int, float]]:
    """Yield (i, j, correlation) of rows with norm 1 that correlate, i < j, in blocks that fit into memory."""
    for start in range(0, len(matrix), _ROWS):
        block = matrix[start : start + _ROWS].astype(np.float32)
        for other in range(start, len(matrix), _ROWS):
            values = block @ matrix[other : other + _ROWS].astype(np.float32).T
            for i, j in np.argwhere(values > _ALIKE):
                if start + i < other + j:
                    yield int(start + i), int(other + j), float(values[i, j])


def _near(members: list[Member], pair: Pair, value: float) -> Finding:
    one, other = (members[index][0].case.name for index in pair)
    what = f"{one} and {other} show nearly the same (fine structure correlates by {value:.3f})"
    return finding("near-duplicate", what, **_about(members, pair), correlation=value)


def _sharing(members: list[Member], known: set[Pair]) -> Iterator[Finding]:
    """Yield pairs of volumes that have several slices in common: cut from one scan, or one scan sent twice."""
    owners: dict[bytes, list[tuple[int, int]]] = {}
    for index, (_, _, voxels) in enumerate(members):
        for k, digest in enumerate(voxels.slices):
            if digest and len(voxels.slices) > 1:
                owners.setdefault(digest, []).append((index, k))
    shared: dict[Pair, list[Pair]] = {}
    for places in owners.values():
        for (i, k), (j, m) in combinations(places[:_MOST_OWNERS], 2):
            if i != j:
                shared.setdefault((i, j), []).append((k, m))
    for pair, matches in sorted(shared.items()):
        fewest = min(sum(map(bool, members[index][2].slices)) for index in pair)
        if pair not in known and len(matches) >= _SHARED_SLICES and len(matches) >= _SHARED_PART * fewest:
            yield _shared(members, pair, matches)


def _shared(members: list[Member], pair: Pair, matches: list[Pair]) -> Finding:
    one, other = (members[index][0].case for index in pair)
    leak = leaks(one.phase, other.phase)
    names = [f"{case.name} ({case.phase})" if leak else case.name for case in (one, other)]
    what = f"{' and '.join(names)} have {len(matches)} slices in common"
    distance = _distance_mm(members, pair, matches)
    if distance is not None and distance > 1:
        what += f"; their headers put these slices {distance:.4g} mm apart"
    numbers = {} if distance is None else {"displacement_mm": distance}
    severity = Severity.ERROR if leak else None
    return finding("shared-slices", what, severity=severity, **_about(members, pair), n_slices=len(matches), **numbers)


def _distance_mm(members: list[Member], pair: Pair, matches: list[Pair]) -> float | None:
    """Return how far the headers put the first voxels of equal slices apart, in mm."""
    grids = [members[index][0].headers[members[index][1]].affine for index in pair]
    affines = [grid for grid in grids if grid is not None]
    if len(affines) < len(pair):
        return None
    k, m = matches[len(matches) // 2]
    places = [affine @ [0, 0, float(slice_), 1] for affine, slice_ in zip(affines, (k, m), strict=True)]
    return float(np.linalg.norm(places[0][:3] - places[1][:3]))


def _copied_labels(facts: list[CaseFacts]) -> Iterator[Finding]:
    """Yield pairs of different images with one label; labels without anything in them are alike anyway."""
    first: dict[bytes, tuple[CaseFacts, str]] = {}
    times = Counter(entry.voxels[field].digest for entry in facts for field in entry.labels)
    for entry in facts:
        images = {entry.voxels[name].digest for name in entry.case.images() if name in entry.voxels}
        for field, label in entry.labels.items():
            digest = entry.voxels[field].digest
            if times[digest] < 2 or not any(label.counts) or not images:
                continue
            other, _ = first.setdefault(digest, (entry, field))
            theirs = {other.voxels[name].digest for name in other.case.images() if name in other.voxels}
            if not images & theirs:
                what = f"{entry.case.name} and {other.case.name} have the same label and different images"
                yield finding("label-copied", what, other=other.case.name, **entry.about(field))
