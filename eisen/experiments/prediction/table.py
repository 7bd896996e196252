"""``predictions.csv``: one row per case."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

from eisen._core.atomic import atomic_write
from eisen._core.types import Array

__all__ = ["ClassNames", "write_table"]

Row = dict[str, str | float]


class ClassNames:
    """What the channels of a classifier are called, and what it decides.

    Args:
        values: Class of each channel; a single channel is the class 1 against 0.
        names: Names of the classes, as far as they have any.
        exclusive: Whether a case has exactly one class; else every channel decides by itself.

    Example:
        >>> names = ClassNames([0, 1], {1: "pneumonia"})
        >>> names.row([0.2, 0.8])
        {'predicted': 'pneumonia', 'probability[0]': 0.2, 'probability[pneumonia]': 0.8}
    """

    def __init__(self, values: Sequence[int], names: Mapping[int, str] | None = None, exclusive: bool = True) -> None:
        known = names or {}
        self.names = [known.get(value, str(value)) for value in values]
        self.exclusive = exclusive
        self._else = known.get(0, "0") if len(values) == 1 else ""

    def row(self, likely: Array | Sequence[float]) -> Row:
        """Return the columns of one case: what is predicted, and a probability per channel."""
        columns: Row = {f"probability[{name}]": float(p) for name, p in zip(self.names, likely, strict=True)}
        return {"predicted": self._decision([float(p) for p in likely]), **columns}

    def _decision(self, likely: list[float]) -> str:
        if self.exclusive and len(likely) > 1:
            return self.names[likely.index(max(likely))]
        return ";".join(name for name, p in zip(self.names, likely, strict=True) if p >= 0.5) or self._else


def write_table(path: Path, rows: Sequence[Row]) -> None:
    """Write rows of the same columns as CSV; numbers have six digits.

    Raises:
        ArtifactError: If it cannot be written.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "predictions.csv"
        >>> write_table(path, [{"case": "la_003", "value": 0.12345678}])
        >>> print(path.read_text(encoding="utf-8"), end="")
        case,value
        la_003,0.123457
    """
    with atomic_write(path, "w") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(list(rows[0]) if rows else [])
        writer.writerows([f"{v:.6g}" if isinstance(v, float) else v for v in row.values()] for row in rows)
