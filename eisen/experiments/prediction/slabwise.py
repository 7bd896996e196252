"""Label maps within a memory budget: blend, resample and decide slab by slab."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from eisen._core.errors import ShapeError
from eisen._core.sizes import memory_text
from eisen._core.types import Array, Geometry
from eisen.experiments.prediction.pending import COLUMNS, Pending
from eisen.transforms.functional.restore_stream import LabelStream

if TYPE_CHECKING:
    from eisen.patches.sliding.outputs import Layout

__all__ = ["Decided", "decided_in_slabs"]

_log = logging.getLogger(__name__)
_FLOAT = 4
_RESERVE = 1.1
"""What the allocator keeps back."""


@dataclass(frozen=True)
class Decided:
    """A label map and how sure it is.

    Args:
        labels: On the grid of the file.
        entropy: Mean entropy of the probabilities.
        disagreement: Mean disagreement of the models.
        n_blocks: In how many blocks along the second axis it was made.
    """

    labels: Array
    entropy: float
    disagreement: float
    n_blocks: int


def decided_in_slabs(
    pending: Pending, geometry: Geometry, values: Sequence[int] | None, memory: int, layout: Layout
) -> Decided:
    """Return the label map of a case, the same bits as without a budget.

    Args:
        pending: What the models will say.
        geometry: The grid of their input, and that of the file.
        values: Label value of each channel.
        memory: Bytes that this may take beyond the image and the models. If a slab with the whole second axis needs
            more, the volume is done in blocks along it; windows between two blocks are computed twice.
        layout: The outputs of the models.

    Raises:
        ShapeError: If the output is not on the grid of the input.
    """
    grid = layout.grids[0]
    if any(scale != 1 for scale in grid.scale) or tuple(pending.image.shape[2:]) != geometry.shape:
        raise ShapeError(
            f"the result has {tuple(str(s) for s in grid.scale)} voxels per voxel of the input",
            expected="a result on the grid of the model's input",
            to_do="use a model whose output is as large as its input",
            file=geometry.source,
        )
    stream = LabelStream(geometry, grid.channels, values)
    blocks = _blocks(stream, layout, geometry, memory)
    sums, done = np.zeros(3), 0
    for block in blocks:
        stream.begin(block)
        low, high = block[1]
        n_old = min(max(0, done - low), high - low - 1)
        for piece in pending.pieces(block[1], n_old):
            stream.add(piece.prediction[0].detach().cpu().numpy())
            sums += (high - low - n_old) * piece.prediction.shape[-1] * np.array([1, piece.entropy, piece.disagreement])
        done = max(done, high)
    _, entropy, disagreement = sums / max(sums[0], 1)
    return Decided(stream.labels, float(entropy), float(disagreement), len(blocks))


def _blocks(
    stream: LabelStream, layout: Layout, geometry: Geometry, memory: int
) -> list[tuple[slice, tuple[int, int]]]:
    """Return the fewest blocks along the second axis that the budget has room for."""
    most = max(1, -(-geometry.shape[1] // layout.grids[0].window[1]))
    for number in range(1, most + 1):
        blocks = stream.blocks(number)
        needed = max(_bytes(stream, block, layout, geometry) for block in blocks)
        if needed <= memory:
            break
    if needed > memory:
        _log.warning(
            "blocks as high as a window need about %s, more than the budget of %s: that is the least there is; "
            "a smaller window needs less",
            memory_text(needed),
            memory_text(memory),
        )
    elif len(blocks) > 1:
        _log.info(
            "the budget of %s is kept in %d blocks along the second axis; windows between them are computed twice",
            memory_text(memory),
            len(blocks),
        )
    return blocks


def _bytes(stream: LabelStream, block: tuple[slice, tuple[int, int]], layout: Layout, geometry: Geometry) -> float:
    """Return about how much memory a block needs at most."""
    rows, _, columns = geometry.shape
    height = block[1][1] - block[1][0]
    per_voxel = float(_FLOAT)
    total = 2 * rows * height * min(columns, layout.grids[0].window[2]) * per_voxel  # sums of weights
    for grid in layout.grids:
        a, b, c = grid.window
        ring = rows * height * min(c, columns) + a * height * c + 3 * a * b * c
        total += grid.channels * ring * per_voxel
    held = rows * height * (stream.width(block[0]) + 4 * COLUMNS)
    total += layout.grids[0].channels * held * per_voxel
    return _RESERVE * (total + math.prod(geometry.shape) * per_voxel + stream.labels.nbytes)
