"""From slices to small PNG files, with a window that shows most of the values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from eisen_cli.builder.flow.planes import Plane, Volume, is_label_map, planes_of

__all__ = ["histogram_of", "save_pictures", "window_of"]

_LONGEST = 224
_BINS = 40
_SAMPLE = 200_000
_COLOURS = (
    (20, 24, 30),
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (204, 121, 167),
    (240, 228, 66),
    (0, 114, 178),
    (213, 94, 0),
    (160, 160, 170),
)
"""Background and the colours of Okabe and Ito, which everybody can tell apart."""


def save_pictures(field: str, volume: Volume, folder: Path, stem: str) -> dict[str, Any]:
    """Write the slices of a field and return what is known about them as plain data.

    Args:
        field: Name of the field.
        volume: Its voxels.
        folder: Where the files go.
        stem: What their names begin with.
    """
    is_label = is_label_map(field, volume)
    low, high = (0.0, 0.0) if is_label or volume.is_colour else window_of(volume.array)
    planes = []
    for number, plane in enumerate(planes_of(volume)):
        file = f"{stem}_{number}.png"
        _image(plane, is_label, low, high).save(folder / file, optimize=False)
        planes.append(
            {"file": file, "name": plane.name, "left": plane.left, "top": plane.top, "channel": plane.channel}
        )
    window = None if is_label or volume.is_colour else [low, high]
    return {"planes": planes, "is_label": is_label, "n_channels": len(volume.array), "window": window}


def window_of(array: Any) -> tuple[float, float]:
    """Return the range of values that is shown from black to white: all but the outermost half percent on each side.

    Example:
        >>> window_of(np.arange(1001.0))
        (5.0, 995.0)
    """
    values = _finite(array)
    if not values.size:
        return 0.0, 1.0
    low, high = (float(value) for value in np.percentile(values, [0.5, 99.5]))
    if low == high:
        low, high = float(values.min()), float(values.max())
    return low, high


def histogram_of(array: Any) -> dict[str, Any] | None:
    """Return how often values occur, as plain data; None where there are no numbers.

    Example:
        >>> histogram_of(np.arange(80.0))["counts"][:3]
        [2, 2, 2]
    """
    values = _finite(array)
    if values.size < 2 or values.min() == values.max():
        return None
    counts, edges = np.histogram(values, bins=_BINS)
    return {"low": float(edges[0]), "high": float(edges[-1]), "counts": counts.tolist()}


def _finite(array: Any) -> Any:
    step = max(1, array.size // _SAMPLE)
    values = np.asarray(array).reshape(-1)[::step].astype("float64")
    return values[np.isfinite(values)]


def _image(plane: Plane, is_label: bool, low: float, high: float) -> Any:
    from PIL import Image

    if plane.pixels.ndim == 3:
        image = Image.fromarray(np.ascontiguousarray(plane.pixels))
    elif is_label:
        image = Image.fromarray(_coloured(plane.pixels))
    else:
        image = Image.fromarray(_grey(plane.pixels, low, high))
    height, width = (n * size for n, size in zip(plane.pixels.shape[:2], plane.size, strict=True))
    scale = _LONGEST / max(height, width, 1e-9)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    is_smaller = size[0] < image.width and not is_label
    return image.resize(size, Image.Resampling.BOX if is_smaller else Image.Resampling.NEAREST)


def _grey(pixels: Any, low: float, high: float) -> Any:
    values = np.nan_to_num(np.asarray(pixels, dtype="float64"), nan=low, posinf=high, neginf=low)
    shown = np.clip((values - low) / ((high - low) or 1.0), 0, 1)
    return np.ascontiguousarray((shown * 255).astype("uint8"))


def _coloured(pixels: Any) -> Any:
    """Return a colour per class: 0 is dark, the others take turns."""
    classes = np.asarray(pixels).astype("int64")
    turns = np.where(classes == 0, 0, (classes - 1) % (len(_COLOURS) - 1) + 1)
    return np.ascontiguousarray(np.array(_COLOURS, dtype="uint8")[turns])
