"""Whether a prediction and its reference are on one grid; nothing is measured before that is certain."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan, sqrt
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError, GeometryError, ShapeError
from eisen._core.types import Array, Geometry
from eisen.evaluation.inputs import Opened, describe, opened, opened_pair
from eisen.evaluation.results import CaseFacts

__all__ = ["OneGrid", "on_one_grid"]

_NO_RESAMPLING = (
    "write the prediction on the grid of its reference, as `eisen predict` does; eisen does not resample it for you, "
    "because that would change what is measured"
)


@dataclass(frozen=True)
class OneGrid:
    """A prediction and its reference, of one shape.

    Args:
        prediction: Axes of one voxel are left out as long as two others are left.
        reference: Of the same shape.
        spacing: Distance of voxels in mm along each axis; None if it is not known.
        facts: What is known about the case.
        mask: Of the same shape, or None.
    """

    prediction: Array
    reference: Array
    spacing: tuple[float, ...] | None
    facts: CaseFacts
    mask: Array | None = None


def on_one_grid(
    prediction: Any, reference: Any, spacing_mm: Sequence[float] | None = None, mask: Any = None, is_map: bool = True
) -> OneGrid:
    """Open a prediction and its reference, and make sure that they are on one grid.

    Args:
        prediction: See `eisen.evaluation.inputs.opened`; None: nothing was predicted, which is a prediction without
            any voxel.
        reference: The same.
        spacing_mm: Of the axes of arrays; images know theirs.
        mask: Where to compare; None: everywhere.
        is_map: Whether label maps are compared.

    Raises:
        ShapeError: If the shapes differ.
        GeometryError: If the images are in different places, or have other spacings or directions.
        ArgumentError: If the spacing does not fit.

    Example:
        >>> pair = on_one_grid(np.zeros((1, 4, 5)), np.zeros((4, 5)), spacing_mm=(2, 3))
        >>> pair.prediction.shape, pair.spacing
        ((4, 5), (2.0, 3.0))
    """
    found, given = opened_pair(prediction, reference)
    known = given if found is None or given.geometry is not None else found
    values = _without_single_axes(given.values)[0]
    spacing = _spacing(spacing_mm, known)
    if spacing is not None and not (is_map or known.values.ndim == len(spacing)):
        spacing = None  # colours, or moments in time: no axes with a spacing
    spacing = _without_single_axes(known.values, spacing, known.n_axes is None)[1]
    if found is None:
        predicted = np.zeros(values.shape, np.uint8)
    else:
        predicted = _without_single_axes(found.values)[0]
        _check(found, given, predicted.shape, values.shape, is_map)
    covered = None if mask is None else _mask(mask, values.shape, given)
    return OneGrid(predicted, values, spacing, _facts(prediction, reference, values.shape, spacing), covered)


def _facts(prediction: Any, reference: Any, shape: tuple[int, ...], spacing: tuple[float, ...] | None) -> CaseFacts:
    steps = spacing or (1.0,) * len(shape)
    diagonal = sqrt(sum((n * s) ** 2 for n, s in zip(shape, steps, strict=True))) if shape else nan
    return CaseFacts(describe(prediction), describe(reference), tuple(shape), spacing or (), diagonal)


def _spacing(given: Sequence[float] | None, image: Opened) -> tuple[float, ...] | None:
    """Return the spacing of the axes of an image, or what was said about an array."""
    own = None if image.geometry is None else _of_axes(image.geometry.spacing, image)
    if given is None:
        return own
    told = tuple(float(s) for s in given)
    if own is not None and (len(own) != len(told) or not np.allclose(own, told, rtol=1e-3)):
        raise ArgumentError(
            f"spacing_mm is {told}, and the voxels of {image.name} are {_numbers(own)} mm apart",
            expected="no spacing_mm for images, which know theirs",
        )
    return told


def _of_axes(spacing: tuple[float, ...], image: Opened) -> tuple[float, ...]:
    n = image.n_axes or 3
    return spacing[-n:] if image.is_reversed else spacing[:n]


def _without_single_axes(
    values: Array, spacing: tuple[float, ...] | None = None, is_array: bool = True
) -> tuple[Array, tuple[float, ...] | None]:
    """Leave out axes of one voxel, a channel or a single slice, while more than two are left."""
    steps = None if spacing is None else list(spacing)
    channel = 0 if is_array else -1  # arrays have channels first, files last
    while steps is not None and values.ndim > max(2, len(steps)) and values.shape[channel] == 1:
        values = values.squeeze(channel)
    while values.ndim > 2 and 1 in values.shape:
        axis = values.shape.index(1)
        if steps is not None and len(steps) == values.ndim:
            del steps[axis]
        values = values.squeeze(axis)
    if steps is not None and len(steps) != values.ndim:
        what = f"spacing_mm is {_numbers(steps)}, for an image of the shape {values.shape}"
        raise ArgumentError(what, expected="one number per axis")
    return values, None if steps is None else tuple(steps)


def _check(found: Opened, given: Opened, shape: tuple[int, ...], wanted: tuple[int, ...], is_map: bool) -> None:
    if is_map and len(shape) == len(wanted) + 1 and wanted in (shape[1:], shape[:-1]):
        first = shape[1:] == wanted
        raise ShapeError(
            f"{found.name} has {shape[0] if first else shape[-1]} channels: probabilities or one-hot, no label map",
            expected=f"a label map of the shape {wanted}",
            to_do=f"take prediction.argmax(axis={0 if first else -1}) first",
            shapes=_both(shape, wanted),
        )
    differences = _differences(found.geometry, given.geometry)
    if shape != wanted:
        told = "; ".join([f"shapes {shape} and {wanted}", *differences])
        raise ShapeError(
            f"{found.name} and {given.name} are not on one grid: {told}",
            expected="a prediction with the voxels of its reference",
            to_do=_NO_RESAMPLING,
            shapes=_both(shape, wanted),
        )
    if differences:
        raise GeometryError(
            f"{found.name} and {given.name} are not on one grid: {'; '.join(differences)}",
            expected="a prediction in the place of its reference",
            to_do=_NO_RESAMPLING,
        )


def _differences(a: Geometry | None, b: Geometry | None) -> list[str]:
    """Return in words how two grids differ; nothing if they do not, or one is not known."""
    if a is None or b is None:
        return []
    tolerance = min(a.tolerance_mm, b.tolerance_mm)
    if a.shape == b.shape and (off := a.displacement_mm(b)) <= tolerance:
        return []
    told = [f"corners lie {off:.4g} mm apart"] if a.shape == b.shape else []
    directions = [g.affine[:3, :3] / np.linalg.norm(g.affine[:3, :3], axis=0) for g in (a, b)]
    if not np.allclose(a.spacing, b.spacing, rtol=1e-3):
        told.append(f"spacing {_numbers(a.spacing)} and {_numbers(b.spacing)} mm")
    if not np.allclose(directions[0], directions[1], atol=1e-3):
        told.append(f"directions {_codes(directions[0])} and {_codes(directions[1])}")
    if np.linalg.norm(a.affine[:3, 3] - b.affine[:3, 3]) > tolerance:
        told.append(f"first voxel at {_numbers(a.affine[:3, 3])} and {_numbers(b.affine[:3, 3])} mm (RAS)")
    return told


def _codes(directions: Array) -> str:
    """Return where the axes point, e.g. "RAS"; with the largest angle to that, where there is one."""
    letters = "".join(("RAS" if column[i] > 0 else "LPI")[i] for column in directions.T for i in [_main(column)])
    off = max(float(np.degrees(np.arccos(min(1.0, abs(column[_main(column)]))))) for column in directions.T)
    return letters if off < 0.05 else f"{letters} turned by {off:.1f}°"


def _main(column: Array) -> int:
    return int(np.argmax(np.abs(column)))


def _mask(mask: Any, shape: tuple[int, ...], reference: Opened) -> Array:
    found = opened(mask, "mask")
    if found.geometry is not None and reference.geometry is not None and found.is_reversed != reference.is_reversed:
        found = found.turned()
    values = _without_single_axes(found.values)[0]
    _check(found, reference, values.shape, shape, is_map=True)
    inside: Array = values != 0
    return inside


def _both(shape: tuple[int, ...], wanted: tuple[int, ...]) -> str:
    return f"prediction {shape}, reference {wanted}"


def _numbers(values: Any) -> str:
    return "(" + ", ".join(f"{float(v):.6g}" for v in values) + ")"
