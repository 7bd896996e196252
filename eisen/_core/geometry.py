"""Where the voxels of an array are in the body."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from eisen._core.errors import GeometryError

__all__ = ["Affine", "Array", "Geometry", "Warp", "grid_tolerance_mm", "shear_degrees"]

Array = npt.NDArray[Any]
"""A NumPy array of any type."""

Affine = npt.NDArray[np.float64]
"""4 x 4, maps voxel indices (i, j, k, 1) to RAS+ millimetres."""


@dataclass(frozen=True, eq=False)
class Warp:
    """A smooth deformation: a position x in millimetres shows the tissue that is at x + displacement(x) in the body.

    The displacement is a uniform cubic B-spline over a grid of voxels; beyond the grid it goes on as at the rim.

    Args:
        points: Displacement in RAS+ mm of each control point, shape (a, b, c, 3), at least 4 along each axis.
        affine: 4 x 4, voxel index to RAS+ millimetres, of the grid the control points span.
        shape: Shape of that grid, 3 numbers.

    Example:
        >>> warp = Warp(np.zeros((7, 7, 7, 3), "float32"), np.eye(4), (64, 64, 20))
        >>> warp == Warp(warp.points + 1, np.eye(4), (64, 64, 20))
        False
    """

    points: Array
    affine: Affine
    shape: tuple[int, ...]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Warp):
            return NotImplemented
        return self is other or (
            self.shape == other.shape
            and np.array_equal(self.affine, other.affine)
            and np.array_equal(self.points, other.points)
        )

    __hash__ = None  # type: ignore[assignment]  # holds arrays


def shear_degrees(affine: Affine) -> float:
    """Return by how many degrees, at most, two axes of an affine are off a right angle.

    Example:
        >>> affine = np.eye(4)
        >>> affine[0, 2] = np.tan(np.deg2rad(15))
        >>> round(shear_degrees(affine), 6)
        15.0
    """
    axes = affine[:3, :3] / np.linalg.norm(affine[:3, :3], axis=0)
    cosines = np.abs(axes.T @ axes)[np.triu_indices(3, 1)]
    return float(np.degrees(np.arcsin(min(1.0, cosines.max()))))


def grid_tolerance_mm(spacing: Sequence[float]) -> float:
    """Return how far a voxel may be off and still count as the same place: 0.1 mm, or a tenth of the finest spacing.

    Example:
        >>> grid_tolerance_mm([1.0, 1.0, 3.0]), grid_tolerance_mm([0.25, 0.25, 1.0])
        (0.1, 0.025)
    """
    return 0.1 * min(1.0, *spacing)


@dataclass(frozen=True, eq=False)
class Geometry:
    """Where the voxels of an array are in the body.

    Every spatial transform that knows its effect writes a new record. The grid of the file stays in
    `native_affine` and `native_shape`, so a result can be brought back to it: the voxels of both grids have
    positions in the same millimetres, whatever the steps in between were. The voxel at `index` is at
    ``w1(w2(... (affine @ index)))`` where w1, w2, ... are the `warps`, most often none.

    Args:
        affine: 4 x 4, voxel index to RAS+ millimetres, of the array as it is now.
        shape: Spatial shape of the array as it is now (no channel axis), 3 numbers.
        native_affine: The same, of the file.
        native_shape: The same, of the file.
        source: File name the voxels came from.
        history: Names of the spatial steps so far, oldest first.
        invertible: False once a step moved voxels in a way that cannot be undone: tissue folded, or the step does not
            tell what it did.
        warps: Elastic deformations so far, oldest first.

    Example:
        >>> grid = Geometry.of(np.diag([1.0, 1.0, 3.0, 1.0]), (64, 64, 20))
        >>> grid.spacing
        (1.0, 1.0, 3.0)
        >>> moved = grid.moved(np.diag([1.0, 1.0, 1.0, 1.0]), (64, 64, 60), "Resample")
        >>> moved.native_shape, moved.history
        ((64, 64, 20), ('Resample',))
    """

    affine: Affine
    shape: tuple[int, ...]
    native_affine: Affine
    native_shape: tuple[int, ...]
    source: str = ""
    history: tuple[str, ...] = ()
    invertible: bool = True
    warps: tuple[Warp, ...] = ()

    def __post_init__(self) -> None:
        _teach_torch_to_collate()

    @classmethod
    def of(cls, affine: Any, shape: Sequence[int], source: str = "") -> Geometry:
        """Return the record of an array fresh from its file."""
        matrix = np.array(affine, dtype=np.float64)
        if not _spans_space(matrix):
            raise GeometryError(
                f"the affine of {source or 'the image'} does not span space: {matrix.tolist()}",
                expected="4 x 4 finite numbers, voxel index to RAS+ millimetres, with three independent axes",
                to_do="repair the header of the file (sform and qform) and try again",
                file=source,
            )
        size = tuple(int(n) for n in shape)
        return cls(matrix, size, matrix, size, source)

    def moved(
        self, affine: Any, shape: Sequence[int], step: str, *, invertible: bool = True, warp: Warp | None = None
    ) -> Geometry:
        """Return the record after a spatial step that led to this affine and shape, and to this warp if it bent."""
        return replace(
            self,
            affine=np.array(affine, dtype=np.float64),
            shape=tuple(int(n) for n in shape),
            history=(*self.history, step),
            invertible=self.invertible and invertible,
            warps=self.warps if warp is None else (*self.warps, warp),
        )

    @property
    def spacing(self) -> tuple[float, ...]:
        """Edge lengths of a voxel in millimetres, one per array axis."""
        return tuple(float(length) for length in np.linalg.norm(self.affine[:3, :3], axis=0))

    @property
    def shear_degrees(self) -> float:
        """How far the two axes that meet at the worst angle are from a right one; 0 for a proper grid.

        Example:
            >>> sheared = Geometry.of([[1, 0.2, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], (4, 4, 4))
            >>> round(sheared.shear_degrees, 1)
            11.3
        """
        return shear_degrees(self.affine)

    @property
    def native(self) -> Geometry:
        """The record of the file, as if no step had been taken."""
        return Geometry.of(self.native_affine, self.native_shape, self.source)

    @property
    def tolerance_mm(self) -> float:
        """How far a corner may be off and still count as the same place."""
        return grid_tolerance_mm(self.spacing)

    def corners(self) -> npt.NDArray[np.float64]:
        """Return the RAS+ positions in millimetres of the eight corner voxels, shape (8, 3)."""
        last = [max(n - 1, 0) for n in self.shape]
        index = np.array([[i, j, k, 1.0] for i in (0, last[0]) for j in (0, last[1]) for k in (0, last[2])])
        return np.asarray(index @ self.affine[:3].T)

    def displacement_mm(self, other: Geometry) -> float:
        """Return how far, at most, a corner voxel lies from the same corner of another grid, in millimetres."""
        return float(np.linalg.norm(self.corners() - other.corners(), axis=1).max())

    def __reduce__(self) -> Any:
        return Geometry, (
            self.affine,
            self.shape,
            self.native_affine,
            self.native_shape,
            self.source,
            self.history,
            self.invertible,
            self.warps,
        )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Geometry):
            return NotImplemented
        return (
            self.shape == other.shape
            and self.native_shape == other.native_shape
            and np.array_equal(self.affine, other.affine)
            and np.array_equal(self.native_affine, other.native_affine)
            and self.warps == other.warps
        )

    __hash__ = None  # type: ignore[assignment]  # holds arrays


def _spans_space(matrix: Affine) -> bool:
    """Tell whether an affine is one: finite, of a size found on earth, with three independent axes."""
    if matrix.shape != (4, 4) or not np.isfinite(matrix).all() or np.abs(matrix).max() > 1e9:
        return False
    lengths = np.linalg.norm(matrix[:3, :3], axis=0)
    return bool(lengths.min() > 1e-9 and abs(np.linalg.det(matrix[:3, :3] / lengths)) > 1e-6)


_torch_knows = False


def _teach_torch_to_collate() -> None:
    """Let torch's own default_collate keep geometry records as a list, for scripts with a plain DataLoader."""
    global _torch_knows
    if not _torch_knows and "torch.utils.data" in sys.modules:
        from torch.utils.data._utils.collate import default_collate_fn_map

        default_collate_fn_map[Geometry] = lambda batch, **_: list(batch)
        _torch_knows = True
