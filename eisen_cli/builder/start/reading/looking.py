"""A look at a few cases: headers of some, voxels of very few."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eisen._core.errors import CorruptFileError, EisenError
from eisen._core.types import Array
from eisen.datasets.doctor.facts import CaseFacts, Header
from eisen.datasets.doctor.reading import look_at_headers, side_by_side
from eisen.datasets.doctor.study import Case, Study
from eisen.datasets.doctor.voxels import read_voxels

__all__ = ["Look", "look_at"]

_HEADERS, _VOLUMES, _PICTURES = 12, 2, 8
_JOBS = 4
_CT_LOW = -200


@dataclass(frozen=True)
class Look:
    """What a few cases say.

    Args:
        n_cases: How many cases there are.
        n_seen: How many of them were looked at.
        format: How the files are read.
        shape: Median shape, in voxels or pixels (rows, columns for pictures).
        same_shape: Whether all have it.
        spacing_mm: Median voxel size; empty of pictures.
        spread: Largest voxel size over the smallest, along the axis where that differs most.
        n_channels: Channels in a file.
        low: 0.5th percentile of the intensities.
        high: 99.5th percentile of the intensities.
        window: The same where a label is; None without labels.
        modality: ``"CT"``, ``"MR"`` or ``""``.
        values: Label values that were seen.
        has_empty: Whether a label without any object was seen.
    """

    n_cases: int
    n_seen: int
    format: str
    shape: tuple[int, ...]
    same_shape: bool
    spacing_mm: tuple[float, ...] = ()
    spread: float = 1.0
    n_channels: int = 1
    low: float = 0.0
    high: float = 1.0
    window: tuple[float, float] | None = None
    modality: str = ""
    values: tuple[int, ...] = field(default=())
    has_empty: bool = False

    @property
    def dimensions(self) -> int:
        """2 for pictures, 3 for volumes."""
        return len(self.shape)


def look_at(study: Study, modality: str = "") -> Look:
    """Look at a few cases of a data set.

    Args:
        study: Its cases.
        modality: What a list says they are; "" if it does not.

    Raises:
        CorruptFileError: If not a single image can be opened; the card says what is wrong with the first one.
    """
    cases = _spread(_with_labels(study), _HEADERS)
    seen = list(side_by_side(lambda case: look_at_headers(study, case), cases, _JOBS))
    facts = [entry for entry, _ in seen if entry.headers]
    headers = [entry.headers[name] for entry in facts for name in entry.case.images()[:1] if name in entry.headers]
    if not headers:
        first = next((problem.what for _, problems in seen for problem in problems), "it holds no images")
        raise CorruptFileError(
            f"no image of {study.source.name} can be opened: {first}",
            expected="files that are there, in a format that eisen reads",
            to_do="check where the files are; 'eisen data check' lists everything that is wrong",
            file=str(study.source),
        )
    shapes = np.array([_shape(header) for header in headers])
    voxels = _voxels(study, facts, _PICTURES if headers[0].format == "picture" else _VOLUMES)
    return Look(
        n_cases=len(study.cases),
        n_seen=len(headers),
        format=headers[0].format,
        shape=tuple(int(n) for n in np.median(shapes, axis=0)),
        same_shape=bool((shapes == shapes[0]).all()) and len(headers) == len(cases),
        **_spacing(headers),
        n_channels=int(np.median([header.n_channels for header in headers])),
        **voxels,
        modality=_modality(modality, study, voxels),
    )


def _with_labels(study: Study) -> list[Case]:
    labelled = [case for case in study.cases if case.labels() and case.images()]
    return labelled or [case for case in study.cases if case.images()]


def _spread(cases: Sequence[Case], n: int) -> list[Case]:
    """Return at most so many cases, from the whole list."""
    if len(cases) <= n:
        return list(cases)
    return [cases[round(i * (len(cases) - 1) / (n - 1))] for i in range(n)]


def _shape(header: Header) -> tuple[int, ...]:
    """Return the shape as arrays of eisen have it: rows and columns of pictures, and the axes of volumes."""
    is_flat = header.affine is None
    return header.shape[:2][::-1] if is_flat else header.shape[:3]


def _spacing(headers: Sequence[Header]) -> dict[str, Any]:
    if any(header.affine is None for header in headers):
        return {}
    sizes = np.array([header.spacing for header in headers])
    median = tuple(round(float(size), 3) for size in np.median(sizes, axis=0))
    return {"spacing_mm": median, "spread": float((sizes.max(0) / np.maximum(sizes.min(0), 1e-6)).max())}


def _voxels(study: Study, facts: Sequence[CaseFacts], n: int) -> dict[str, Any]:
    lows, highs, inside, values, empty = [], [], [], set[int](), False
    step = max(1, len(facts) // n)
    for entry in facts[::step][:n]:
        image, label = (_read(study, entry.case, names[:1]) for names in (entry.case.images(), entry.case.labels()))
        if image is not None:
            low, high = np.percentile(_sample(image), [0.5, 99.5])
            lows.append(float(low))
            highs.append(float(high))
        if label is not None:
            found = {int(value) for value in np.unique(label)}
            values |= found
            empty = empty or found <= {0}
            inside += _inside(image, label)
    window = (float(np.percentile(inside, 0.5)), float(np.percentile(inside, 99.5))) if inside else None
    ends = {"low": float(np.median(lows)), "high": float(np.median(highs))} if lows else {}
    return {**ends, "window": window, "values": tuple(sorted(values)), "has_empty": empty}


def _read(study: Study, case: Case, names: Sequence[str]) -> Array | None:
    try:
        return read_voxels(case.files[names[0]], study) if names else None
    except EisenError:
        return None


def _sample(image: Array, n: int = 500_000) -> Array:
    flat = np.asarray(image).reshape(-1)
    return np.nan_to_num(flat[:: max(1, flat.size // n)].astype(np.float64))


def _inside(image: Array | None, label: Array, n: int = 20_000) -> list[float]:
    """Return intensities where a label is."""
    if image is None or image.shape[: label.ndim] != label.shape:
        return []
    found = np.asarray(image)[label > 0].reshape(-1)
    return [float(value) for value in found[:: max(1, found.size // n)]]


def _modality(told: str, study: Study, voxels: dict[str, Any]) -> str:
    words = told.upper()
    series = next((record for records in study.series.values() for record in records), None)
    words = words or str(getattr(series, "modality", "") or "").upper()
    if "CT" in words.split() or words == "CT":
        return "CT"
    if words:
        return "MR" if words.startswith("MR") or words in ("T1", "T2", "FLAIR", "ADC") else ""
    is_ct = float(voxels.get("low", 0.0)) < _CT_LOW
    return "CT" if is_ct else ""
