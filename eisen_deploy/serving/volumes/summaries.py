"""What the models say about a request, in a few numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from eisen.experiments.prediction.places import Volume
from eisen_deploy.serving.volumes.names import channel_names, label_names

if TYPE_CHECKING:
    from eisen._core.types import Array
    from eisen.experiments.prediction.verdict import Verdict
    from eisen_deploy.packaging.layout import Package

__all__ = ["summary"]

_MM3_PER_ML = 1000.0


def summary(package: Package, verdict: Verdict) -> dict[str, Any]:
    """Return what JSON says about a prediction: sizes of labels, ranges of images, classes or numbers.

    Args:
        package: What the package says.
        verdict: What the models say.
    """
    about = {"model": package.name, "version": package.model_version, "kind": verdict.kind}
    doubts = {name: _short(verdict.columns[name]) for name in ("entropy", "disagreement") if name in verdict.columns}
    if verdict.kind == "classes":
        return about | _classes(package, verdict) | doubts
    if verdict.kind == "values":
        return (
            about
            | {"values": [_short(value) for value in np.ravel(verdict.values if verdict.values is not None else [])]}
            | doubts
        )
    array = verdict.labels() if verdict.kind == "labels" else verdict.channels()
    shape = array.shape if verdict.kind == "labels" else array.shape[1:]
    grid: dict[str, Any] = {"shape": list(shape)}
    voxel_ml = None
    if isinstance(verdict.place, Volume):
        native = verdict.place.geometry.native
        grid |= {"spacing_mm": [_short(s) for s in native.spacing], "affine": native.affine.tolist()}
        voxel_ml = abs(float(np.linalg.det(native.affine[:3, :3]))) / _MM3_PER_ML
    if verdict.kind == "labels":
        return about | {"labels": _labels(package, array, voxel_ml)} | grid | doubts
    low, mean, high = (_short(f(array)) for f in (np.min, np.mean, np.max))
    return about | {"intensity": {"min": low, "mean": mean, "max": high}} | grid | doubts


def _classes(package: Package, verdict: Verdict) -> dict[str, Any]:
    values = np.ravel(verdict.values if verdict.values is not None else [])
    names = channel_names(package, len(values), verdict.label_values)
    return {
        "predicted": verdict.columns.get("predicted", ""),
        "probabilities": {name: _short(value) for name, value in zip(names, values, strict=True)},
    }


def _labels(package: Package, labels: Array, voxel_ml: float | None) -> list[dict[str, Any]]:
    """Return how large every label is, those of the package first, also when they are not there."""
    numbers, counts = np.unique(labels, return_counts=True)
    found = {int(n): int(count) for n, count in zip(numbers, counts, strict=True) if n}
    names, colours = label_names(package), {label.value: label.colour for label in package.labels}
    rows = []
    for value in [*(v for v in names if v), *(v for v in found if v not in names)]:
        row = {"value": value, "name": names.get(value, str(value)), "colour": colours.get(value, "")}
        row["voxels"] = found.get(value, 0)
        if voxel_ml is not None:
            row["volume_ml"] = _short(found.get(value, 0) * voxel_ml)
        rows.append({name: entry for name, entry in row.items() if entry != ""})
    return rows


def _short(value: Any) -> float:
    """Return a number with six digits."""
    return float(f"{float(value):.6g}")
