"""Drawing one abdomen: a body with liver, spleen and kidneys as a low-resolution MR scanner would see it.

Everything is a signed distance in mm, positive inside, at the positions of the voxels in the body. A tissue is
painted with a soft edge of about one voxel, which is the partial-volume effect; the label is where the distance is
positive. Positions are RAS+ mm, the origin in the middle of the trunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eisen._core.types import Affine, Array

__all__ = ["KIDNEYS", "LIVER", "SPLEEN", "Anatomy", "Triple", "draw", "turned"]

Triple = Sequence[float] | Array
"""Three numbers, for the x, y and z axis."""

LIVER, SPLEEN, KIDNEYS = 1, 2, 3


@dataclass
class Anatomy:
    """The body of one case: random numbers, and the voxels to draw on.

    Args:
        random: Source of everything that differs between cases.
        affine: 4 x 4, voxel index to RAS+ mm, where the body lies.
        shape: Number of voxels along the three axes.
    """

    random: np.random.Generator
    affine: Affine
    shape: tuple[int, int, int]

    def __post_init__(self) -> None:
        pose = turned(self.random.normal(0, 4, 3))  # how the patient lies on the table, degrees
        index = np.indices(self.shape, dtype=np.float32)
        self.points = rotated(pose @ self.affine[:3, :3], index) + column(pose @ self.affine[:3, 3])
        self.edge = float(np.linalg.norm(self.affine[:3, :3], axis=0).mean())
        self.image = np.zeros(self.shape, np.float32)
        self.label = np.zeros(self.shape, np.uint8)
        self.cavity: Array = np.full(self.shape, np.inf, np.float32)  # distance into the room inside the muscles

    def around(self, middle: float, spread: float) -> float:
        """Return a random number near `middle`, never farther than twice the spread."""
        return float(middle + spread * np.clip(self.random.standard_normal(), -2, 2))

    def waves(self, length: float, n: int = 5) -> Array:
        """Return a smooth random field of unit strength whose waves are about `length` mm long."""
        total = np.zeros(self.shape, np.float32)
        for _ in range(n):
            direction = self.random.standard_normal(3)
            k = 2 * np.pi / (length * self.random.uniform(0.7, 1.5)) * direction / np.linalg.norm(direction)
            total += np.cos(self.along(k) + self.random.uniform(0, 2 * np.pi))
        return total * float(np.sqrt(2 / n))

    def along(self, direction: Triple) -> Array:
        """Return the coordinate of every voxel along a direction."""
        a, b, c = (float(part) for part in direction)
        x, y, z = self.points
        return np.asarray(a * x + b * y + c * z)

    def ellipsoid(self, center: Triple, radii: Triple, angles: Triple = (0, 0, 0)) -> Array:
        """Return the distance into an ellipsoid; a radius of infinity makes a cylinder along that axis."""
        scaled = rotated(turned(angles), self.points - column(center)) / column(radii)
        finite = [r for r in radii if np.isfinite(r)]
        return np.asarray((1 - np.sqrt(np.square(scaled).sum(0))) * float(np.mean(finite)))

    def paint(self, inside: Array, value: Array | float, label: int | None = None) -> None:
        """Put a tissue over what is there already.

        Args:
            inside: Distance in mm, positive where the tissue is.
            value: Its brightness, 1 for the brightest.
            label: Its class; None: unlabelled tissue, which takes away the label of what it covers.
        """
        cover = np.clip(0.5 + inside / self.edge, 0, 1)
        self.image += cover * (value - self.image)
        self.label[inside > 0] = label or 0


def draw(body: Anatomy) -> None:
    """Draw all organs into a body, from the skin inwards."""
    half_width, half_depth = body.around(21.5, 1.0), body.around(17.5, 0.8)
    _trunk(body, half_width, half_depth)
    _bowel(body)
    _spine(body, half_depth)
    _liver(body)
    _spleen(body)
    for side in (-1, 1):
        _kidney(body, side)


def turned(degrees: Triple) -> Array:
    """Return the 3 x 3 rotation about the x, then the y, then the z axis."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    return np.asarray(about_z @ about_y @ about_x)


def rotated(matrix: Array, points: Array) -> Array:
    """Return a 3 x 3 matrix applied to every point."""
    x, y, z = points
    return np.stack([float(a) * x + float(b) * y + float(c) * z for a, b, c in matrix])


def column(values: Triple) -> Array:
    """Return three numbers in a shape that broadcasts over points."""
    return np.asarray(values, np.float32)[:, None, None, None]


def _trunk(body: Anatomy, half_width: float, half_depth: float) -> None:
    """Draw skin and fat, the muscles under it, and the fatty tissue between the organs."""
    outline = body.ellipsoid((0, 0, 0), (half_width, half_depth, np.inf)) + 0.5 * body.waves(34)
    fat, muscle = body.around(1.9, 0.4), body.around(1.6, 0.3)
    body.cavity = outline - fat - muscle - 0.3 * body.waves(8)
    body.paint(outline, body.around(0.85, 0.04))
    body.paint(outline - fat, body.around(0.33, 0.04))
    body.paint(body.cavity, body.around(0.7, 0.03) + 0.05 * body.waves(7))


