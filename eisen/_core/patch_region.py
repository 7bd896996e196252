"""Where in a case a patch is, as a value that batches keep as it is."""

from __future__ import annotations

import sys
from collections.abc import Iterable

__all__ = ["PatchRegion"]


class PatchRegion(tuple[tuple[int, int], ...]):
    """A box of voxels: a plain tuple with one pair (start, stop) per spatial axis.

    A batch holds a list of them, one per patch, where other tuples are turned into tensors place by place.

    Args:
        pairs: One (start, stop) per axis. A patch that reaches beyond its case has a start below 0 or a stop beyond.

    Example:
        >>> region = PatchRegion([(0, 4), (2, 6)])
        >>> region == ((0, 4), (2, 6)), region.lengths
        (True, (4, 4))
        >>> region.slices
        (slice(0, 4, None), slice(2, 6, None))
    """

    __slots__ = ()

    def __new__(cls, pairs: Iterable[Iterable[int]]) -> PatchRegion:
        """Make a region of pairs."""
        _teach_torch_to_collate()
        return super().__new__(cls, [(int(start), int(stop)) for start, stop in pairs])

    @property
    def lengths(self) -> tuple[int, ...]:
        """Its size along each axis."""
        return tuple(stop - start for start, stop in self)

    @property
    def slices(self) -> tuple[slice, ...]:
        """The same as slices, for the spatial axes of an array."""
        return tuple(slice(start, stop) for start, stop in self)


_torch_knows = False


def _teach_torch_to_collate() -> None:
    """Let torch's own default_collate keep regions as a list, for scripts with a plain DataLoader."""
    global _torch_knows
    if not _torch_knows and "torch.utils.data" in sys.modules:
        from torch.utils.data._utils.collate import default_collate_fn_map

        default_collate_fn_map[PatchRegion] = lambda batch, **_: list(batch)
        _torch_knows = True
