"""How much the voxels of a patch count, computed once for each shape of patch."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np

from eisen._core.errors import ArgumentError
from eisen.patches.together.room import Room
from eisen.patches.windows import window_weights

__all__ = ["Weights"]

_KEPT = 32
"""Patches have few shapes: one inside, and some at the borders."""


class Weights:
    """The weights of patches of any shape.

    Args:
        kind: ``"gaussian"``, ``"constant"``, an array of the shape of all patches, or a function from a shape to one.
        sigma: Of the Gaussian, as a part of the patch.

    Raises:
        ArgumentError: If there is no such kind, or a weight is not above 0.

    Example:
        >>> Weights(lambda shape: np.full(shape, 0.5)).of((2, 2), Room()).tolist()
        [[0.5, 0.5], [0.5, 0.5]]
    """

    def __init__(self, kind: Any = "gaussian", sigma: float = 0.125) -> None:
        self._function = kind if callable(kind) else None
        self._kind = kind if isinstance(kind, str) or callable(kind) else np.asarray(kind)
        self._sigma = sigma
        self._made: OrderedDict[tuple[int, ...], Any] = OrderedDict()
        if not callable(kind):
            self._make((1,) if isinstance(kind, str) else self._kind.shape)

    def of(self, shape: tuple[int, ...], room: Room) -> Any:
        """Return the weights of a patch, where they are needed.

        Args:
            shape: Of the patch, without channels.
            room: Where the volume is.

        Raises:
            ShapeError: If the weights are an array of another shape.
            ArgumentError: If a weight is not above 0.
        """
        if shape not in self._made:
            self._made[shape] = room.bring(self._make(shape))
            if len(self._made) > _KEPT:
                self._made.popitem(last=False)
        return self._made[shape]

    def _make(self, shape: tuple[int, ...]) -> Any:
        if self._function is None:
            return window_weights(shape, self._kind, self._sigma)
        weights = self._function(shape)
        if isinstance(weights, str):
            raise ArgumentError(f"the function of the weights returned {weights!r}", expected="an array")
        return window_weights(shape, np.asarray(weights))