def _bowel(body: Anatomy) -> None:
    """Draw stomach and bowel loops: as bright as the organs, and not to be taken for one."""
    for _ in range(body.random.integers(5, 9)):
        center = (body.around(-3, 4.5), body.around(5, 3), body.around(-6, 9))
        radii = (body.around(3.6, 0.8), body.around(3.0, 0.6), body.around(5, 1.2))
        loop = body.ellipsoid(center, radii, body.random.uniform(-60, 60, 3)) + 0.4 * body.waves(8)
        loop = np.minimum(loop, body.cavity - 1)
        body.paint(loop, body.around(0.36, 0.05))
        body.paint(loop - 1.1, body.around(0.52, 0.1))


def _spine(body: Anatomy, half_depth: float) -> None:
    """Draw vertebral bodies with discs, the canal behind them, the muscles beside, and the great vessels."""
    back, height = 8.5 - half_depth, body.points[2]
    for side in (-1, 1):
        body.paint(body.ellipsoid((side * 4.4, back - 2.2, 0), (3.2, 2.7, np.inf)), body.around(0.33, 0.03))
    rhythm = np.cos(2 * np.pi * height / 9.0 + body.random.uniform(0, 2 * np.pi))
    bone = np.where(rhythm > -0.75, body.around(0.58, 0.04), 0.28)
    body.paint(body.ellipsoid((0, back + 1.5, 0), (3.3, 2.8, np.inf)), bone)
    body.paint(body.ellipsoid((0, back - 2.6, 0), (1.5, 1.4, np.inf)), 0.18)
    body.paint(body.ellipsoid((-1.9, back + 5.6, 0), (1.6, 1.6, np.inf)), body.around(0.95, 0.04))
    body.paint(body.ellipsoid((2.4, back + 5.2, 0), (1.8, 1.3, np.inf)), body.around(0.88, 0.04))


def _liver(body: Anatomy) -> None:
    """Draw the liver: a wedge under the right ribs that thins out towards the left, with vessels in it."""
    center = (body.around(5.5, 0.7), body.around(1.5, 0.7), body.around(6, 1.5))
    radii = (body.around(14, 0.8), body.around(13, 0.8), body.around(14, 1.0))
    lobe = body.ellipsoid(center, radii, body.random.normal(0, 5, 3))
    slope = turned((0, body.around(-38, 5), body.around(14, 5))) @ (1, 0, 0)
    wedge = body.along(slope) - body.around(1.5, 0.7)
    inside = np.minimum(np.minimum(lobe, wedge) + 0.5 * body.waves(14), body.cavity - 0.6)
    vessels = np.exp(-np.square(body.waves(13, 4) / 0.13))
    body.paint(inside, body.around(0.5, 0.03) + 0.02 * body.waves(4, 8) - 0.14 * vessels, LIVER)


def _spleen(body: Anatomy) -> None:
    """Draw the spleen: a crescent along the left ribs."""
    center = np.array([body.around(-13, 0.6), body.around(-2.5, 0.8), body.around(7, 1.5)])
    radii = (body.around(5.2, 0.4), body.around(8.4, 0.6), body.around(9.5, 0.9))
    whole = body.ellipsoid(center, radii, (0, body.around(8, 5), body.around(-24, 6)))
    hollow = body.ellipsoid(np.add(center, (7.4, 2.6, -1.0)), (6.0, 6.5, 8.5))
    inside = np.minimum(np.minimum(whole, -hollow) + 0.3 * body.waves(10), body.cavity - 0.6)
    body.paint(inside, body.around(0.42, 0.03) + 0.02 * body.waves(3, 8), SPLEEN)


def _kidney(body: Anatomy, side: int) -> None:
    """Draw a kidney: a bean with a bright rind and a dark core, its hollow towards the spine."""
    center = np.array([side * body.around(9.4, 0.5), body.around(-7.2, 0.5), body.around(-7 if side > 0 else -5, 1.5)])
    radii = (body.around(5.2, 0.3), body.around(4.8, 0.3), body.around(9.0, 0.7))
    bean = body.ellipsoid(center, radii, (body.around(10, 4), side * body.around(-10, 4), side * body.around(-25, 8)))
    hollow = body.ellipsoid(np.add(center, (side * -4.4, 2.0, 0)), (2.4, 1.9, 3.2))
    inside = np.minimum(np.minimum(bean, -hollow) + 0.15 * body.waves(8), body.cavity - 0.3)
    rind = body.around(0.48, 0.03)
    body.paint(inside, rind, KIDNEYS)
    body.paint(inside - 2.0, rind - body.around(0.16, 0.02), KIDNEYS)
