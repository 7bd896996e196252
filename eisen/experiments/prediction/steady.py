"""The same bits for the same voxel, however a volume is cut into pieces.

A processor computes exponentials of several voxels at once, and of the last few one by one, with results that differ in
the last bit. Here there is never a last few.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

__all__ = ["steadily"]

_LANES = 64
_AT_ONCE = 1 << 20
"""Numbers, of all channels."""


def steadily(compute: Callable[[torch.Tensor], torch.Tensor], values: torch.Tensor) -> torch.Tensor:
    """Return what a function makes of channels, voxel by voxel, independent of which voxels are computed together.

    Args:
        compute: Takes and returns (cases, channels, voxels); no voxel depends on another.
        values: (cases, channels, ...).

    Example:
        >>> import torch
        >>> values = torch.randn(1, 3, 5, 7)
        >>> whole = steadily(lambda v: v.softmax(1), values)
        >>> torch.equal(whole[..., 2:3], steadily(lambda v: v.softmax(1), values[..., 2:3]))
        True
    """
    import torch
    import torch.nn.functional as F  # noqa: N812

    if values.device.type != "cpu":
        return compute(values.flatten(2)).view(values.shape)
    flat = values.flatten(2)
    result = torch.empty_like(flat)
    height = max(1, _AT_ONCE // (flat.shape[0] * flat.shape[1] * _LANES)) * _LANES
    for start in range(0, flat.shape[2], height):
        part = flat[..., start : start + height]
        n = part.shape[2]
        padded = F.pad(part, (0, -n % _LANES)) if n % _LANES else part.contiguous()
        result[..., start : start + n] = compute(padded)[..., :n]
    return result.view(values.shape)
