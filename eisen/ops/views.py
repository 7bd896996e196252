"""Flips and right-angle turns of images, and how to undo them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import torch

from eisen._core.errors import ArgumentError, ShapeError

__all__ = ["View", "checked_views", "views_of"]

_EXPECTED = "'flips', 'flips:0,1' (spatial axes from 0), 'rotations' (pictures only) or 'flips+rotations'"


@dataclass(frozen=True)
class View:
    """One way to look at an image: mirrored along some spatial axes, then turned by right angles.

    No voxel is interpolated, so undoing it gives every voxel back bit by bit.

    Args:
        flipped: Spatial axes that are mirrored, from 0; batch and channels do not count.
        turns: Quarter turns in the plane of the last two axes.

    Example:
        >>> image = torch.arange(6.0).reshape(1, 1, 2, 3)
        >>> view = View((1,), turns=1)
        >>> view.apply(image)[0, 0].tolist()
        [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
        >>> torch.equal(view.undo(view.apply(image)), image)
        True
    """

    flipped: tuple[int, ...] = ()
    turns: int = 0

    def apply(self, values: torch.Tensor) -> torch.Tensor:
        """Return images or maps (N, C, ...) as seen this way."""
        if self.flipped:
            values = values.flip([2 + axis for axis in self.flipped])
        return values.rot90(self.turns, (-2, -1)) if self.turns else values

    def undo(self, values: torch.Tensor) -> torch.Tensor:
        """Return what was computed from images seen this way, the way the images were."""
        if self.turns:
            values = values.rot90(-self.turns, (-2, -1))
        return values.flip([2 + axis for axis in self.flipped]) if self.flipped else values


def checked_views(text: str) -> str:
    """Return the text that names a set of views if it does.

    Raises:
        ArgumentError: If there is no such set.

    Example:
        >>> checked_views("flips:0,2")
        'flips:0,2'
    """
    for word in _words(text):
        name, _, axes = word.partition(":")
        good = name == "flips" or (name == "rotations" and ":" not in word)
        if not good or (":" in word and not all(axis.isdecimal() for axis in axes.split(","))):
            raise ArgumentError(f"there is no test-time augmentation {text!r}", expected=_EXPECTED)
    return text


def views_of(text: str, dims: int) -> list[View]:
    """Return the views that a text names; the first is the image as it is.

    Args:
        text: ``"flips"``: mirrored along every combination of spatial axes; ``"flips:0,1"``: of these axes;
            ``"rotations"``: turned by 0, 90, 180 and 270 degrees; ``"flips+rotations"``: all eight symmetries of a
            square.
        dims: Number of spatial axes of the images.

    Raises:
        ArgumentError: If there is no such set.
        ShapeError: If images with so many axes cannot be seen that way.

    Example:
        >>> [view.flipped for view in views_of("flips", dims=2)]
        [(), (0,), (1,), (0, 1)]
        >>> len(views_of("flips", dims=3)), len(views_of("flips+rotations", dims=2))
        (8, 8)
    """
    words = dict(word.partition(":")[::2] for word in _words(checked_views(text)))
    turns = range(4) if "rotations" in words else range(1)
    if len(turns) > 1 and dims != 2:
        raise ShapeError(
            f"images with {dims} spatial axes are not turned by right angles",
            expected="pictures, with two spatial axes",
            to_do="use flips for volumes",
        )
    axes = _axes(words, dims)
    flips = [chosen for size in range(len(axes) + 1) for chosen in combinations(axes, size)]
    if len(turns) > 1:  # mirroring along both axes is half a turn, and along the second one the first and half a turn
        flips = [chosen for chosen in flips if len(chosen) < 2][:2]
    return [View(chosen, number) for number in turns for chosen in flips]


def _axes(words: dict[str, str], dims: int) -> list[int]:
    if "flips" not in words:
        return []
    axes = sorted({int(axis) for axis in words["flips"].split(",")}) if words["flips"] else list(range(dims))
    if axes and axes[-1] >= dims:
        raise ShapeError(
            f"images with {dims} spatial axes have no axis {axes[-1]} to mirror along",
            expected=f"axes from 0 to {dims - 1}; batch and channels do not count",
        )
    return axes


def _words(text: str) -> list[str]:
    return text.split("+")
