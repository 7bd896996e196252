"""Elastic deformations of the body: where tissue went, where it came from, and whether it folded.

A `Warp` says that position x shows the tissue of x + displacement(x). The way back has no formula; it is found by a
fixed-point iteration, which converges as long as tissue does not fold.

Source: Y. Choi and S. Lee, Injectivity conditions of 2D and 3D uniform cubic B-spline functions, Graphical Models
62(6), 2000; M. Chen et al., A simple fixed-point approach to invert a deformation field, Medical Physics 35(1), 2008.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eisen._core.types import Array, Warp
from eisen.transforms.functional.tensors import as_tensor
from eisen.transforms.functional.warp import bspline_weights

__all__ = ["deformed", "folds", "undeformed"]

_SAFE = 0.4
"""Control points that move less than this part of their distance cannot fold 3-D space (Choi and Lee, 2000)."""

_ITERATIONS = 50
_TOLERANCE_MM = 1e-3
_SAMPLES = 4  # per interval between control points, when a deformation is looked at for folds


def deformed(warp: Warp, positions: Any) -> Any:
    """Return where in the body the tissue is that positions show: x + displacement(x).

    Args:
        warp: The deformation.
        positions: float32 tensor (n, 3), RAS+ mm.

    Example:
        >>> import torch
        >>> push = Warp(np.full((4, 4, 4, 3), 2.0), np.eye(4), (8, 8, 8))
        >>> deformed(push, torch.tensor([[1.0, 2.0, 3.0]]))
        tensor([[3., 4., 5.]])
    """
    return positions + _Displacement(warp)(positions)


def undeformed(warp: Warp, positions: Any) -> Any:
    """Return the positions that show the tissue of given places in the body: the inverse of `deformed`.

    Args:
        warp: The deformation.
        positions: float32 tensor (n, 3), RAS+ mm.

    Returns:
        Tensor (n, 3), right to a thousandth of a millimetre where tissue is not folded.

    Example:
        >>> import torch
        >>> push = Warp(np.full((4, 4, 4, 3), 2.0), np.eye(4), (8, 8, 8))
        >>> undeformed(push, torch.tensor([[3.0, 4.0, 5.0]])).round()
        tensor([[1., 2., 3.]])
    """
    import torch

    displacement = _Displacement(warp)
    found = positions.clone()
    step = torch.ones_like(positions[:, :1])
    last = torch.full_like(step, torch.inf)
    for _ in range(_ITERATIONS):
        residual = positions - found - displacement(found)
        size = residual.norm(dim=1, keepdim=True)
        if not size.numel() or float(size.max()) < _TOLERANCE_MM:
            break
        step = torch.where(size > last, step / 2, step)  # steep places need smaller steps
        found += step * residual
        last = size
    return found


def folds(points: Array, shape: Sequence[int]) -> bool:
    """Tell whether a displacement by control points turns space inside out somewhere.

    Args:
        points: Control points of a cubic B-spline, shape (k, ..., k, d), displacements in voxels.
        shape: Spatial shape of the grid, d numbers.

    Example:
        >>> points = np.zeros((7, 7, 2))
        >>> points[3, 3] = 20
        >>> folds(points, (32, 32)), folds(points / 20, (32, 32))
        (True, False)
    """
    d = len(shape)
    intervals = np.array(points.shape[:d]) - 3
    length = np.maximum(np.asarray(shape) - 1, 1) / intervals
    if (np.abs(points).reshape(-1, d).max(axis=0) < _SAFE * length).all():
        return False
    at = np.asarray(points, dtype=np.float64)
    for axis, n in enumerate(intervals * _SAMPLES + 1):
        at = np.moveaxis(np.tensordot(bspline_weights(n, points.shape[axis]), at, (1, axis)), 0, axis)
    slopes = np.stack([np.gradient(at, length[axis] / _SAMPLES, axis=axis) for axis in range(d)], axis=-1)
    return bool(np.linalg.det(np.eye(d) + slopes).min() <= 0)


class _Displacement:
    """The displacement of a warp at any position, looked up in the dense field, which is finer than its waves."""

    def __init__(self, warp: Warp) -> None:
        import torch

        field = np.asarray(warp.points, dtype=np.float32)
        for axis, n in enumerate(warp.shape):
            weights = bspline_weights(n, field.shape[axis])
            field = np.moveaxis(np.tensordot(weights, field, (1, axis)), 0, axis)
        self.field = as_tensor(np.ascontiguousarray(np.moveaxis(field, -1, 0)[None]))
        half = np.maximum(np.asarray(warp.shape) - 1, 1)[:, None] / 2
        to_normal = np.linalg.inv(warp.affine)[:3] / half  # -1 and 1 are the centres of the outermost voxels
        to_normal[:, 3] -= 1
        self.to_normal = torch.from_numpy(np.ascontiguousarray(to_normal[::-1])).float()

    def __call__(self, positions: Any) -> Any:
        import torch

        grid = torch.addmm(self.to_normal[:, 3], positions, self.to_normal[:, :3].T).view(1, 1, 1, -1, 3)
        sampled = torch.nn.functional.grid_sample(self.field, grid, "bilinear", "border", align_corners=True)
        return sampled.reshape(3, -1).T
