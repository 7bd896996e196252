"""Thumbnails: a slice with the outlines of its label, as PNG in text form."""

from __future__ import annotations

import base64
import io

import numpy as np
import numpy.typing as npt

from eisen._core.types import Array
from eisen.datasets.doctor.facts import Preview

__all__ = ["COLOURS", "thumbnail"]

COLOURS = ("#4cc9f0", "#ffb454", "#8bd17c", "#f28b9b", "#c39bff", "#f2e863", "#5fd3bc", "#d9a066")
"""Colours of the label values, in their order, again and again."""

_PIXELS = 176
_GREYS = 240  # entries of the palette before the colours


def thumbnail(preview: Preview, values: list[int]) -> str:
    """Return a slice as a PNG data URI: patient right on the left, true proportions, label outlines on top.

    Args:
        preview: The slice.
        values: All label values of the data set, so that a value has one colour everywhere.
    """
    from PIL import Image

    rows, columns = preview.image.shape
    scale = _PIXELS / max(rows * preview.aspect, columns)
    size = (max(round(columns * scale), 1), max(round(rows * preview.aspect * scale), 1))
    grey = np.asarray(Image.fromarray(preview.image).resize(size, Image.Resampling.BICUBIC), np.float64)
    pixels = np.rint(grey / 255 * (_GREYS - 1)).astype(np.uint8)
    if preview.label is not None:
        label = Image.fromarray(preview.label).resize(size, Image.Resampling.NEAREST)
        _draw_outlines(pixels, np.asarray(label), values)
    image = Image.fromarray(pixels)
    image.putpalette(_palette())
    buffer = io.BytesIO()
    image.save(buffer, "png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _palette() -> list[int]:
    """Return red, green and blue of every entry: greys from black to white, then the colours of the labels."""
    greys = [round(k * 255 / (_GREYS - 1)) for k in range(_GREYS) for _ in range(3)]
    return greys + [int(colour[k : k + 2], 16) for colour in COLOURS for k in (1, 3, 5)]


def _draw_outlines(pixels: npt.NDArray[np.uint8], label: Array, values: list[int]) -> None:
    """Colour the pixels of each label that have another value within two pixels."""
    padded = np.pad(label, 2)
    inner = padded[2:-2, 2:-2]
    steps = [(k, 2) for k in (0, 1, 3, 4)] + [(2, k) for k in (0, 1, 3, 4)]  # two pixels up, down, left and right
    shifted = (padded[k : k + inner.shape[0], m : m + inner.shape[1]] for k, m in steps)
    edge = np.logical_or.reduce([inner != other for other in shifted]) & (inner != 0)
    for number, value in enumerate(values):
        pixels[edge & (inner == value)] = _GREYS + number % len(COLOURS)
