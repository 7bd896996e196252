"""Affine and elastic deformation of whole batches, each element its own way, in one interpolation.

On a GPU all positions are computed there: only matrices and control points travel. Sums of products are written out
instead of matrix products, because those may run in 19 bits (TF32), which would move voxels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from eisen._core.types import Array
from eisen.transforms.functional.warp import bspline_weights, sample, sampling_grid, warp_label

__all__ = ["sampling_grids", "warp_batch"]

Movement = tuple[Array, Array | None]
"""The affine part (d, d + 1) and the control points (k, ..., k, d) or None, as `sampling_grid` takes them."""


def sampling_grids(movements: Sequence[Movement], shape: Sequence[int], device: Any = "cpu") -> Any:
    """Return where in the source each voxel of each element comes from: what `sampling_grid` returns, for a batch.

    Args:
        movements: Affine part and control points of each element; control points for all elements or for none.
        shape: Spatial shape of sources and results, 2 or 3 numbers.
        device: Where the grids are computed.

    Returns:
        float32 tensor of shape (n, *shape, d) on the device.

    Example:
        >>> sampling_grids([(np.eye(2, 3), None)] * 4, (8, 9)).shape
        torch.Size([4, 8, 9, 2])
    """
    import torch

    if torch.device(device).type == "cpu":
        return torch.cat([sampling_grid(shape, matrix, points) for matrix, points in movements])
    return _grids_there(movements, shape, device)


def _grids_there(movements: Sequence[Movement], shape: Sequence[int], device: Any) -> Any:
    """Return the grids, computed on the device."""
    import torch

    d, n = len(shape), len(movements)
    to_edges = 2 / np.maximum(np.asarray(shape, dtype=np.float64), 1)
    normal = np.stack([np.asarray(matrix, dtype=np.float64) for matrix, _ in movements]) * to_edges[:, None]
    normal[..., -1] += to_edges / 2 - 1
    factors = torch.from_numpy(normal[:, ::-1].astype(np.float32).copy()).to(device)
    grids = factors[..., -1].view(n, *[1] * d, d).repeat(1, *shape, 1)
    for axis, size in enumerate(shape):
        index = torch.arange(size, device=device, dtype=torch.float32)
        grids.addcmul_(_along(index, axis, d), factors[..., axis].view(n, *[1] * d, d))
    points = [points for _, points in movements if points is not None]
    if points:
        moved = (np.stack(points) * to_edges)[..., ::-1].astype(np.float32)
        grids += _spread(torch.from_numpy(moved.copy()).to(device), shape)
    return grids


def _spread(points: Any, shape: Sequence[int]) -> Any:
    """Interpolate the control points of a batch (n, k, ..., k, d) along all axes, the first axis last."""
    import torch

    d = len(shape)
    for axis in reversed(range(d)):
        weights = torch.from_numpy(bspline_weights(shape[axis], points.shape[1 + axis])).to(points.device)
        terms = [
            (points.narrow(1 + axis, k, 1), _along(weights[:, k].contiguous(), axis, d))
            for k in range(points.shape[1 + axis])
        ]
        total = terms[0][0] * terms[0][1]
        for at, weight in terms[1:]:
            total.addcmul_(at, weight)
        points = total
    return points


def _along(values: Any, axis: int, d: int) -> Any:
    """Return one number per index of a spatial axis, in the shape of a batch of grids (n, *shape, d)."""
    return values.view(1, *[-1 if a == axis else 1 for a in range(d)], 1)


def warp_batch(values: Any, grids: Any, padding: str = "zeros", interpolation: str = "linear") -> Any:
    """Return a batch looked up at the sampling grids, each element at its own; all channels in one pass.

    Args:
        values: Tensor of shape (n, ..., spatial axes of the grids).
        grids: From `sampling_grids`, on the same device.
        padding: What is outside: "zeros", "min" for the smallest value of the channel (labels: 0), or "border" for the
            nearest voxel of the rim.
        interpolation: "linear" (whole numbers become float32), or "nearest" (no new values, dtype kept).

    Example:
        >>> import torch
        >>> shift = np.array([[1.0, 0, 1], [0, 1, 0]])
        >>> warp_batch(torch.arange(4.0).view(1, 2, 2), sampling_grids([(shift, None)], (2, 2)))
        tensor([[[2., 3.],
                 [0., 0.]]])
    """
    import torch

    d = grids.shape[-1]
    if interpolation == "nearest":
        if values.device.type != "cpu":
            return _looked_up(values, grids, padding)
        pairs = zip(values, grids.split(1), strict=True)
        return torch.stack([warp_label(label, grid, padding) for label, grid in pairs])
    kind = torch.float64 if values.dtype == torch.float64 else grids.dtype
    flat = values.to(kind).reshape(len(values), -1, *values.shape[-d:])
    sampled = sample(flat, grids.to(kind), padding)
    return sampled.reshape(values.shape).to(values.dtype if values.is_floating_point() else kind)


def _looked_up(values: Any, grids: Any, padding: str) -> Any:
    """Return the values at the nearest voxels, computed where the batch is; what `warp_label` does with NumPy."""
    import torch

    d, n = grids.shape[-1], len(values)
    shape = values.shape[-d:]
    flat: Any = 0
    inside: Any = True
    for axis, size in enumerate(shape):
        at = grids[..., d - 1 - axis].mul(size / 2).add_((size - 1) / 2).round_()
        inside = (at >= 0) & (at <= size - 1) & inside
        flat = at.clamp_(0, size - 1).long().add_(flat * size)
    bits = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}[values.element_size()]
    source = values.contiguous().view(bits).reshape(n, -1, int(np.prod(shape)))
    taken = source.gather(2, flat.view(n, 1, -1).expand(-1, source.shape[1], -1))
    if padding != "border":
        taken = taken.masked_fill_(~inside.view(n, 1, -1), 0)
    return taken.view(values.shape).view(values.dtype)
