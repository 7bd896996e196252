"""The checks every case goes through without being asked: what was read, and whether it fits together."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from eisen._core.errors import EisenError, VoxelValueError
from eisen._core.types import DataPoint, Geometry, is_label_field, meta_field
from eisen.transforms import CheckFinite, CheckLabels, CheckSameGrid

__all__ = ["CheckContent", "CheckGrids"]

_log = logging.getLogger(__name__)


class CheckContent:
    """Stops at NaN voxels, empty labels and unknown label values, right behind the readers.

    A file is looked at once per process, so it costs nothing after the first epoch.

    Args:
        fields: Fields that the readers have read. Those that `is_label_field` are label maps, the others images.
        labels: Label values there may be besides 0; None allows any.
        empty: What to do about a label map without a label: ``"error"``, ``"warn"`` or ``"allow"``.

    Example:
        >>> CheckContent(["image"])({"image": np.array([0.0, np.nan])})
        Traceback (most recent call last):
        eisen._core.errors.VoxelValueError: 1 of 2 voxels of 'image' is NaN; the first is at index (1,)
        ...
    """

    def __init__(self, fields: Sequence[str], labels: Sequence[int] | None = None, empty: str = "error") -> None:
        self.fields = list(dict.fromkeys(fields))
        self.labels = None if labels is None else list(labels)
        self.empty = empty
        self._seen: set[tuple[str, str]] = set()

    def __call__(self, data: DataPoint) -> DataPoint:
        """Look at the fields; the data point goes through unchanged."""
        for field in self.fields:
            source = getattr(data.get(meta_field(field)), "source", "")
            if (field, source) in self._seen or not _has_voxels(data.get(field)):
                continue
            try:
                self._look_at(field, data)
            except EisenError as error:
                error.card.step = type(self).__name__
                raise error.note(field=field, file=source) from error.__cause__
            if source:
                self._seen.add((field, source))
        return data

    def forget(self) -> None:
        """Look at every file again, for programs in which another file may come under the same name."""
        self._seen.clear()

    def _look_at(self, field: str, data: DataPoint) -> None:
        CheckFinite([field])(data)
        if not is_label_field(field):
            return
        if self.labels is not None:
            CheckLabels([field], values=self.labels, allow_empty=True)(data)
        if self.empty != "allow" and not _voxels(data[field]).any():
            self._report_empty(field, data)

    def _report_empty(self, field: str, data: DataPoint) -> None:
        what = f"'{field}' is empty: all voxels are 0"
        if self.empty == "warn":
            _log.warning("%s (%s)", what, getattr(data.get(meta_field(field)), "source", "unknown file"))
            return
        raise VoxelValueError(
            what,
            expected="at least one labelled voxel",
            to_do="check that the label belongs to the image, or allow it in Hyperparameters: "
            '{"type": ".EmptyLabel", "params": {"value": "allow"}}',
        )


class CheckGrids:
    """Stops when fields of a case do not lie on the same grid at the end of the chain.

    Fields that know where their voxels are must have the same shape and the same corners, within 0.1 mm and a tenth of
    a voxel.
    """

    def __call__(self, data: DataPoint) -> DataPoint:
        """Compare the fields; the data point goes through unchanged."""
        grids = {name.removesuffix("_meta"): value for name, value in data.items() if isinstance(value, Geometry)}
        fields = [field for field in grids if _has_voxels(data.get(field))]
        if len(fields) < 2:
            return data
        check = CheckSameGrid(fields, min(grids[field].tolerance_mm for field in fields))
        try:
            return check(data)
        except EisenError as error:
            error.card.step = type(self).__name__
            raise


def _has_voxels(value: Any) -> bool:
    return hasattr(value, "dataobj") or hasattr(value, "GetSize") or getattr(value, "ndim", 0) > 0


def _voxels(value: Any) -> Any:
    if hasattr(value, "dataobj"):
        return np.asanyarray(value.dataobj)
    if hasattr(value, "GetSize"):
        import SimpleITK

        return SimpleITK.GetArrayViewFromImage(value)
    return value
