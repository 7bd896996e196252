"""From a data point to what one panel of a picture shows: a slice, where it lies, and words around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from eisen._core.types import DataPoint, Geometry

__all__ = ["CLASSES", "MISSING", "Look", "Panel", "colour_of", "panel", "range_of", "readable"]

MISSING = (232, 66, 52)
"""The colour of voxels that are not a number."""

CLASSES = ["3ec1d3", "f6a04d", "ef6fb8", "9ad14b", "c59bff", "ffe066", "ff6b5e", "6f9bff"]


@dataclass(frozen=True)
class Panel:
    """One panel.

    Args:
        pixels: Values 0 to 1, shape (rows, columns) or (rows, columns, 3).
        spacing: Width and height of a pixel in millimetres.
        title: Words above.
        caption: Words below.
        outlines: Label map of the same rows and columns, drawn as outlines.
        letters: Where the left and the upper side of the picture are in the body, e.g. "RA"; empty: not shown.
    """

    pixels: Any
    spacing: tuple[float, float] = (3.4, 3.4)
    title: str = ""
    caption: str = ""
    outlines: Any = None
    letters: str = ""


@dataclass(frozen=True)
class Look:
    """How a field is shown.

    Args:
        field: The field.
        outline: Label field whose outlines are drawn; empty: none.
        window: What is black and what is white; None: the range of the slice.
        caption: "range" of the slice, "grid", label "values", or "".
        labels: Whether the field is a label map, shown in colours.
        under: Image field shown under a label map.
        in_mm: Whether pixels have the size of their voxels; False shows all of them alike, as a network sees them.
        last_axis_first: Cut along the first axis, for arrays with the axes (z, y, x).
        picture: Whether the field is a picture with the axes (colour, row, column).
        channel: Channel that is shown; -1 takes three channels as red, green and blue.
    """

    field: str
    outline: str = ""
    window: tuple[float, float] | None = None
    caption: str = "range"
    labels: bool = False
    under: str = ""
    in_mm: bool = True
    last_axis_first: bool = False
    picture: bool = False
    channel: int = 0


def panel(data: DataPoint, look: Look, title: str = "") -> Panel:
    """Return the panel of one field of a data point."""
    if look.picture:
        return Panel(np.moveaxis(np.asarray(data[look.field]), 0, -1) / 255, title=title, caption=look.caption)
    data = _axes_reversed(data) if look.last_axis_first else readable(data)
    number = _slice_number(data, look)
    cut = _slice(data[look.field], number, look.channel)
    pixels = _coloured(data, look, cut, number) if look.labels else _windowed(cut, look.window or range_of(cut))
    outlines = _slice(data[look.outline], number) if look.outline in data else None
    grid = data.get(f"{look.field}_meta")
    spacing = grid.spacing[:2] if isinstance(grid, Geometry) and look.in_mm else (3.4, 3.4)
    letters = _letters(grid) if look.caption == "grid" and isinstance(grid, Geometry) else ""
    return Panel(pixels, spacing, title, _caption(data, look, cut), outlines, letters)


def range_of(values: Any) -> tuple[float, float]:
    """Return the least and the greatest value that is a number."""
    finite = values[np.isfinite(values)]
    return float(finite.min()), float(finite.max())


def colour_of(value: int) -> tuple[int, int, int]:
    """Return the colour of a class from 1."""
    code = CLASSES[(int(value) - 1) % len(CLASSES)]
    return int(code[:2], 16), int(code[2:4], 16), int(code[4:], 16)


def readable(data: DataPoint) -> DataPoint:
    """Return a data point with the images of nibabel and SimpleITK as arrays, axes as in the image."""
    from eisen.transforms import ITKToNumpy, NiftiToNumpy

    data = NiftiToNumpy([name for name, value in data.items() if hasattr(value, "dataobj")])(data)
    for name in [name for name, value in data.items() if hasattr(value, "GetSize")]:
        data |= _axes_reversed(ITKToNumpy([name])({name: data[name]}))
    return data


def _axes_reversed(data: DataPoint) -> DataPoint:
    """Return volumes with the axes (z, y, x) as (x, y, z)."""
    turned = {name: value.T for name, value in data.items() if hasattr(value, "T")}
    grids = {name: value for name, value in data.items() if isinstance(value, Geometry)}
    return turned | {n: Geometry.of(grid.affine[:, [2, 1, 0, 3]], grid.shape[::-1]) for n, grid in grids.items()}


def _slice_number(data: DataPoint, look: Look) -> int:
    """Return the slice through the middle of the body, whatever was done to the axes."""
    depth = np.asarray(data[look.field]).shape[-1]
    grid = data.get(f"{look.field}_meta")
    if not isinstance(grid, Geometry):
        return depth // 2
    index = np.linalg.inv(grid.affine) @ [0, 0, 0, 1]
    return int(np.clip(round(float(index[2])), 0, depth - 1))


def _slice(values: Any, number: int, channel: int = 0) -> Any:
    """Return rows and columns: the first spatial axis goes to the right, the second one down."""
    array = np.asarray(values)
    if array.ndim == 2:
        return array.T
    cut = array[..., min(number, array.shape[-1] - 1)]
    if cut.ndim == 2:
        return cut.T
    return np.moveaxis(cut, 0, -1).transpose(1, 0, 2) if channel < 0 else cut[channel].T


def _windowed(cut: Any, window: tuple[float, float]) -> Any:
    low, high = window
    grey = np.clip((cut.astype("float64") - low) / max(high - low, 1e-9), 0, 1)
    if np.isfinite(cut).all():
        return grey
    return np.where(np.isfinite(cut)[..., None], np.stack([grey] * 3, -1), np.array(MISSING) / 255)


def _coloured(data: DataPoint, look: Look, cut: Any, number: int) -> Any:
    under = _slice(data[look.under], number) if look.under else np.zeros(cut.shape)
    grey = 0.4 * _windowed(under, look.window or range_of(under))
    rgb = np.stack([grey] * 3, -1)
    for value in np.unique(cut[cut > 0]):
        rgb[cut == value] = np.array(colour_of(value)) / 255
    return rgb


def _caption(data: DataPoint, look: Look, cut: Any) -> str:
    if look.caption == "range":
        return " … ".join(_number(value) for value in range_of(cut))
    if look.caption == "values":
        values = [str(int(value)) for value in np.unique(np.asarray(data[look.field]))]
        return f"values {', '.join(values)}" if len(values) < 9 else f"values 0 … {values[-1]}"
    if look.caption == "grid":
        grid = data[f"{look.field}_meta"]
        sizes = ["×".join(str(n) for n in grid.shape), "×".join(f"{round(mm, 1):g}" for mm in grid.spacing)]
        return f"{sizes[0]},  {sizes[1]} mm"
    return look.caption


def _number(value: float) -> str:
    if abs(value) < 1e-3:
        return "0"
    return (f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}").replace("-", "\u2212")


def _letters(grid: Geometry) -> str:
    """Return the sides of the body at the left and at the top of the picture."""
    found = ""
    for axis in range(2):
        column = grid.affine[:3, axis]
        body = int(np.abs(column).argmax())
        found += ("LPI" if column[body] > 0 else "RAS")[body]
    return found
