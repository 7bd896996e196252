"""Affine and elastic deformation in one interpolation.

Every voxel of the result has a position in the source array. All positions together, the sampling grid, are one matrix
product, because both parts separate along the first axis:

    grid[z, (y, x, 3)] = [ Wz | 1 | z ] @ [ T(y, x) ; A(y, x) ; a_z ]

with the affine part ``A(y, x) + a_z * z`` and the displacement ``Wz @ T``, where T holds the control points already
interpolated along the other axes, and W the weights of a uniform cubic B-spline (4 of them not zero per voxel).

Source: D. Rueckert et al., Nonrigid registration using free-form deformations, IEEE TMI 18(8), 1999, eq. 1-3.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from eisen._core.types import Array
from eisen.transforms.functional.tensors import as_array, as_tensor

__all__ = ["bspline_weights", "rotation", "sample", "sampling_grid", "warp_image", "warp_label"]

Float32 = npt.NDArray[np.float32]


def rotation(degrees: Sequence[float] | Array) -> npt.NDArray[np.float64]:
    """Return the matrix that turns by one angle (2-D), or about axis 0, then 1, then 2 (3-D).

    Example:
        >>> rotation([90]).round()
        array([[ 0., -1.],
               [ 1.,  0.]])
    """
    if len(degrees) == 1:
        return _turn(2, 0, 1, degrees[0])
    return _turn(3, 0, 1, degrees[2]) @ _turn(3, 2, 0, degrees[1]) @ _turn(3, 1, 2, degrees[0])


def _turn(n: int, a: int, b: int, degrees: float) -> npt.NDArray[np.float64]:
    matrix, angle = np.eye(n), np.deg2rad(degrees)
    matrix[[a, b], [a, b]] = np.cos(angle)
    matrix[a, b], matrix[b, a] = -np.sin(angle), np.sin(angle)
    return matrix


def bspline_weights(n: int, control_points: int) -> Float32:
    """Return the weights of the control points at each of n voxels: uniform cubic B-spline, each row sums to 1.

    Args:
        n: Voxels along the axis.
        control_points: Control points along the axis, at least 4; the axis spans ``control_points - 3`` intervals.

    Example:
        >>> bspline_weights(2, 4).round(3)
        array([[0.167, 0.667, 0.167, 0.   ],
               [0.   , 0.167, 0.667, 0.167]], dtype=float32)
    """
    at = np.linspace(0, control_points - 3, n)
    first = np.minimum(at.astype(int), control_points - 4)
    u = at - first
    basis = [(1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3]
    weights = np.zeros((n, control_points), dtype=np.float32)
    for k, values in enumerate(basis):
        weights[np.arange(n), first + k] = values / 6
    return weights


def sampling_grid(
    shape: Sequence[int],
    matrix: Array,
    displacement: Array | None = None,
    source: Sequence[int] | None = None,
    part: tuple[slice, ...] | None = None,
) -> Any:
    """Return where in the source each voxel of the result comes from, as `torch.nn.functional.grid_sample` wants it.

    Args:
        shape: Spatial shape of the result, 2 or 3 numbers.
        matrix: Affine part, index of the result to index of the source, shape (d, d + 1).
        displacement: Added to the source index: control points of a cubic B-spline, shape (k, ..., k, d), in voxels.
        source: Spatial shape of the source; None: as the result.
        part: Only this part of the result, one slice with start and stop per axis, bit for bit as it is in the whole;
            without displacement only.

    Returns:
        float32 tensor of shape ``(1, *shape, d)``; coordinates last axis first, -1 and 1 are the outer edges
        (``align_corners=False``).

    Example:
        >>> sampling_grid((1, 2), np.eye(2, 3)).tolist()
        [[[[-0.5, 0.0], [0.5, 0.0]]]]
    """
    import torch

    d = len(shape)
    to_edges = 2 / np.maximum(np.asarray(shape if source is None else source, dtype=np.float64), 1)
    normal = np.asarray(matrix, dtype=np.float64) * to_edges[:, None]
    normal[:, -1] += to_edges / 2 - 1
    normal = normal[::-1]
    index = [np.arange(n)[slice(None) if part is None else part[axis]] for axis, n in enumerate(shape)]
    rest = normal[:, -1] + sum(
        index[axis].reshape([-1 if a == axis else 1 for a in range(1, d)] + [1]) * normal[:, axis]
        for axis in range(1, d)
    )
    first = np.broadcast_to(normal[:, 0], rest.shape)
    if displacement is None:
        z = as_tensor(index[0].astype(np.float32)).view(-1, *[1] * d)
        return torch.addcmul(as_tensor(rest.astype(np.float32)), z, as_tensor(first.astype(np.float32)))[None]
    columns: list[Array] = [np.ones((shape[0], 1)), np.arange(shape[0])[:, None]]
    rows: list[Array] = [rest[None], first[None]]
    columns.insert(0, bspline_weights(shape[0], displacement.shape[0]))
    rows.insert(0, _interpolated(np.asarray(displacement * to_edges)[..., ::-1], shape))
    left = np.concatenate(columns, axis=1).astype(np.float32)
    right = np.concatenate(rows).astype(np.float32).reshape(left.shape[1], -1)
    return torch.mm(as_tensor(left), as_tensor(right)).view(1, *shape, d)


def _interpolated(points: Array, shape: Sequence[int]) -> Array:
    """Interpolate control points along all axes but the first."""
    for axis in range(1, len(shape)):
        weights = bspline_weights(shape[axis], points.shape[axis])
        points = np.moveaxis(np.tensordot(weights, points, (1, axis)), 0, axis)
    return points


def warp_image(array: Any, grid: Any, padding: str = "zeros", interpolation: str = "linear") -> Any:
    """Return the image looked up at the sampling grid; all channels in one pass.

    Args:
        array: Leading axes, then the spatial axes of the grid. Array or tensor.
        grid: From `sampling_grid`.
        padding: What is outside: "zeros", "min" for the smallest value of the channel (labels: 0), or "border" for the
            nearest voxel of the rim.
        interpolation: "linear", or "nearest" (then `warp_label` does it).

    Returns:
        On the grid, as what came in; whole numbers become float32.

    Example:
        >>> warp_image(np.float32([[1, 2], [3, 4]]), sampling_grid((2, 2), np.array([[0, 1, 0], [1, 0, 0]])))
        array([[1., 3.],
               [2., 4.]], dtype=float32)
    """
    import torch

    if interpolation == "nearest":
        return warp_label(array, grid, padding)
    d = grid.shape[-1]
    tensor = array if isinstance(array, torch.Tensor) else as_tensor(as_array(array))
    if not tensor.numel():
        empty = tensor.new_zeros((*tensor.shape[:-d], *grid.shape[1:-1]))
        empty = empty if tensor.is_floating_point() else empty.to(grid.dtype)
        return empty if isinstance(array, torch.Tensor) else empty.numpy()
    grid = grid.to(tensor.device, torch.float64 if tensor.dtype == torch.float64 else grid.dtype)
    batch = tensor.to(grid.dtype).reshape(1, -1, *tensor.shape[-d:])
    sampled = sample(batch, grid, padding)
    sampled = sampled.reshape(*tensor.shape[:-d], *grid.shape[1:-1])
    sampled = sampled.to(tensor.dtype if tensor.is_floating_point() else grid.dtype)
    return sampled if isinstance(array, torch.Tensor) else sampled.numpy()


def sample(batch: Any, grid: Any, padding: str) -> Any:
    """Return a batch (n, channels, ...) interpolated at sampling grids.

    Args:
        batch: Floating-point tensor.
        grid: One grid per element, of the same type and device.
        padding: What is outside: "zeros", "min" or "border".
    """
    import torch

    if padding != "min":
        return torch.nn.functional.grid_sample(batch, grid, "bilinear", padding, align_corners=False)
    low = batch.flatten(2).amin(2).reshape(*batch.shape[:2], *[1] * (batch.ndim - 2))
    return torch.nn.functional.grid_sample(batch - low, grid, "bilinear", "zeros", align_corners=False).add_(low)


def warp_label(array: Any, grid: Any, padding: str = "zeros") -> Any:
    """Return the label map looked up at the nearest voxels of the sampling grid: no new values, dtype kept.

    Args:
        array: Leading axes, then the spatial axes of the grid. Array or tensor.
        grid: From `sampling_grid`.
        padding: What is outside: "zeros", "min" for the smallest value of the channel (labels: 0), or "border" for the
            nearest voxel of the rim.

    Example:
        >>> warp_label(np.array([[1, 2], [3, 4]], "uint8"), sampling_grid((2, 2), np.array([[1, 0, 1], [0, 1, 0]])))
        array([[3, 4],
               [0, 0]], dtype=uint8)
    """
    import torch

    d = grid.shape[-1]
    label = as_array(array)
    shape = label.shape[-d:]
    if not label.size:
        empty = np.zeros((*label.shape[:-d], *grid.shape[1:-1]), dtype=label.dtype)
        return as_tensor(empty).to(array.device) if isinstance(array, torch.Tensor) else empty
    rim = int(padding != "border")  # one voxel of zeros around the label saves a mask
    flat = None
    for axis, n in enumerate(shape):
        at = grid[0, ..., d - 1 - axis].mul(n / 2).add_((n - 1) / 2).round_().clamp_(-rim, n - 1 + rim).to(torch.int32)
        flat = at.add_(rim) if flat is None else flat.mul_(n + 2 * rim).add_(at).add_(rim)
    padded = np.pad(label, [(0, 0)] * (label.ndim - d) + [(rim, rim)] * d) if rim else label
    taken = padded.reshape(*label.shape[:-d], -1).take(flat.numpy(), axis=-1)  # type: ignore[union-attr]
    return as_tensor(taken).to(array.device) if isinstance(array, torch.Tensor) else taken
