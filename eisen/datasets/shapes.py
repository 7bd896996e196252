"""Pictures and volumes of single shapes, drawn when they are read: something to classify, segment or imitate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, SupportsIndex, Unpack

import numpy as np

from eisen._core.errors import ArgumentError, nearest
from eisen._core.types import Array, DataPoint, Step
from eisen.datasets.base import EisenDataset
from eisen.datasets.folders import Folder
from eisen.datasets.options import SplitOptions

__all__ = ["RandomShapesDataset"]

_SAME = {"ball": "disc", "cube": "square", "octahedron": "diamond"}
"""What the shapes are called where there are three axes, and what is drawn."""

_KINDS = ("disc", "square", "diamond")
_SMALLEST, _LARGEST = 0.14, 0.26
"""Radius of a disc, as a share of the shortest side."""


class RandomShapesDataset(EisenDataset):
    """Pictures or volumes with one bright shape each: a disc or a square, in 3-D a ball or a cube.

    Nothing is read from disk. A case is drawn from `seed` and its number, so it is the same on every machine, in every
    epoch and in every worker. Kinds take turns: every class is equally frequent, and shapes of different kinds have the
    same area or volume, so that only the form tells them apart. Shapes lie wholly inside.

    A case holds ``image`` (1, size), float32, 0 (background) to 1 (shape), with soft borders; ``mask`` (1, size),
    uint8, 1 in the shape; ``kind``, the number of the class; and ``name``, such as ``"disc-0-00012"``: kind, seed and
    number.

    Args:
        n_cases: How many cases.
        size: Pixels along each axis: two numbers for pictures, three for volumes; 8 or more.
        kinds: The classes, in the order of their numbers: ``disc`` (in 3-D also ``ball``), ``square`` (``cube``),
            ``diamond`` (``octahedron``).
        seed: Another number gives other shapes, e.g. for validation; 0 or more.
        data_dir: Not used: there are no files.
        transform: What to do with a case when it is read; None: nothing.
        noise: Standard deviation of the noise on the image, 0 or more.
        **split: Which cases to keep.

    Raises:
        ArgumentError: If an argument is not one of these.

    Example:
        >>> shapes = RandomShapesDataset(4, size=(16, 16), kinds=("disc", "square"))
        >>> case = shapes[1]
        >>> case["image"].shape, case["kind"], case["name"], int(case["mask"].max())
        ((1, 16, 16), 1, 'square-0-00001', 1)
    """

    def __init__(
        self,
        n_cases: int,
        size: Sequence[int] = (32, 32),
        kinds: Sequence[str] = ("disc", "square"),
        seed: int = 0,
        data_dir: Folder = "",
        transform: Step | None = None,
        *,
        noise: float = 0.0,
        **split: Unpack[SplitOptions],
    ) -> None:
        self.size = _checked_size(size)
        self.kinds = _checked_kinds(kinds)
        self.seed, self.noise, self.data_dir = seed, noise, data_dir
        _check_numbers(n_cases, seed, noise)
        super().__init__([self._listed(number) for number in range(n_cases)], transform, **split)

    def read(self, number: int) -> DataPoint:
        """Return a case, drawn anew.

        Args:
            number: From 0 to the number of cases minus 1.
        """
        case = self.cases[number]
        random = np.random.default_rng([self.seed, case["number"]])
        image = _drawn(_SAME.get(self.kinds[case["kind"]], self.kinds[case["kind"]]), self.size, random)
        mask = (image > 0.5).astype(np.uint8)
        if self.noise:
            image = image + random.normal(0.0, self.noise, self.size)
        return {"image": image.astype(np.float32)[None], "mask": mask[None], "kind": case["kind"], "name": case["name"]}

    def case_name(self, index: SupportsIndex) -> str:
        """Return how people call a case.

        Example:
            >>> RandomShapesDataset(2, kinds=["ball"], size=(8, 8, 8)).case_name(1)
            '#1 (ball-0-00001)'
        """
        number = self._number(index)
        return f"#{number} ({self.peek(number)['name']})"

    def _listed(self, number: int) -> dict[str, Any]:
        kind = number % len(self.kinds)
        return {"name": f"{self.kinds[kind]}-{self.seed}-{number:05d}", "number": number, "kind": kind}


def _drawn(kind: str, size: tuple[int, ...], random: np.random.Generator) -> Array:
    """Return one shape at a random place, 0 to 1; a pixel on the border has the share of it that lies inside."""
    n_axes = len(size)
    reach = random.uniform(_SMALLEST, _LARGEST) * min(size) * _reach(kind, n_axes)
    centre = [random.uniform(reach, side - reach) - 0.5 for side in size]
    away = [np.abs(axis - c) for axis, c in zip(np.ogrid[tuple(slice(s) for s in size)], centre, strict=True)]
    if kind == "disc":
        outside = np.sqrt(sum(axis**2 for axis in away)) - reach
    elif kind == "square":
        outside = np.maximum.reduce(np.broadcast_arrays(*away)) - reach
    else:
        outside = (np.add.reduce(np.broadcast_arrays(*away)) - reach) / math.sqrt(n_axes)
    drawn: Array = np.clip(0.5 - outside, 0.0, 1.0)
    return drawn


def _reach(kind: str, n_axes: int) -> float:
    """Return how far a shape reaches from its centre along an axis, if a disc of the same area reaches 1.

    Example:
        >>> _reach("disc", 2), round(4 * _reach("square", 2) ** 2 / math.pi, 6)
        (1.0, 1.0)
    """
    disc = math.pi if n_axes == 2 else 4 / 3 * math.pi
    unit = {"disc": disc, "square": 2.0**n_axes, "diamond": 2.0**n_axes / math.factorial(n_axes)}
    return float((disc / unit[kind]) ** (1 / n_axes))


def _checked_size(size: Sequence[int]) -> tuple[int, ...]:
    sides = tuple(size) if isinstance(size, list | tuple) else ()
    if len(sides) not in (2, 3) or any(not isinstance(side, int) or side < 8 for side in sides):
        raise ArgumentError(
            f"RandomShapesDataset: size is {size!r}",
            expected="two whole numbers for pictures or three for volumes, each 8 or more",
            to_do="e.g. size=[32, 32]",
        )
    return sides


def _checked_kinds(kinds: Sequence[str]) -> tuple[str, ...]:
    known = (*_KINDS, *_SAME)
    chosen = tuple(kinds) if isinstance(kinds, Sequence) and not isinstance(kinds, str) else (str(kinds),)
    wrong = [kind for kind in chosen if kind not in known]
    drawn = [_SAME.get(kind, kind) for kind in chosen]
    if wrong or not chosen or len(set(drawn)) < len(drawn):
        raise ArgumentError(
            f"RandomShapesDataset: kinds is {kinds!r}",
            expected=f"different shapes out of: {', '.join(known)}",
            to_do=nearest(str(wrong[0]), known) if wrong else "name each shape once; a ball is a disc in 3-D",
        )
    return chosen


def _check_numbers(n_cases: int, seed: int, noise: float) -> None:
    for name, value, least in (("n_cases", n_cases, 1), ("seed", seed, 0)):
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ArgumentError(f"RandomShapesDataset: {name} is {value!r}", expected=f"a whole number from {least}")
    if not isinstance(noise, int | float) or not 0 <= noise < math.inf:
        raise ArgumentError(f"RandomShapesDataset: noise is {noise!r}", expected="a number, 0 or more")
