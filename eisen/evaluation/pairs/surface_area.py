"""How much surface passes through the corner between voxels: one number per pattern of the voxels around it.

A pattern is the 2 x 2 x 2 voxels around a corner (in 2-D, 2 x 2 pixels), one bit each. The surface runs through the
middles of the edges between a voxel inside and one outside, as in marching cubes. Inside voxels that do not share a
face are cut off one by one, so six connected shapes are all there are (in 2-D, two); a pattern and its opposite have
the same surface.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import product

import numpy as np
import numpy.typing as npt

__all__ = ["bits_of_block", "surface_of_patterns"]

_Place = tuple[int, ...]
_Floats = npt.NDArray[np.float64]


def bits_of_block(n_axes: int) -> list[_Place]:
    """Return the place in the block that each bit of a pattern stands for, lowest bit first.

    Args:
        n_axes: Two or three.

    Example:
        >>> bits_of_block(2)
        [(0, 0), (0, 1), (1, 0), (1, 1)]
    """
    return list(product((0, 1), repeat=n_axes))


@lru_cache(maxsize=64)
def surface_of_patterns(spacing: tuple[float, ...]) -> _Floats:
    """Return the area in mm² (in 2-D the length in mm) of every pattern.

    Source: Nikolov et al., Clinically applicable segmentation of head and neck anatomy for radiotherapy, 2018/2021;
    the surface is that of Lorensen and Cline, Marching cubes, 1987, with vertices half-way along the edges.

    Args:
        spacing: Distance of voxels in mm, two or three axes.

    Example:
        >>> table = surface_of_patterns((1.0, 1.0, 2.0))
        >>> float(table[0b00001111]), float(table[0b01010101]), float(table[0]), float(table[255])
        (2.0, 1.0, 0.0, 0.0)
    """
    places = bits_of_block(len(spacing))
    table = np.zeros(2 ** len(places))
    for pattern in range(len(table)):
        inside = {place for bit, place in enumerate(places) if pattern >> bit & 1}
        smaller = inside if 2 * len(inside) <= len(places) else set(places) - inside
        table[pattern] = sum(_of_shape(part, spacing) for part in _connected(smaller))
    table.setflags(write=False)
    return table


def _of_shape(part: list[_Place], spacing: tuple[float, ...]) -> float:
    vectors = _flat_vectors(part) if len(spacing) == 3 else _line_vectors(part)
    faces = np.prod(spacing) / np.array(spacing)
    return float(np.linalg.norm(np.array(vectors) * faces, axis=1).sum())


def _line_vectors(part: list[_Place]) -> list[_Place | tuple[float, ...]]:
    """Normals of the contour around one pixel or two, as long as the contour is on pixels of size 1."""
    if len(part) == 1:
        return [(0.5, 0.5)]
    along = _steps(part)[0]
    return [_unit(1 - along, 1.0, 2)]


def _flat_vectors(part: list[_Place]) -> list[tuple[float, ...]]:
    """Normals of the triangles around one to four voxels, as long as their area is on voxels of size 1."""
    steps = _steps(part)
    axes = set(steps)
    if len(part) == 1:  # a triangle that cuts a corner
        return [(1 / 8, 1 / 8, 1 / 8)]
    if len(part) == 2:  # a rectangle, slanted over two axes
        return [tuple(0.0 if axis in axes else 1 / 2 for axis in range(3))]
    if len(axes) == 2:  # three or four in one plane
        (normal,) = set(range(3)) - axes
        if len(part) == 4:
            return [_unit(normal, 1.0, 3)]
        return [_unit(normal, 1 / 2, 3), (3 / 8, 3 / 8, 3 / 8)]
    if max(_n_neighbours(part)) == 3:  # one voxel and its three neighbours: a hexagon
        return [(3 / 4, 3 / 4, 3 / 4)]
    (first, middle, last) = _path(part)
    return [_two(first, middle), _two(last, middle), (1 / 2, 1 / 2, 1 / 2)]


def _connected(places: set[_Place]) -> list[list[_Place]]:
    """Return the parts of a set of voxels that hang together by faces."""
    parts: list[list[_Place]] = []
    rest = set(places)
    while rest:
        part = [rest.pop()]
        for place in part:
            near = {other for other in rest if _are_neighbours(place, other)}
            rest -= near
            part.extend(sorted(near))
        parts.append(part)
    return parts


def _are_neighbours(one: _Place, other: _Place) -> bool:
    return sum(a != b for a, b in zip(one, other, strict=True)) == 1


def _steps(part: list[_Place]) -> list[int]:
    """Return the axis of every pair of neighbours."""
    return [
        next(axis for axis in range(len(one)) if one[axis] != other[axis])
        for number, one in enumerate(part)
        for other in part[:number]
        if _are_neighbours(one, other)
    ]


def _n_neighbours(part: list[_Place]) -> list[int]:
    return [sum(_are_neighbours(place, other) for other in part) for place in part]


def _path(part: list[_Place]) -> tuple[int, int, int]:
    """Return the axes of the three steps along four voxels in a row that turns twice."""
    inner = [place for place, n in zip(part, _n_neighbours(part), strict=True) if n == 2]
    (middle,) = _steps(inner)
    first, last = sorted(set(range(3)) - {middle})
    return first, middle, last


def _unit(axis: int, length: float, n_axes: int) -> tuple[float, ...]:
    return tuple(length if other == axis else 0.0 for other in range(n_axes))


def _two(one: int, other: int) -> tuple[float, ...]:
    return tuple(1 / 4 if axis in (one, other) else 0.0 for axis in range(3))
