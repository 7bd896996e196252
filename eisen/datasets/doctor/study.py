"""A data set before any of its files is opened: its cases, their phases, and what is declared about their labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from eisen._core.types import is_label_field
from eisen.datasets.doctor.findings import Finding

if TYPE_CHECKING:
    from eisen.io.dicom import DICOMSeries

__all__ = ["Case", "Study"]


@dataclass(frozen=True)
class Case:
    """One case: its name, its phase, and a file (or DICOM folder) per field.

    Args:
        name: What people call it.
        phase: The phase it is in; empty when there are none.
        files: Field to path, images first.
        patient: What tells patients apart; empty when unknown.
    """

    name: str
    phase: str
    files: Mapping[str, Path]
    patient: str = ""

    def images(self) -> list[str]:
        """Return the fields that hold intensities."""
        return [name for name in self.files if not is_label_field(name)]

    def labels(self) -> list[str]:
        """Return the fields that hold classes."""
        return [name for name in self.files if is_label_field(name)]


@dataclass
class Study:
    """A data set before any of its files is opened.

    Args:
        source: The folder, or the configuration.
        layout: How its cases were recognised, for people.
        cases: All cases of all phases.
        labels: Declared label values and their names; None when nothing is declared.
        labelled: Phases whose cases need a label.
        findings: What is wrong with the list itself.
        empty_label: What an empty label is: ``"error"``, ``"warn"`` or ``"allow"``.
        reorients: Phases whose steps bring all axes into one order.
        choosy: Phases whose reader takes one volume of a DICOM series that holds several.
        loose: Whether nothing says that the cases are meant to be alike.
        series: The DICOM series behind the path of a case, from `eisen.io.list_dicom_series`.
    """

    source: Path
    layout: str
    cases: list[Case]
    labels: dict[int, str] | None = None
    labelled: frozenset[str] = frozenset()
    findings: list[Finding] = field(default_factory=list)
    empty_label: str = "error"
    reorients: frozenset[str] = frozenset()
    choosy: frozenset[str] = frozenset()
    loose: bool = False
    series: dict[Path, list[DICOMSeries]] = field(default_factory=dict)

    @property
    def phases(self) -> dict[str, int]:
        """Number of cases in each phase, in the order of the list."""
        counts: dict[str, int] = {}
        for case in self.cases:
            counts[case.phase] = counts.get(case.phase, 0) + 1
        return counts
