"""The longer sections of a model card: results, data, training, and what the images of the training are like."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from eisen_deploy.packaging.layout import Package
from eisen_deploy.packaging.measured import Measure, Measures

__all__ = ["bullets", "data", "fingerprint", "results", "table", "training"]


def results(measures: Measures) -> Iterator[str]:
    """Yield how good the model is, and what these numbers are worth."""
    if not measures.rows:
        yield "Nothing is known: the training was not validated, and no test was found beside it."
        return
    yield f"Measured on {measures.where}."
    if any(row.has_interval for row in measures.rows):
        yield "Means over cases; in brackets the 95 % confidence interval (bootstrap over cases, BCa)."
    else:
        yield (
            "These values have no confidence interval, and the epoch was chosen by them, so that they are too good. "
            "`eisen test` with a part Evaluation measures case by case."
        )
    rows = [[row.label or "-", row.metric, _value(row), str(row.n or "-"), _undefined(row)] for row in measures.rows]
    yield table(["label", "metric", "value", "cases", "without a value"], rows)


def _value(row: Measure) -> str:
    return f"{row.mean:.4g} [{row.low:.4g}, {row.high:.4g}]" if row.has_interval else f"{row.mean:.4g}"


def _undefined(row: Measure) -> str:
    return str(row.n_undefined) if row.has_interval else "-"


def data(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield how many cases each training had, and digests of them.

    Args:
        records: The records of the trainings, one per model.
    """
    rows = []
    for number, record in enumerate(records):
        for phase, found in (record.get("data") or {}).items():
            digest = str(found.get("digest", ""))[:16]
            rows.append([*_numbered(number, records), phase, str(found.get("n_cases", "")), f"`{digest}`"])
    if not rows:
        yield "Not known."
        return
    yield table([*(["model"] if len(records) > 1 else []), "phase", "cases", "digest of the data"], rows)
    splits = {str(split["digest"])[:16] for record in records if isinstance(split := record.get("split"), Mapping)}
    if splits:
        yield f"Frozen split: digest {', '.join(f'`{digest}`' for digest in sorted(splits))}."


def training(records: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield how each model was trained.

    Args:
        records: The records of the trainings, one per model.
    """
    for number, record in enumerate(records):
        best = record.get("best") or {}
        yield bullets(
            [
                *(f"model {name}" for name in _numbered(number, records)),
                f"epochs: {record.get('epochs_complete', 'unknown')} of {record.get('epochs', 'unknown')}"
                + ("" if record.get("status") == "complete" else f" ({record.get('status', 'unknown')})"),
                *_best(best),
                f"seed: {record.get('seed')}",
                f"digest of the configuration: `{str(record.get('config_digest', ''))[:16]}`",
                *_code(record),
                f"versions: {_versions(record.get('versions') or {})}",
            ]
        )


def _best(best: Mapping[str, Any]) -> list[str]:
    value = best.get("value")
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return []
    return [f"best epoch: {int(best['epoch']) + 1}, by {best.get('name')} of {best.get('phase')}: {value:.4g}"]


def _code(record: Mapping[str, Any]) -> list[str]:
    code, git = record.get("code") or {}, record.get("git") or {}
    commit = f", commit `{str(git['commit'])[:12]}`{' with changes' if git.get('dirty') else ''}" if git else ""
    return [f"code: digest `{str(code.get('digest', ''))[:16]}`{commit}"]


def _versions(versions: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {versions[name]}" for name in ("eisen", "python", "torch", "numpy") if name in versions)


def fingerprint(package: Package) -> Iterator[str]:
    """Yield what the images of the training are like, and what happens to others."""
    gate = {"off": "are answered like all others", "warn": "are answered with a warning", "refuse": "are refused"}
    if not package.fingerprint:
        yield "Not known: the data were not there when the package was made. No image is told apart."
        return
    yield f"Images that are not like these {gate[package.gate]}."
    rows = [row for name, known in package.fingerprint.items() for row in _ranges(name, known)]
    yield table(["input", "what", "in the training"], rows)


def _ranges(name: str, known: Mapping[str, Any]) -> Iterator[list[str]]:
    """Yield what the images of one input are like, in words."""
    yield [name, "images looked at", str(known.get("n_cases", ""))]
    for key, what in _LENGTHS.items():
        if key in known:
            pairs = zip(known[key]["low"], known[key]["high"], strict=True)
            yield [name, what, " x ".join(_range(low, high) for low, high in pairs)]
    if known.get("orientations"):
        yield [name, "axes point to", ", ".join(known["orientations"])]
    for key, what in _QUANTILES.items():
        found = (known.get("intensity") or {}).get(key)
        if found:
            yield [name, what, _range(found["min"], found["max"])]


_LENGTHS = {
    "shape": "voxels",
    "spacing_mm": "size of a voxel, mm (left-right, back-front, foot-head)",
    "field_of_view_mm": "field of view, mm",
}
_QUANTILES = {"low": "darkest voxels (0.5 %)", "middle": "median intensity", "high": "brightest voxels (99.5 %)"}


def _range(low: float, high: float) -> str:
    first, last = f"{low:.4g}", f"{high:.4g}"
    return first if first == last else f"{first} to {last}"


def _numbered(number: int, records: Sequence[Any]) -> list[str]:
    return [str(number + 1)] if len(records) > 1 else []


def bullets(lines: Iterable[str]) -> str:
    r"""Return a list.

    Example:
        >>> bullets(["one", "two"])
        '- one\n- two'
    """
    return "\n".join(f"- {line}" for line in lines)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table.

    Args:
        head: Titles of the columns.
        rows: The cells.
    """
    clean = [[cell.replace("|", "/").replace("\n", " ") for cell in row] for row in rows]
    lines = [list(head), ["---"] * len(head), *clean]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
