"""Which places become patches: those that something is true of, or some that are drawn at random.

Which                    what is chosen of the places of a case
├── Choice               ... the same every time; what must look at voxels looks once, and remembers one bit per place
│   ├── All, Cases, NonConstant, Foreground, Matching
└── Draw                 ... at random, another place each time
    ├── Uniform, Balanced, Weighted       (eisen.patches.which.drawing)
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from eisen._core.errors import ArgumentError, nearest
from eisen.patches.cutting.cases import CaseParts
from eisen.patches.which.bitmask import Bitmask
from eisen.patches.which.windowed import reduced

__all__ = ["All", "Cases", "Choice", "Draw", "Foreground", "Matching", "NonConstant", "Which"]

Chosen = npt.NDArray[np.bool_] | None
_ENDING = re.compile(r"(\.nii|\.tar)?\.[A-Za-z]\w{0,7}$")


class Which(ABC):  # noqa: B024  # its children are Choice and Draw
    """Which of the places of a case become patches."""

    config_role: ClassVar[str] = "Which"

    def __repr__(self) -> str:
        settings = ", ".join(f"{name}={value!r}" for name, value in vars(self).items() if name[0] != "_")
        return f"{type(self).__name__}({settings})"


class Choice(Which):
    """Places that something is true of, the same ones every time. A child implements one of the two methods."""

    def cases(self, names: Sequence[Sequence[str]]) -> set[int] | None:  # noqa: ARG002
        """Return the numbers of the cases to take patches of; None: all.

        Args:
            names: What each case is called.
        """
        return None

    def chosen(self, case: CaseParts) -> Chosen:  # noqa: ARG002
        """Return True or False for each place of a case; None: all of them, without looking.

        Args:
            case: The case, with its places.
        """
        return None

    @property
    def looks(self) -> bool:
        """Whether it must look at a case to choose."""
        return type(self).chosen is not Choice.chosen


class Draw(Which):
    """Places at random. A child implements `draw`; all its random numbers come from the generator it is given."""

    takes_choices: ClassVar[bool] = False

    @abstractmethod
    def draw(self, case: CaseParts, turn: int, rng: np.random.Generator, among: Bitmask | None) -> int:
        """Return the number of a place.

        Args:
            case: The case, with its places.
            turn: Which of the patches of the case this is, from 0.
            rng: The only source of random numbers.
            among: Places to draw from; None: all. Only given where `takes_choices` is True.
        """


class All(Choice):
    """Every place of every case: what is taken unless something else is said.

    Example:
        >>> All()
        All()
    """


class Cases(Choice):
    """All places of some cases; the others are not even read.

    Args:
        cases: Numbers from 0, or names: of the first file of a case with or without folder and ending, or its field
            ``name`` or ``id``.
        exclude: Take all cases but these.

    Raises:
        ArgumentError: If there is no such case (when the patches are counted).

    Example:
        >>> from eisen.patches import PatchDataset, Whole
        >>> two = [{"id": "anna", "image": np.zeros((1, 4, 4))}, {"id": "ben", "image": np.ones((1, 4, 4))}]
        >>> [patch["id"] for patch in PatchDataset(two, Whole(), Cases(["ben"]))]
        ['ben']
    """

    def __init__(self, cases: Sequence[int | str], exclude: bool = False) -> None:
        if isinstance(cases, (str, int)) or not all(isinstance(case, (str, int)) for case in cases):
            raise ArgumentError(f"Cases: cases is {cases!r}", expected="a list of numbers or names of cases")
        self.wanted = list(cases)
        self.exclude = exclude

    def cases(self, names: Sequence[Sequence[str]]) -> set[int] | None:
        """Return the numbers of the cases."""
        numbers = {self._number(wanted, names) for wanted in self.wanted}
        return set(range(len(names))) - numbers if self.exclude else numbers

    def _number(self, wanted: int | str, names: Sequence[Sequence[str]]) -> int:
        n = len(names)
        found = [k for k, each in enumerate(names) if wanted in each] if isinstance(wanted, str) else []
        if not isinstance(wanted, str) and -n <= wanted < n:
            return wanted % n
        if len(found) != 1:
            known = [each[0] for each in names]
            raise ArgumentError(
                f"Cases: {len(found) or 'no'} cases are called {wanted!r}",
                expected=f"a number from 0 to {n - 1}, or a name, e.g. {', '.join(map(repr, known[:3]))}",
                to_do=nearest(str(wanted), known),
            )
        return found[0]


class NonConstant(Choice):
    """Places in which an image is not the same value everywhere, in at least one channel.

    Args:
        field: The image.
        tolerance: Up to which difference of the largest and the smallest value it is the same.

    Example:
        >>> from eisen.patches import PatchDataset, Slices
        >>> image = np.zeros((1, 3, 4, 4))
        >>> image[0, 1, 2] = 7
        >>> patches = PatchDataset([{"image": image}], Slices(), NonConstant())
        >>> [patch["patch_region"][0] for patch in patches]
        [(1, 2)]
    """

    def __init__(self, field: str = "image", tolerance: float = 0.0) -> None:
        self.field = str(field)
        self.tolerance = _number("NonConstant", "tolerance", tolerance)

    def chosen(self, case: CaseParts) -> Chosen:
        """Return where the image varies."""
        high, low = (reduced(case, self.field, _as_numbers, ufunc) for ufunc in (np.maximum, np.minimum))
        is_constant = high.astype(np.float64) - low <= self.tolerance
        return np.asarray(~is_constant.all(axis=0))


class Foreground(Choice):
    """Places that hold foreground: voxels above a threshold, of a label map or of an image.

    Args:
        field: The label map or image; of several channels any counts.
        threshold: Foreground is above it: 0 for labels and skull-stripped MR, -500 for CT.
        at_least: How many voxels of foreground it takes; below 1: which share of the voxels of the patch.

    Example:
        >>> from eisen.patches import Grid, PatchDataset
        >>> label = np.zeros((1, 4, 8), "uint8")
        >>> label[0, 2, 5] = 1
        >>> patches = PatchDataset([{"label": label}], Grid(4), Foreground())
        >>> [patch["patch_region"] for patch in patches]
        [((0, 4), (4, 8))]
    """

    def __init__(self, field: str = "label", threshold: float = 0.0, at_least: float = 1) -> None:
        self.field = str(field)
        self.threshold = _number("Foreground", "threshold", threshold)
        self.at_least = _number("Foreground", "at_least", at_least)
        if self.at_least <= 0:
            raise ArgumentError(f"Foreground: at_least is {at_least!r}", expected="a number of voxels, or a share")

    def chosen(self, case: CaseParts) -> Chosen:
        """Return where foreground is."""
        counts = reduced(case, self.field, self._foreground, np.add)[0]
        if self.at_least >= 1:
            return np.asarray(counts >= self.at_least)
        sizes = [np.full(len(lattice), np.prod(lattice.size)) for lattice in case.places.lattices]
        return np.asarray(counts >= self.at_least * np.concatenate(sizes))

    def _foreground(self, block: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.asarray(np.any(block > self.threshold, axis=0, keepdims=True), dtype=np.int64)


class Matching(Choice):
    """Places that a function of yours says yes to. It is asked once for each place.

    Args:
        predicate: Gets the patch, a dict as `PatchDataset` makes it before its transform; or, with ``on="region"``,
            only the region, one pair (start, stop) per spatial axis, and nothing is read. Returns True or False.
        on: ``"sample"`` or ``"region"``.

    Example:
        >>> from eisen.patches import PatchDataset, Slices
        >>> patches = PatchDataset([{"image": np.zeros((1, 6, 4, 4))}], Slices(),
        ...                        Matching(lambda region: region[0][0] % 2 == 0, on="region"))
        >>> [patch["patch_region"][0] for patch in patches]
        [(0, 1), (2, 3), (4, 5)]
    """

    def __init__(self, predicate: Callable[[Any], Any], on: Literal["sample", "region"] = "sample") -> None:
        if not callable(predicate) or on not in ("sample", "region"):
            raise ArgumentError(
                f"Matching: predicate is {predicate!r} and on {on!r}"[:200],
                expected="a function, and 'sample' or 'region'",
            )
        self.predicate, self.on = predicate, on

    def chosen(self, case: CaseParts) -> Chosen:
        """Return what the function says of each place."""
        return np.fromiter((self._says(case, number) for number in range(len(case.places))), bool, len(case.places))

    def _says(self, case: CaseParts, number: int) -> bool:
        place = case.places[number]
        return bool(self.predicate(place.patch_region if self.on == "region" else case.cut(place)))


def names_of(number: int, name: str, listed: Mapping[str, Any]) -> list[str]:
    """Return everything a case is called, the shortest name of its file first.

    Args:
        number: Its number.
        name: Its name in its data set, e.g. ``"#3 (ct_03.nii.gz)"``.
        listed: What the data set lists about it.

    Example:
        >>> names_of(3, "#3 (ct_03.nii.gz)", {"id": "x", "image": "scans/ct_03.nii.gz"})
        ['ct_03', 'x', 'ct_03.nii.gz', 'scans/ct_03.nii.gz', '#3 (ct_03.nii.gz)', '#3']
    """
    file = name.partition("(")[2].removesuffix(")")
    said = [str(listed[key]) for key in ("name", "id") if isinstance(listed.get(key), (str, int))]
    paths = [value for value in listed.values() if isinstance(value, str) and file and value.endswith(file)]
    names = [_ENDING.sub("", file), *said, file, *paths, name, f"#{number}"]
    return list(dict.fromkeys(each for each in names if each))


def _as_numbers(block: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return np.asarray(block, dtype=np.uint8 if block.dtype == bool else block.dtype)


def _number(owner: str, name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not np.isfinite(value):
        raise ArgumentError(f"{owner}: {name} is {value!r}", expected="a number")
    return value
