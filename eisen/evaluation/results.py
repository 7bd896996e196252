"""What an evaluation found: one record per case, label and metric, in the order they came."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from eisen._core.optional import require
from eisen.evaluation.measured import Presence
from eisen.evaluation.metric import Metric

__all__ = ["CaseFacts", "Record", "Results"]


@dataclass(frozen=True)
class Record:
    """One value.

    Args:
        case: Name of the case.
        label: Name of the label; "" where there are none.
        metric: Name of the metric as it is spelt, e.g. "HDRFDST(percentile=95)".
        value: NaN where it is not defined.
        reason: Why there is none, or why it is not what the formula gives.
        presence: Where the label is: "both", "missed", "extra" or "absent"; "both" where there are no labels.
    """

    case: str
    label: str
    metric: str
    value: float
    reason: str = ""
    presence: Presence = "both"


@dataclass(frozen=True)
class CaseFacts:
    """What else is known about a case.

    Args:
        prediction: File of the prediction; "" if it was an array.
        reference: File of the reference.
        shape: Of the arrays.
        spacing_mm: Of the arrays, in their order of axes.
        diagonal_mm: From corner to corner; what a missed case is charged where a distance is asked for.
    """

    prediction: str = ""
    reference: str = ""
    shape: tuple[int, ...] = ()
    spacing_mm: tuple[float, ...] = ()
    diagonal_mm: float = float("nan")


@dataclass
class Results:
    """Records of an evaluation, and what is known about its cases and metrics.

    Args:
        records: What was measured.
        facts: Of each case, by its name.
        metrics: The metrics, by their names.
        failures: Why a case could not be measured, by its name.

    Example:
        >>> found = Results([Record("a", "lung", "DICE", 0.9), Record("b", "lung", "DICE", 0.8)])
        >>> found.cases, found.values("lung", "DICE").tolist()
        (['a', 'b'], [0.9, 0.8])
    """

    records: list[Record] = field(default_factory=list)
    facts: dict[str, CaseFacts] = field(default_factory=dict)
    metrics: dict[str, Metric] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self.records)

    def extend(self, records: Iterable[Record]) -> None:
        """Add records.

        Args:
            records: More of them.
        """
        self.records.extend(records)

    def include(self, part: Results) -> None:
        """Add the results of another evaluation.

        Args:
            part: Results of other cases.
        """
        self.records += part.records
        self.facts |= part.facts
        self.metrics |= part.metrics
        self.failures |= part.failures

    @property
    def cases(self) -> list[str]:
        """Names of the cases that were measured, as they came."""
        return list(dict.fromkeys([*self.facts, *(r.case for r in self.records)]))

    @property
    def labels(self) -> list[str]:
        """Names of the labels, as they came."""
        return list(dict.fromkeys(r.label for r in self.records))

    @property
    def metric_names(self) -> list[str]:
        """Names of the metrics, as they came."""
        return list(dict.fromkeys(r.metric for r in self.records))

    def of(self, label: str, metric: str) -> list[Record]:
        """Return the records of a label and a metric, one per case.

        Args:
            label: Name of the label.
            metric: Name of the metric.
        """
        return [r for r in self.records if r.label == label and r.metric == metric]

    def values(self, label: str, metric: str) -> npt.NDArray[np.float64]:
        """Return the values of a label and a metric, one per case, NaN where it is not defined.

        Args:
            label: Name of the label.
            metric: Name of the metric.
        """
        return np.array([r.value for r in self.of(label, metric)], dtype=np.float64)

    def rows(self) -> list[dict[str, Any]]:
        """Return the tidy table: a dict per record with case, label, metric, value, reason and presence."""
        return [dict(vars(r)) for r in self.records]

    def to_pandas(self) -> Any:
        """Return the tidy table as a `pandas.DataFrame`.

        Raises:
            MissingExtraError: If pandas is not installed.
        """
        pandas = require("pandas", "tables", "a table of pandas")
        return pandas.DataFrame(self.rows(), columns=[f.name for f in fields(Record)])

    def write(self, path: str | os.PathLike[str], **options: Any) -> None:
        """Write the results; the ending of the name says how: ``.csv``, ``.json`` or ``.parquet``.

        Args:
            path: The file. Its folder must exist.
            **options: Of `eisen.evaluation.writers.write_csv`, e.g. ``layout="wide"``.

        Raises:
            ArgumentError: If the name has another ending.
            ArtifactError: If the file cannot be written.

        Example:
            >>> import tempfile
            >>> path = f"{tempfile.mkdtemp()}/results.csv"
            >>> Results([Record("a", "lung", "DICE", 0.9)]).write(path)
            >>> Results.read(path).values("lung", "DICE").tolist()
            [0.9]
        """
        from eisen.evaluation.writers.files import write

        write(self, path, **options)

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Results:
        """Read what `write` wrote. A table holds the records only; ``.json`` and ``.parquet`` also cases and failures.

        Args:
            path: The file.

        Raises:
            MissingFileError: If there is no such file.
            CorruptFileError: If it holds no results.
        """
        from eisen.evaluation.writers.files import read

        return read(path)

    @classmethod
    def joined(cls, parts: Sequence[Results]) -> Results:
        """Return the results of several evaluations as one.

        Args:
            parts: Results of different cases.
        """
        whole = cls()
        for part in parts:
            whole.include(part)
        return whole
