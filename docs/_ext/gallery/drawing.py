"""Panels to a PNG: small, of one size, readable on a light and on a dark page."""

from __future__ import annotations

import io
import math
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gallery.panels import CLASSES, MISSING, Panel, colour_of

__all__ = ["PANEL", "columns", "draw_panels", "draw_small"]

PANEL = (236, 200)
"""Width and height of a panel in pixels, without its words."""

_GAP, _TITLE, _CAPTION, _OUTLINE, _PIXELS_PER_MM = 8, 26, 24, 2, 2 / 3.4
_PAPER, _PLACE, _FRAME = (24, 26, 30), (34, 37, 42), (92, 97, 105)
_BRIGHT, _DIM = (238, 238, 238), (182, 186, 192)


def columns(panels: list[Panel], n_columns: int = 0) -> int:
    """Return how many panels stand side by side."""
    return n_columns or min(len(panels), 4)


def draw_panels(panels: list[Panel], n_columns: int = 0) -> bytes:
    """Return the PNG of some panels, row by row."""
    n_columns = columns(panels, n_columns)
    width, height = PANEL[0] + _GAP, PANEL[1] + _TITLE + _CAPTION + _GAP
    n_rows = math.ceil(len(panels) / n_columns)
    sheet = Image.new("RGB", (n_columns * width + _GAP, n_rows * height + _GAP), _PAPER)
    scale = min(_PIXELS_PER_MM, *(_fitting(panel) for panel in panels))
    for number, panel in enumerate(panels):
        row, column = divmod(number, n_columns)
        _draw(sheet, panel, (_GAP + column * width, _GAP + row * height), scale)
    return _png(sheet)


def draw_small(panel: Panel) -> bytes:
    """Return the PNG of one panel without its words, half as large."""
    sheet = Image.new("RGB", (PANEL[0] + _GAP, PANEL[1] + _TITLE + _CAPTION), _PAPER)
    _draw(sheet, panel, (_GAP // 2, 0), min(_PIXELS_PER_MM, _fitting(panel)))
    area = sheet.crop((_GAP // 2, _TITLE, _GAP // 2 + PANEL[0], _TITLE + PANEL[1]))
    return _png(area.resize((PANEL[0] // 2, PANEL[1] // 2), Image.Resampling.BOX))


def _png(sheet: Image.Image) -> bytes:
    buffer = io.BytesIO()
    _with_few_colours(sheet).save(buffer, "PNG", optimize=True)
    return buffer.getvalue()


def _fitting(panel: Panel) -> float:
    """Return the pixels per millimetre that make a panel as large as there is room."""
    rows, n = panel.pixels.shape[:2]
    return min((PANEL[0] - 4) / (n * panel.spacing[0]), (PANEL[1] - 4) / (rows * panel.spacing[1]))


def _draw(sheet: Image.Image, panel: Panel, corner: tuple[int, int], scale: float) -> None:
    """Draw one panel, its frame and its words."""
    rows, n = panel.pixels.shape[:2]
    size = max(1, round(n * panel.spacing[0] * scale)), max(1, round(rows * panel.spacing[1] * scale))
    left, top = corner[0] + (PANEL[0] - size[0]) // 2, corner[1] + _TITLE + (PANEL[1] - size[1]) // 2
    pencil = ImageDraw.Draw(sheet)
    area = (corner[0], corner[1] + _TITLE)
    pencil.rectangle((*area, area[0] + PANEL[0] - 1, area[1] + PANEL[1] - 1), fill=_PLACE)
    pencil.rectangle((left - 1, top - 1, left + size[0], top + size[1]), outline=_FRAME)
    sheet.paste(_enlarged(panel, size), (left, top))
    middle = corner[0] + PANEL[0] // 2
    pencil.text((middle, corner[1] + _TITLE // 2), panel.title, _BRIGHT, _font(16), anchor="mm")
    pencil.text((middle, area[1] + PANEL[1] + _CAPTION // 2), panel.caption, _DIM, _font(15), anchor="mm")
    outlined: dict[str, Any] = {"fill": _BRIGHT, "font": _font(15), "stroke_width": 2, "stroke_fill": (0, 0, 0)}
    if panel.letters:
        pencil.text((left + 4, top + size[1] // 2), panel.letters[0], anchor="lm", **outlined)
        pencil.text((left + size[0] // 2, top + 4), panel.letters[1], anchor="mt", **outlined)


def _with_few_colours(sheet: Image.Image) -> Image.Image:
    """Return a picture of 64 greys and the colours of the classes, or of its own colours if it has many others."""
    values = np.asarray(sheet).reshape(-1, 3)
    coloured = values[np.ptp(values, axis=1) > 24]
    if len(np.unique(coloured, axis=0)) > 32:
        return sheet.quantize(128, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    palette = Image.new("P", (1, 1))
    greys = [[round(i * 255 / 63)] * 3 for i in range(64)]
    special = [_PAPER, _PLACE, _FRAME, MISSING, *(colour_of(i + 1) for i in range(len(CLASSES)))]
    palette.putpalette([number for colour in [*greys, *special] for number in colour])
    return sheet.quantize(palette=palette, dither=Image.Dither.NONE)


def _enlarged(panel: Panel, size: tuple[int, int]) -> Image.Image:
    """Return the pixels in another size, each a small rectangle as the scanner made it, with outlines on top."""
    picture = Image.fromarray((panel.pixels * 255).round().astype("uint8")).convert("RGB").resize(size, 0)
    if panel.outlines is None:
        return picture
    label = np.asarray(Image.fromarray(panel.outlines.astype("uint8")).resize(size, 0))
    values = np.array(picture)
    for value in np.unique(label[label > 0]):
        values[_rim(label == value)] = colour_of(value)
    return Image.fromarray(values)


def _rim(inside: Any) -> Any:
    """Return the outermost pixels of a region."""
    core = inside
    for _ in range(_OUTLINE):
        around = np.pad(core, 1)
        core = around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:] & core
    return inside & ~core


@cache
def _font(size: int) -> Any:
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf", size)
