"""Where patches are: whole volumes, slices, slabs, voxels; grids and margins are in `eisen.patches.where.grids`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from eisen._core.errors import ShapeError
from eisen._core.fields import checked_fields
from eisen.patches.where.indexing_arguments import check_axis, check_cover, checked_axes, whole_numbers
from eisen.patches.where.lattices import across, grid_starts, too_large, with_margin
from eisen.patches.where.places import Lattice, Places

__all__ = ["Slabs", "Slices", "Voxels", "Where", "Whole"]


class Where(ABC):
    """The places of patches, as a function of the shape of a case.

    A child implements `lattices`. Places are numbered and computed from their number: a grid of a million patches
    needs no more memory than one of ten.

    Attributes:
        n_axes: How many spatial axes the places have; None: as many as the case.
    """

    config_role: ClassVar[str] = "Where"
    n_axes: int | None = None

    @abstractmethod
    def lattices(self, shape: tuple[int, ...]) -> list[Lattice]:
        """Return the places in a case of a spatial shape; it has no axis without voxels."""

    def places(self, shape: Sequence[int]) -> Places:
        """Return all places in a case.

        Args:
            shape: Its spatial shape, without channels.

        Raises:
            ShapeError: If an axis has no voxels, if there is another number of axes, or if a patch is too large.

        Example:
            >>> from eisen.patches import Grid
            >>> len(Grid([4, 4], overlap=0.5).places((8, 6)))
            6
        """
        sizes = tuple(int(n) for n in shape)
        if not sizes or min(sizes) < 1:
            raise ShapeError(
                f"the spatial shape is {sizes}",
                expected="at least one voxel along every axis",
                to_do="leave the case out, or correct the step that emptied it",
            )
        if self.n_axes not in (None, len(sizes)):
            raise ShapeError(
                f"{self!r} has {self.n_axes} axes and the case {len(sizes)}: {sizes}",
                expected=f"{self.n_axes} spatial axes",
                to_do="give one size per spatial axis, or tell PatchDataset by spatial_dims how many axes are space",
            )
        return Places(self.lattices(sizes))

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if name[0] != "_")
        return f"{type(self).__name__}({settings})"


class Whole(Where):
    """The whole case as its only patch.

    Example:
        >>> [place.patch_region for place in Whole().places((5, 6))]
        [((0, 5), (0, 6))]
    """

    def lattices(self, shape: tuple[int, ...]) -> list[Lattice]:
        """Return the one place."""
        return [across(shape, {})]


class Slices(Where):
    """Every slice across one axis, or across several, one axis after the other (2.5-D).

    Args:
        axis: The spatial axis to cut across, from 0 (the first one behind the channels), or several.
        around: How many neighbours on each side are read with a slice, filled up beyond the first and the last.
        flat: Drop the axis that is cut across: a patch has the shape (channels, H, W), and neighbours become
            channels, those of the first slice first. False: the axis stays, 1 + 2 ``around`` long.
        fields: Fields that have the neighbours; None: all whose names do not say label, mask or seg.

    Raises:
        ArgumentError: If an argument is wrong.

    Example:
        >>> slices = Slices(axis=[0, 1], around=1)
        >>> places = slices.places((5, 6, 7))
        >>> len(places), places[0].patch_region, places[0].region[0]
        (11, ((0, 1), (0, 6), (0, 7)), slice(-1, 2, None))
    """

    def __init__(
        self,
        axis: int | Sequence[int] = 0,
        around: int = 0,
        flat: bool = True,
        fields: Sequence[str] | None = None,
    ) -> None:
        self.axis = checked_axes(axis)
        self.around = whole_numbers("Slices", "around", around, 0)[0]
        self.flat = flat
        self.fields = None if fields is None else checked_fields(fields, "Slices")

    def lattices(self, shape: tuple[int, ...]) -> list[Lattice]:
        """Return the slices of each axis."""
        check_axis(max(self.axis), shape, self)
        return [self._slices(shape, axis) for axis in self.axis]

    def _slices(self, shape: tuple[int, ...], axis: int) -> Lattice:
        lattice = across(shape, {axis: (range(shape[axis]), 1)})
        if self.around:
            lattice = with_margin(lattice, {axis: (self.around, self.around)}, self.fields)
        return replace(lattice, axis=axis) if self.flat else lattice


class Slabs(Where):
    """Slabs of several slices that together cover every slice of an axis.

    Args:
        thickness: Slices of a slab.
        axis: The spatial axis to cut across, from 0.
        stride: From the start of a slab to that of the next, at most `thickness`; None: they do not overlap.
        pad: Whether the last slab reaches beyond the case, filled up there. False: it is shifted back to the end.

    Raises:
        ArgumentError: If an argument is wrong.

    Example:
        >>> [place.patch_region[0] for place in Slabs(4).places((10, 6, 7))]
        [(0, 4), (4, 8), (6, 10)]
    """

    def __init__(self, thickness: int, axis: int = 0, stride: int | None = None, pad: bool = False) -> None:
        self.thickness = whole_numbers("Slabs", "thickness", thickness)[0]
        (self.axis,) = checked_axes([axis])
        self.stride = self.thickness if stride is None else whole_numbers("Slabs", "stride", stride)[0]
        self.pad = pad
        check_cover("Slabs", [self.stride], [self.thickness])

    def lattices(self, shape: tuple[int, ...]) -> list[Lattice]:
        """Return the slabs."""
        check_axis(self.axis, shape, self)
        n = shape[self.axis]
        if n < self.thickness and not self.pad:
            raise too_large("Slabs", (self.thickness,), (n,))
        starts = grid_starts(n, self.thickness, self.stride, self.pad)
        return [across(shape, {self.axis: (starts, self.thickness)})]


class Voxels(Where):
    """Every voxel as a patch of one voxel; `Padded` around it gives each its surroundings.

    Example:
        >>> len(Voxels().places((181, 217, 181)))
        7109137
    """

    def lattices(self, shape: tuple[int, ...]) -> list[Lattice]:
        """Return the voxels."""
        return [Lattice(tuple(range(n) for n in shape), (1,) * len(shape))]
