"""What the resolutions of a U-Net look like: channels, blocks, strides and kernels, checked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from eisen._core.errors import ArgumentError
from eisen.ops.layers.blocks import per_axis
from eisen.ops.layers.checks import check_counts

__all__ = ["PerAxis", "Stage", "plan_stages"]

PerAxis = Sequence[int | Sequence[int]]
"""One entry per resolution, each one number for all spatial axes or one per axis."""

_BLOCKS = (1, 3, 4, 6)  # more resolutions have 6 too
_PER_AXIS = ("strides", "kernel_sizes")
_WIDEST = {2: 16, 3: 10}  # times the channels at full resolution: nnU-Net's 512 and 320 for 32


@dataclass(frozen=True)
class Stage:
    """One resolution of a U-Net.

    Args:
        features: Number of channels.
        n_blocks: Number of residual units.
        stride: Factor per axis to the resolution above.
        kernel_size: Size of the kernels per axis in voxels.
    """

    features: int
    n_blocks: int
    stride: tuple[int, ...]
    kernel_size: tuple[int, ...]


def plan_stages(
    owner: str,
    dimensions: int,
    n_stages: int,
    n_filters: int,
    features_per_stage: Sequence[int] | None = None,
    n_blocks_per_stage: Sequence[int] | None = None,
    strides: PerAxis | None = None,
    kernel_sizes: PerAxis | None = None,
) -> list[Stage]:
    """Return the resolutions of a U-Net from the highest to the lowest.

    Args:
        owner: Name of the network.
        dimensions: Number of spatial axes: 2 or 3.
        n_stages: Number of resolutions, 2 or more.
        n_filters: Channels at full resolution; lower ones have twice as many each, up to a limit.
        features_per_stage: Channels at each resolution instead.
        n_blocks_per_stage: Residual units at each resolution; 1, 3, 4, 6, 6, ... by default.
        strides: Factors between the resolutions; 1, 2, 2, ... by default.
        kernel_sizes: Sizes of the kernels; 3 by default.

    Raises:
        ArgumentError: If a list has the wrong length or holds what does not fit.

    Example:
        >>> [(stage.features, stage.stride) for stage in plan_stages("Net", 2, 3, 8, strides=[1, 2, [1, 2]])]
        [(8, (1, 1)), (16, (2, 2)), (32, (1, 2))]
    """
    if dimensions not in _WIDEST:
        raise ArgumentError(f"{owner}: dimensions is {dimensions!r}", expected="2 or 3", to_do="change dimensions")
    check_counts(owner, n_stages=n_stages, n_filters=n_filters)
    if n_stages < 2:
        raise ArgumentError(f"{owner}: n_stages is 1", expected="2 resolutions or more", to_do="change n_stages")
    widest = _WIDEST[dimensions] * n_filters
    columns: dict[str, Sequence[Any]] = {
        "features_per_stage": features_per_stage or [min(n_filters * 2**i, widest) for i in range(n_stages)],
        "n_blocks_per_stage": n_blocks_per_stage or [*_BLOCKS, *[_BLOCKS[-1]] * n_stages][:n_stages],
        "strides": strides or [1, *[2] * (n_stages - 1)],
        "kernel_sizes": kernel_sizes or [3] * n_stages,
    }
    for name, values in columns.items():
        _check_column(owner, name, values, n_stages, dimensions)
    features, n_blocks, steps, kernels = columns.values()
    rows = zip(features, n_blocks, steps, kernels, strict=True)
    stages = [Stage(f, n, per_axis(s, dimensions), per_axis(k, dimensions)) for f, n, s, k in rows]
    _check_first_and_odd(owner, stages)
    return stages


def _check_column(owner: str, name: str, values: Any, n_stages: int, dimensions: int) -> None:
    if isinstance(values, str) or not isinstance(values, Sequence) or len(values) != n_stages:
        raise ArgumentError(
            f"{owner}: {name} is {values!r}",
            expected=f"{n_stages} entries, one per resolution, as n_stages says",
            to_do=f"change {name} or n_stages",
        )
    for value in values:
        numbers = [value]
        if name in _PER_AXIS and isinstance(value, Sequence):
            numbers = list(value)
            if len(numbers) != dimensions:
                expected = f"{dimensions} numbers, one per spatial axis, or one for all"
                raise ArgumentError(f"{owner}: {name} holds {value!r}", expected=expected, to_do=f"change {name}")
        for number in numbers:
            check_counts(owner, **{name: number})


def _check_first_and_odd(owner: str, stages: Sequence[Stage]) -> None:
    if set(stages[0].stride) != {1}:
        raise ArgumentError(
            f"{owner}: the first of the strides is {list(stages[0].stride)}",
            expected="1: the first resolution is that of the images",
            to_do="start strides with 1",
        )
    for stage in stages:
        if any(side % 2 == 0 for side in stage.kernel_size):
            raise ArgumentError(
                f"{owner}: kernel_sizes holds {list(stage.kernel_size)}",
                expected="odd numbers: a kernel needs a centre to keep the size of the image",
                to_do="change kernel_sizes",
            )
