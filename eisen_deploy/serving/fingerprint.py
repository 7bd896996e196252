"""What images are like, in a few numbers that do not depend on how their axes are ordered."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from eisen._core.errors import EmptyDatasetError
from eisen._core.types import Array, Geometry

__all__ = ["AXES", "Measured", "fingerprint_of", "measured"]

AXES = ("left-right", "back-front", "foot-head")
"""What the axes of the body are called, in the order R, A, S."""

_SHARES = {"low": 0.005, "middle": 0.5, "high": 0.995}
_ENOUGH = 250_000


@dataclass(frozen=True)
class Measured:
    """What one image is like.

    Args:
        shape: Of the array, without channels; volumes in the order R, A, S.
        spacing: Edge lengths of a voxel in mm along R, A, S; None: it has no place in space.
        extent: The field of view, mm along R, A, S.
        orientation: Where the axes of the array point, e.g. ``"LPS"``.
        quantiles: Of the intensities: ``low`` (0.5 %), ``middle`` and ``high`` (99.5 %).
        mean: Of the intensities.
    """

    shape: tuple[int, ...]
    spacing: tuple[float, ...] | None
    extent: tuple[float, ...] | None
    orientation: str
    quantiles: dict[str, float]
    mean: float


def measured(array: Array, geometry: Geometry | None) -> Measured:
    """Return what an image is like.

    Of large images every so-manieth voxel counts for the intensities.

    Args:
        array: Its voxels; the channels come last, if there are some.
        geometry: Where they are; None for pictures.

    Example:
        >>> lying = Geometry.of([[0, 0, -3, 0], [-1, 0, 0, 0], [0, -2, 0, 0], [0, 0, 0, 1]], (10, 20, 30))
        >>> image = measured(np.zeros((10, 20, 30)), lying)
        >>> image.orientation, image.spacing, image.shape
        ('PIL', (3.0, 1.0, 2.0), (30, 10, 20))
    """
    values = _sample(array)
    quantiles = dict(zip(_SHARES, map(float, np.quantile(values, list(_SHARES.values()))), strict=True))
    mean = float(values.mean())
    if geometry is None:
        return Measured(tuple(int(n) for n in array.shape[:2]), None, None, "", quantiles, mean)
    import nibabel

    toward = nibabel.orientations.io_orientation(geometry.affine)  # for each axis of the array: the one of the body
    order = [int(np.flatnonzero(toward[:, 0] == axis)[0]) for axis in range(3)]
    shape = tuple(geometry.shape[i] for i in order)
    spacing = tuple(geometry.spacing[i] for i in order)
    extent = tuple(n * s for n, s in zip(shape, spacing, strict=True))
    orientation = "".join(nibabel.aff2axcodes(geometry.affine))
    return Measured(shape, spacing, extent, orientation, quantiles, mean)


def fingerprint_of(cases: Iterable[tuple[Array, Geometry | None]], field: str) -> dict[str, Any]:
    """Return what the images of a training are like: what `eisen_deploy.serving.gate.check` compares with.

    Args:
        cases: Voxels as they are in the files (channels last), and where they are (None for pictures).
        field: The field they are in.

    Returns:
        Plain numbers, text, lists and dicts: ``field``, ``n_cases``, ``shape``; of volumes ``spacing_mm`` and
        ``field_of_view_mm`` (``low`` and ``high``, each along left-right, back-front, foot-head) and ``orientations``;
        ``intensity``: over the cases ``mean``, ``std``, ``min`` and ``max`` of the quantiles ``low`` (0.5 %),
        ``middle`` (50 %) and ``high`` (99.5 %) and of the ``mean``, and the ``span`` from low to high.

    Raises:
        EmptyDatasetError: If there are no cases.

    Example:
        >>> cases = [(np.arange(60.0).reshape(3, 4, 5), Geometry.of(np.diag([1, 1, z, 1]), (3, 4, 5))) for z in (2, 3)]
        >>> found = fingerprint_of(cases, "image")
        >>> found["n_cases"], found["spacing_mm"]["low"], found["spacing_mm"]["high"], found["orientations"]
        (2, [1.0, 1.0, 2.0], [1.0, 1.0, 3.0], ['RAS'])
    """
    images = [measured(array, geometry) for array, geometry in cases]
    if not images:
        raise EmptyDatasetError(f"there is no case to learn from what '{field}' is like", expected="at least one")
    found: dict[str, Any] = {"field": field, "n_cases": len(images)}
    found["shape"] = _range([image.shape for image in images])
    placed = [image for image in images if image.spacing is not None]
    if len(placed) == len(images):
        found["spacing_mm"] = _range([image.spacing for image in placed])
        found["field_of_view_mm"] = _range([image.extent for image in placed])
        found["orientations"] = sorted({image.orientation for image in placed})
    found["intensity"] = _spread(images)
    return found


def _sample(array: Array) -> Array:
    """Return about as many of the finite values as suffice, always the same ones."""
    values = array.ravel(order="K")
    step = max(1, values.size // _ENOUGH)
    step += step > 1 and step % 2 == 0  # an even step would look at one side of an image only
    sample = values[::step].astype(np.float64)
    finite = sample[np.isfinite(sample)]
    return finite if finite.size else np.zeros(1)


def _range(rows: list[Any]) -> dict[str, list[float]]:
    table = np.asarray(rows, dtype=np.float64)
    return {"low": _short(table.min(0)), "high": _short(table.max(0))}


def _spread(images: list[Measured]) -> dict[str, Any]:
    table = {name: np.array([image.quantiles[name] for image in images]) for name in _SHARES}
    table["mean"] = np.array([image.mean for image in images])
    found: dict[str, Any] = {
        name: dict(zip(("mean", "std", "min", "max"), _short([v.mean(), v.std(), v.min(), v.max()]), strict=True))
        for name, v in table.items()
    }
    spans = table["high"] - table["low"]
    found["span"] = dict(zip(("mean", "min", "max"), _short([spans.mean(), spans.min(), spans.max()]), strict=True))
    return found


def _short(values: Any) -> list[float]:
    return [float(f"{value:.6g}") for value in values]
