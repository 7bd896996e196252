"""What the doctor found in a data set, for people and for programs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from itertools import groupby
from typing import Any

from eisen.datasets.doctor.facts import CaseFacts
from eisen.datasets.doctor.findings import Finding
from eisen.datasets.doctor.kinds import Severity
from eisen.datasets.doctor.tables import FieldRow, LabelRow

__all__ = ["SCHEMA", "DataReport"]

SCHEMA = "eisen.data-check/1"
"""Name and version of the JSON document; the number grows when something in it changes its meaning."""


@dataclass
class DataReport:
    """What the doctor found.

    Args:
        source: The folder, list or configuration.
        layout: How the cases were recognised.
        phases: Number of cases per phase; the name is empty where there are no phases.
        findings: The worst first.
        labels: What the labels measure.
        fields: What the files of each field are like.
        cases: What is known about each case.
        voxels_read: False when only headers were read.
        seconds: How long it took.
    """

    source: str
    layout: str
    phases: dict[str, int]
    findings: list[Finding]
    labels: list[LabelRow] = field(default_factory=list)
    fields: list[FieldRow] = field(default_factory=list)
    cases: list[CaseFacts] = field(default_factory=list)
    voxels_read: bool = True
    seconds: float = 0.0

    @property
    def n_cases(self) -> int:
        """Number of cases in all phases."""
        return len(self.cases)

    def count(self, severity: Severity) -> int:
        """Return how many findings are as bad as that."""
        return sum(found.severity is severity for found in self.findings)

    def fit_for_training(self, *, strict: bool = False) -> bool:
        """Tell whether a training on these data should go on.

        Args:
            strict: Let warnings count as errors.
        """
        bad = {Severity.ERROR, Severity.WARNING} if strict else {Severity.ERROR}
        return not any(found.severity in bad for found in self.findings)

    def grouped(self) -> Iterator[tuple[Severity, str, list[Finding]]]:
        """Yield (severity, code, findings) of each kind, the worst first."""
        for (severity, code), group in groupby(self.findings, key=lambda found: (found.severity, found.code)):
            yield severity, code, list(group)

    def as_dict(self, *, strict: bool = False) -> dict[str, Any]:
        """Return the report as a JSON document of the schema `SCHEMA`.

        Args:
            strict: Let warnings count as errors.
        """
        return {
            "schema": SCHEMA,
            "status": "ok" if self.fit_for_training(strict=strict) else "failed",
            "source": self.source,
            "layout": self.layout,
            "voxels_read": self.voxels_read,
            "seconds": round(self.seconds, 3),
            "n_cases": self.n_cases,
            "phases": self.phases,
            "counts": {severity.value: self.count(severity) for severity in Severity},
            "codes": dict(Counter(found.code for found in self.findings)),
            "findings": [found.as_dict() for found in self.findings],
            "labels": [asdict(row) for row in self.labels],
            "fields": [row.as_dict() for row in self.fields],
            "cases": [_case(entry) for entry in self.cases],
        }


def _case(entry: CaseFacts) -> dict[str, Any]:
    """Return what is known about a case as JSON knows it."""
    fields: dict[str, dict[str, Any]] = {}
    for name, path in entry.case.files.items():
        facts: dict[str, Any] = {"file": str(path)}
        fields[name] = facts
        if header := entry.headers.get(name):
            facts |= {"shape": list(header.shape), "spacing_mm": list(header.spacing), "dtype": header.dtype}
            facts |= {"n_channels": header.n_channels}
        if voxels := entry.voxels.get(name):
            facts |= {"low": voxels.low, "median": voxels.median, "high": voxels.high, "digest": voxels.digest.hex()}
        if label := entry.labels.get(name):
            facts |= {"n_voxels": {f"{value:g}": count for value, count in label.counts.items()}}
    return {"name": entry.case.name, "phase": entry.case.phase, "patient": entry.case.patient, "fields": fields}
