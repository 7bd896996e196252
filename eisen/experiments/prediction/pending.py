"""A prediction that has not been made yet, because there may be no room for all of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch

if TYPE_CHECKING:
    from eisen.experiments.prediction.committee import Committee
    from eisen.patches.sliding.outputs import Layout

__all__ = ["COLUMNS", "Pending", "Piece"]

COLUMNS = 4
"""How many columns a piece has at most."""


@dataclass(frozen=True)
class Piece:
    """A few columns of a prediction, along the last axis.

    Args:
        prediction: (1, channels, I, J, columns).
        entropy: Their mean entropy, see `Committee.forward`.
        disagreement: Their mean disagreement.
    """

    prediction: torch.Tensor
    entropy: float
    disagreement: float


class Pending:
    """What a committee will say about a case when it is asked, piece by piece or as a whole.

    Args:
        committee: The models, with windows.
        inputs: What they take, of one case.
    """

    def __init__(self, committee: Committee, inputs: tuple[Any, ...]) -> None:
        self._committee, self._inputs = committee, inputs
        kind = next((v.device.type for v in inputs if isinstance(v, torch.Tensor)), "cpu")
        is_mixed = torch.is_autocast_enabled(kind)
        self._precision = (kind, torch.get_autocast_dtype(kind) if is_mixed else None)

    @property
    def image(self) -> torch.Tensor:
        """The image that is cut into windows."""
        image: torch.Tensor = self._inputs[0]
        return image

    def layout(self) -> Layout:
        """Return the grid of the outputs, by showing the models one window."""
        with torch.no_grad(), self._autocast():
            return self._committee.sliding.layout(self._committee.seen, *self._inputs)

    def whole(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return what the committee says about the whole case, see `Committee.forward`."""
        with torch.no_grad(), self._autocast():
            return self._committee.at_once(self._inputs)

    def pieces(self, second: tuple[int, int], n_old: int = 0) -> Iterator[Piece]:
        """Yield the columns one after the other.

        Args:
            second: Which voxels along the second spatial axis are wanted.
            n_old: How many of them have no part in entropy and disagreement, because another block had them.
        """
        with torch.no_grad():
            slabs = self._committee.sliding.slabs(self._committee.seen, *self._inputs, second=second)
            while True:
                with self._autocast():
                    slab = next(slabs, None)
                if slab is None:
                    return
                for start in range(0, slab.stop - slab.start, COLUMNS):
                    seen = tuple(values[..., start : start + COLUMNS] for values in slab.values)
                    prediction, entropy, apart = self._committee.finished(seen)
                    if n_old:
                        _, entropy, apart = self._committee.finished(tuple(v[:, :, :, n_old:] for v in seen))
                    yield Piece(prediction, float(entropy[0]), float(apart[0]))

    def _autocast(self) -> Any:
        kind, dtype = self._precision
        return torch.autocast(kind, dtype=dtype, enabled=dtype is not None)
