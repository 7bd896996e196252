"""The two tables of a report: what the labels measure, and what the images are like."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from eisen._core.types import is_label_field
from eisen.datasets.doctor.check_labels import volumes_ml
from eisen.datasets.doctor.facts import CaseFacts
from eisen.datasets.doctor.study import Study

__all__ = ["FieldRow", "LabelRow", "Spread", "field_table", "label_table"]


@dataclass(frozen=True)
class Spread:
    """Median, smallest and largest of some numbers."""

    median: float
    smallest: float
    largest: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread | None:
        """Return the spread of the finite ones among some numbers; None when there is none."""
        finite = [value for value in values if np.isfinite(value)]
        return cls(float(np.median(finite)), min(finite), max(finite)) if finite else None

    def __str__(self) -> str:
        if self.smallest == self.largest:
            return f"{self.median:.4g}"
        return f"{self.median:.4g} ({self.smallest:.4g} … {self.largest:.4g})"


@dataclass(frozen=True)
class LabelRow:
    """One label value.

    Args:
        field: The label field.
        value: The value.
        name: What it is called; empty when nothing says so.
        n_cases: In how many labels it is.
        volume: Its volume in those.
        unit: ``"ml"``, or ``"pixels"`` of pictures.
    """

    field: str
    value: int
    name: str
    n_cases: int
    volume: Spread | None
    unit: str


@dataclass(frozen=True)
class FieldRow:
    """One field of all cases.

    Args:
        field: The field.
        n_cases: How many cases have it.
        dtypes: Types of the voxels in the files.
        spacing_mm: Voxel size along each axis of the array.
        shape: Number of voxels along each axis.
        low: 0.5th percentile of the intensities; None of labels.
        high: 99.5th percentile.
    """

    field: str
    n_cases: int
    dtypes: tuple[str, ...]
    spacing_mm: tuple[Spread, ...]
    shape: tuple[Spread, ...]
    low: Spread | None
    high: Spread | None

    def as_dict(self) -> dict[str, Any]:
        """Return the row as JSON knows it."""
        return asdict(self)


def label_table(study: Study, facts: list[CaseFacts]) -> list[LabelRow]:
    """Return a row per label field and value, background left out.

    Args:
        study: The data set; its declared names are used.
        facts: What is known about its cases.
    """
    rows = []
    for field in dict.fromkeys(field for entry in facts for field in entry.labels):
        own = [entry for entry in facts if field in entry.labels and not entry.labels[field].fractions]
        tables = [volumes_ml(entry, field) for entry in own]
        unit = "ml" if all(entry.headers[field].affine is not None for entry in own) else "pixels"
        for value in sorted({value for table in tables for value in table}):
            volumes = [table[value] for table in tables if value in table]
            name = (study.labels or {}).get(value, "")
            rows.append(LabelRow(field, value, name, len(volumes), Spread.of(volumes), unit))
    return rows


def field_table(facts: list[CaseFacts]) -> list[FieldRow]:
    """Return a row per field.

    Args:
        facts: What is known about the cases.
    """
    rows = []
    fields = dict.fromkeys(field for entry in facts for field in entry.case.files)
    for field in sorted(fields, key=is_label_field):
        headers = [entry.headers[field] for entry in facts if field in entry.headers]
        voxels = [entry.voxels[field] for entry in facts if field in entry.voxels and not is_label_field(field)]
        rows.append(
            FieldRow(
                field,
                len(headers),
                tuple(sorted({header.dtype for header in headers})),
                _per_axis([header.spacing for header in headers]),
                _per_axis([header.shape for header in headers]),
                Spread.of([entry.low for entry in voxels]),
                Spread.of([entry.high for entry in voxels]),
            )
        )
    return rows


def _per_axis(rows: Sequence[Sequence[float]]) -> tuple[Spread, ...]:
    """Return the spread along each axis that all rows have."""
    pick: Callable[[int], Spread | None] = lambda axis: Spread.of([float(row[axis]) for row in rows])  # noqa: E731
    spreads = (pick(axis) for axis in range(min(map(len, rows), default=0)))
    return tuple(spread for spread in spreads if spread is not None)
