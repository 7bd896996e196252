"""The patients of the gallery: an abdomen in an MR scanner and a chest in a CT scanner, in the size of an adult."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from eisen._core.types import Geometry
from eisen.datasets.phantom_anatomy import Anatomy, draw

__all__ = ["GRID", "abdomen", "chest"]

GRID = (112, 92, 20)
_SPACING = (3.4, 3.4, 5.0)
_SCALE = 7.5
"""The library draws a body 43 mm wide, which is quick; this makes an adult of it."""


@cache
def abdomen(seed: int = 7, scale: float = 1000.0) -> tuple[Any, Any, Geometry]:
    """Return an MR image (float32, 0 to about `scale`), its label (1 liver, 2 spleen, 3 kidneys) and its geometry."""
    body, grid = _body(seed)
    draw(body)
    textured = body.image * (1 + 0.03 * body.waves(3, 10)) * np.exp(0.08 * body.waves(60, 3))
    noise = body.random.normal(0, 0.02, (2, *GRID))
    image = np.hypot(textured + noise[0], noise[1]) * scale
    return image.astype("float32"), body.label, grid


@cache
def chest(seed: int = 3) -> tuple[Any, Any, Geometry]:
    """Return a CT image (int16, Hounsfield units), its label (1 lungs, 2 heart, 3 tumour) and its geometry."""
    body, grid = _body(seed)
    body.image[:] = -1000
    _wall(body)
    for side in (-1, 1):
        _lung(body, side)
    _middle(body)
    tumour = body.ellipsoid((11.5, 4.5, 2.4), (2.1, 1.9, 2.3)) + 0.25 * body.waves(3)
    body.paint(tumour, 35, 3)
    image = body.image + body.random.normal(0, 14, GRID)
    return np.rint(image).astype("int16"), body.label, grid


def _body(seed: int) -> tuple[Anatomy, Geometry]:
    """Return an empty body, and where its voxels are; the axes point left, back and up, as in DICOM."""
    affine = np.diag([-_SPACING[0], -_SPACING[1], _SPACING[2], 1.0])
    affine[:3, 3] = -affine[:3, :3] @ ((np.asarray(GRID) - 1) / 2)
    small = affine.copy()
    small[:3] /= _SCALE
    return Anatomy(np.random.default_rng(seed), small, GRID), Geometry.of(affine, GRID)


def _wall(body: Anatomy) -> None:
    """Draw skin, fat, muscles and ribs."""
    outline = body.ellipsoid((0, 0, 0), (22.5, 16.5, np.inf)) + 0.4 * body.waves(30)
    body.paint(outline, -100)
    body.paint(outline - 1.6, 45 + 8 * body.waves(5))
    around = np.arctan2(body.points[1], body.points[0])
    ribs = np.minimum(0.55 - np.abs(outline - 3.6), 2.2 * np.cos(9 * around + body.points[2] / 1.3) - 1.0)
    body.paint(ribs, 420)
    body.cavity = outline - 4.6


def _lung(body: Anatomy, side: int) -> None:
    """Draw one lung, with vessels in it."""
    lung = body.ellipsoid((side * 9.8, -0.4, 0), (8.6, 11.0, 40)) + 0.3 * body.waves(12)
    lung = np.minimum(lung, body.cavity)
    vessels = np.exp(-np.square(body.waves(7, 4) / 0.12)) * np.clip(lung / 2 - 0.3, 0, 1)
    body.paint(lung, -860 + 25 * body.waves(9) + 620 * vessels, 1)


def _middle(body: Anatomy) -> None:
    """Draw heart, aorta, windpipe, spine and breastbone."""
    body.paint(body.ellipsoid((0, 0, 0), (3.6, 12.0, np.inf)), -80)
    heart = body.ellipsoid((-4.2, 3.2, -1), (7.6, 6.4, 12), (0, 0, 24)) + 0.2 * body.waves(8)
    body.paint(heart, 45, 2)
    body.paint(body.ellipsoid((-5.2, 3.4, -1), (4.2, 3.2, 8), (0, 0, 24)), 150, 2)
    body.paint(body.ellipsoid((-2.8, -6.2, 0), (1.7, 1.7, np.inf)), 190)
    body.paint(body.ellipsoid((0.6, -4.2, 0), (1.2, 1.0, np.inf)), -980)
    body.paint(body.ellipsoid((0, -10.2, 0), (3.0, 2.6, np.inf)), 480)
    body.paint(body.ellipsoid((0, -10.2, 0), (2.3, 1.9, np.inf)), 240 + 30 * body.waves(2))
    body.paint(body.ellipsoid((0, -13.6, 0), (1.2, 1.0, np.inf)), 20)
    body.paint(body.ellipsoid((0, 12.6, 0), (2.2, 0.9, np.inf)), 350)
