"""One finding: what is wrong, with which file of which case, in numbers, and what to do."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from eisen.datasets.doctor.kinds import KINDS, Severity

__all__ = ["Finding", "finding", "in_reading_order"]


@dataclass(frozen=True)
class Finding:
    """Something the doctor found.

    Args:
        code: A key of `KINDS`.
        severity: How bad it is here; usually that of the kind.
        what: What is wrong, one sentence with numbers and units.
        case: Name of the case; empty when it is about the whole data set.
        file: The file.
        field: The field of the case, e.g. ``"label"``.
        other: The other case, of findings about two.
        numbers: The facts for machines; names end in their unit (``displacement_mm``, ``volume_ml``).
        to_do: What helps.
    """

    code: str
    severity: Severity
    what: str
    case: str = ""
    file: str = ""
    field: str = ""
    other: str = ""
    numbers: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    to_do: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Return the finding as JSON knows it."""
        facts = {**vars(self), "severity": self.severity.value, "numbers": dict(self.numbers)}
        return {name: value for name, value in facts.items() if value not in ("", {})}


def finding(code: str, what: str, *, severity: Severity | None = None, **facts: Any) -> Finding:
    """Return a finding of a kind; severity and advice come from the table.

    Args:
        code: A key of `KINDS`.
        what: What is wrong, one sentence.
        severity: Replaces that of the kind.
        **facts: The other entries of `Finding`; what is none of them goes to its numbers.

    Example:
        >>> found = finding("label-empty", "all 900 voxels are 0", case="scan_7", n_voxels=900)
        >>> found.severity.value, found.numbers
        ('error', {'n_voxels': 900})
    """
    kind = KINDS[code]
    known = {name: str(facts.pop(name)) for name in ("case", "file", "field", "other", "to_do") if name in facts}
    known.setdefault("to_do", kind.to_do)
    return Finding(code, severity or kind.severity, what, numbers=facts, **known)


def in_reading_order(findings: list[Finding]) -> list[Finding]:
    """Return findings with the worst first, then by code as in the table, then by case."""
    codes = list(KINDS)
    return sorted(findings, key=lambda found: (found.severity.rank, codes.index(found.code), found.case, found.field))
