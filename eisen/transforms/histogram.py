"""Giving MR images of different scanners one intensity scale."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from eisen._core.atomic import atomic_write
from eisen._core.errors import ArgumentError, VoxelValueError, nearest
from eisen._core.field_roles import Role
from eisen._core.fields import FieldStep, missing_field
from eisen._core.types import DataPoint
from eisen.transforms.arguments import checked_choice
from eisen.transforms.functional.intensity import inside_of
from eisen.transforms.functional.mapping import piecewise_linear
from eisen.transforms.functional.ranking import percentiles as percentiles_of
from eisen.transforms.functional.tensors import as_either, size_of
from eisen.transforms.masks import mask_for

__all__ = ["HistogramStandardization", "train_landmarks"]

PERCENTILES = (1.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 99.0)
"""Where the landmarks are: both ends of the useful intensities, and the deciles between."""

_REGIONS = ("above mean", "nonzero", "all")

Float64 = npt.NDArray[np.float64]


class HistogramStandardization(FieldStep):
    """Give MR images the same intensity for the same tissue, by mapping landmarks of their histograms to common ones.

    The landmarks are the percentiles 1, 10, 20, ..., 90 and 99; between them the map is linear. The common ones are
    learned once, from the training cases, with `train_landmarks`. An image of one intensity is only shifted.

    Args:
        fields: Names of the fields.
        landmarks: The common landmarks: path of the file that `train_landmarks` wrote, or a dict from field to 11
            numbers, or 11 numbers for all fields.
        region: Where the histogram is measured: "above mean" (the patient without the air), "nonzero" or "all".
        mask: Name of a field; the histogram is measured where it is not 0 instead.

    Source: L. G. Nyul, J. K. Udupa, X. Zhang, New variants of a method of MRI scale standardization, IEEE TMI 19(2),
    2000, method L4.

    Example:
        >>> scans = [{"mr": np.linspace(0, top, 1001)} for top in (200, 300)]
        >>> step = HistogramStandardization(["mr"], train_landmarks(scans, ["mr"]), region="all")
        >>> [round(float(step(scan)["mr"][500]), 1) for scan in scans]
        [50.0, 50.0]
    """

    field_roles: ClassVar[Mapping[str, Role]] = {"mask": "reads"}

    def __init__(
        self,
        fields: Sequence[str],
        landmarks: str | Mapping[str, Sequence[float]] | Sequence[float],
        region: str = "above mean",
        mask: str | None = None,
    ) -> None:
        super().__init__(fields)
        self.landmarks = _checked_landmarks(landmarks, self.fields)
        self.region = checked_choice(region, _REGIONS, "region", type(self).__name__)
        self.mask = mask

    def apply(self, field: str, data: DataPoint) -> DataPoint:
        """Standardise one image."""
        measured = _landmarks_of(field, data, self.region, self.mask, type(self).__name__)
        # Landmarks that coincide (many equal intensities) have no slope between them: keep the last of each.
        distinct = np.append(np.diff(measured) > 0, True)
        source, target = measured[distinct], np.asarray(self.landmarks[field])[distinct]
        if len(source) < 2:  # one intensity has no scale: it is brought to its landmark
            source, target = np.append(source, source + 1), np.append(target, target + 1)
        return {field: piecewise_linear(data[field], source.tolist(), target.tolist())}


def train_landmarks(
    cases: Iterable[DataPoint],
    fields: Sequence[str],
    region: str = "above mean",
    mask: str | None = None,
    path: str | os.PathLike[str] | None = None,
) -> dict[str, list[float]]:
    """Learn common landmarks from training cases: the mean of those of all images, each brought to 0 ... 100 first.

    Args:
        cases: Data points with arrays, e.g. a dataset whose transform reads them.
        fields: Names of the image fields; each has landmarks of its own.
        region: Where the histogram is measured: "above mean", "nonzero" or "all".
        mask: Name of a field; the histogram is measured where it is not 0 instead.
        path: JSON file to write, which `HistogramStandardization` takes. None writes none.

    Returns:
        For each field 11 landmarks, the first 0 and the last 100.

    Raises:
        VoxelValueError: If there are no cases.

    Source: L. G. Nyul, J. K. Udupa, X. Zhang, IEEE TMI 19(2), 2000, fig. 2.

    Example:
        >>> train_landmarks([{"mr": np.arange(101.0)}], ["mr"], region="all")["mr"][5]
        50.0
    """
    checked_choice(region, _REGIONS, "region", "train_landmarks")
    scales: dict[str, list[Float64]] = {field: [] for field in fields}
    for data in cases:
        for field in fields:
            if field not in data:
                raise missing_field(field, data, "train_landmarks")
            found = _landmarks_of(field, data, region, mask, "train_landmarks")
            if found[-1] > found[0]:  # a constant image has nothing to teach
                scales[field].append((found - found[0]) / (found[-1] - found[0]) * 100)
    for field, found_scales in scales.items():
        if not found_scales:
            raise VoxelValueError(f"no case with contrast in '{field}'", expected="at least one", field=field)
    learned = {field: [round(float(x), 6) for x in np.mean(rows, axis=0)] for field, rows in scales.items()}
    if path is not None:
        with atomic_write(path, "w") as file:
            json.dump({"percentiles": PERCENTILES, "landmarks": learned}, file, indent=2)
    return learned


def _landmarks_of(field: str, data: DataPoint, region: str, mask: str | None, step: str) -> Float64:
    """Return the percentiles of one image inside of a region; of the whole image if the region is empty."""
    values = as_either(data[field])
    chosen = mask_for(field, data, mask, step)
    if not size_of(values):
        return np.zeros(len(PERCENTILES))
    if chosen is not None:
        inside = values[inside_of(chosen, values)]
    elif region == "all":
        inside = values
    else:
        inside = values[values > _mean(values)] if region == "above mean" else values[values != 0]
    return np.asarray(percentiles_of(inside if size_of(inside) else values, PERCENTILES))


def _mean(values: Any) -> float:
    return float(values.double().mean()) if hasattr(values, "double") else float(values.mean(dtype=np.float64))


def _checked_landmarks(landmarks: Any, fields: list[str]) -> dict[str, list[float]]:
    """Return one list of landmarks for each field, from a file, a dict or a list."""
    table = _read(landmarks) if isinstance(landmarks, str | os.PathLike) else landmarks
    chosen: dict[str, list[float]] = {}
    for field in fields:
        row = table.get(field) if isinstance(table, Mapping) else table
        if row is None:
            raise ArgumentError(
                f"HistogramStandardization: there are no landmarks for '{field}'",
                expected=f"landmarks for: {', '.join(table)}",
                to_do=nearest(field, table) or "learn them with train_landmarks",
            )
        chosen[field] = _checked_row(row)
    return chosen


def _checked_row(row: Any) -> list[float]:
    try:
        numbers = [float(number) for number in row]
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != len(PERCENTILES) or not (np.diff(numbers) >= 0).all() or not numbers[-1] > numbers[0]:
        raise ArgumentError(
            f"HistogramStandardization: landmarks are {row!r}", expected=f"{len(PERCENTILES)} increasing numbers"
        )
    return numbers


def _read(path: str | os.PathLike[str]) -> Any:
    """Return the landmarks of a file of train_landmarks, or of an .npz file with one array per field."""
    try:
        if Path(path).suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                return {name: arrays[name].tolist() for name in arrays.files}
        content = json.loads(Path(path).read_text(encoding="utf-8"))
        return content.get("landmarks", content) if isinstance(content, dict) else content
    except (OSError, ValueError) as error:
        raise ArgumentError(
            f"HistogramStandardization: '{path}' cannot be read: {error}",
            expected="a file written by train_landmarks(..., path=...)",
            to_do="check the path",
        ) from error
