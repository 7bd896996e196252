"""What is known about the cases behind patches: their shapes, names and places, and which patch is of which case."""

from __future__ import annotations

import re
from collections.abc import Mapping
from operator import index as as_integer
from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt
from torch.utils.data import Dataset

from eisen._core.errors import EisenError
from eisen._core.types import DataPoint, Geometry
from eisen.patches.cutting.cases import CaseParts
from eisen.patches.cutting.counting import Counts, count_patches
from eisen.patches.cutting.cut import Cutter
from eisen.patches.cutting.opening import CaseReader
from eisen.patches.cutting.order import mixed_order
from eisen.patches.where.indexing import Where
from eisen.patches.where.places import Places
from eisen.patches.which.sampling import names_of
from eisen.patches.which.selecting import Selection

__all__ = ["PatchesOfCases"]

_NUMBER = re.compile(r"^#\d+")


class PatchesOfCases(Dataset[DataPoint]):
    """The part of a data set of patches that knows its cases, without cutting anything.

    Attributes:
        dataset: The data set of the cases.
        where: The places.
        selection: What is taken of them.
        seed: Of random places; None: other ones in every epoch.
    """

    dataset: Dataset[Any]
    where: Where
    selection: Selection
    seed: int | None
    _cases: CaseReader
    _cutter: Cutter
    _notes: dict[int, dict[Any, Any]]
    _known: dict[int, tuple[tuple[int, ...], dict[str, Geometry]]]
    _counted: Counts | None

    def __len__(self) -> int:
        return int(self._counts.ends[-1])

    @property
    def n_cases(self) -> int:
        """How many cases the data set inside has, those without a patch included."""
        return len(self.dataset)  # type: ignore[arg-type]

    def open(self, case: int) -> CaseParts:
        """Return a case that patches can be cut from, with its spatial shape and its places.

        Args:
            case: Its number in the data set inside.
        """
        parts = self._cases.open(case)
        if not parts.shape:
            if not self._cases.reread:
                parts.notes = self._notes.setdefault(case, parts.notes)
            parts.cutter = self._cutter.point
            shape = self._cutter.shape_of(parts)
            parts.places = self._places_in(parts, shape)
            parts.shape = shape  # last: another thread takes it as a sign that all is there
            grids = {key: value for key, value in parts.rest.items() if isinstance(value, Geometry)}
            self._known[case] = shape, grids
        return parts

    def case_shape(self, case: int) -> tuple[int, ...]:
        """Return the spatial shape of a case; it is read if that is not known yet.

        Args:
            case: Its number in the data set inside.
        """
        if case not in self._known:
            self.open(case)
        return self._known[case][0]

    def case_rest(self, case: int) -> dict[str, Geometry]:
        """Return where the fields of a whole case are in the body: ``<field>_meta`` to `Geometry`.

        Args:
            case: Its number in the data set inside.
        """
        self.case_shape(case)
        return dict(self._known[case][1])

    def n_patches_of(self, case: int) -> int:
        """Return how many patches a case has.

        Args:
            case: Its number in the data set inside.
        """
        return len(self.patches_of(case))

    def patches_of(self, case: int) -> range:
        """Return the numbers of the patches of a case.

        Args:
            case: Its number in the data set inside.

        Example:
            >>> from eisen.patches import PatchDataset, Slices
            >>> two = [{"image": np.zeros((1, 3, 4, 4))}, {"image": np.zeros((1, 5, 4, 4))}]
            >>> PatchDataset(two, Slices()).patches_of(1)
            range(3, 8)
        """
        return self._counts.patches_of(case)

    def case_of(self, index: SupportsIndex) -> int:
        """Return the number, in the data set inside, of the case that a patch is of."""
        return self._counts.place_of(self._number(index))[0]

    def case_name(self, index: SupportsIndex) -> str:
        """Return how people call a patch: its number, its case, and which of the patches of the case it is.

        Example:
            >>> from eisen.patches import PatchDataset, Whole
            >>> PatchDataset([{"image": np.zeros((1, 4, 4))}], Whole()).case_name(0)
            '#0 (case 0, patch 0)'
        """
        number = self._number(index)
        case, turn = self._counts.place_of(number)
        return self._name(number, case, f"patch {turn}")

    def peek(self, number: int) -> Mapping[str, Any]:
        """Return what the data set inside lists about the case of a patch; it is not a copy.

        Args:
            number: Number of the patch.
        """
        return self._cases.listed(self.case_of(number))

    def case_names(self) -> list[list[str]]:
        """Return everything that each case of the data set inside is called."""
        cases = range(self.n_cases)
        return [names_of(number, self._cases.name(number), self._cases.listed(number)) for number in cases]

    @property
    def draws_anew(self) -> bool:
        """Whether places are drawn, other ones in every epoch."""
        return self.selection.draw is not None and self.seed is None

    @property
    def reads_regions(self) -> bool:
        """Whether parts of cases are read; else cases are read whole, and the last few are kept."""
        return self._cases.by_region

    def epoch_order(self, seed: int, epoch: int) -> npt.NDArray[np.int64]:
        """Return the patches of one epoch in a random order; the `Loader` asks for it where it shuffles.

        Where parts of a case can be read, any patch may follow any other. Otherwise patches of `cases_at_once` cases at
        most are mixed at any time, so that each case is read once.

        Args:
            seed: First part of what the order depends on.
            epoch: Second part.
        """
        rng = np.random.default_rng(np.random.SeedSequence((seed, epoch), spawn_key=(0,)))
        if self._cases.by_region:
            return rng.permutation(len(self))
        return mixed_order(self._counts.per_case, self._cases.keep_cases, rng)

    @property
    def _counts(self) -> Counts:
        if self._counted is None:
            self._counted = count_patches(self, self.selection)
        return self._counted

    def _number(self, index: SupportsIndex) -> int:
        number, size = as_integer(index), len(self)
        if not -size <= number < size:
            raise IndexError(f"patch {number} of a data set that has {size}")
        return number % size

    def _places_in(self, case: CaseParts, shape: tuple[int, ...]) -> Places:
        try:
            return self.where.places(shape)
        except EisenError as error:
            fields = ", ".join(f"{name} {tuple(source.shape)}" for name, source in case.sources.items())
            file = self._file_of(case.number, next(iter(case.sources), ""))
            error.note(case=case.name, file=file, shapes=fields)
            raise

    def _name(self, number: int, case: int, which: str) -> str:
        """Return the name of a case with the number of the patch, and what is said about the patch."""
        name = _NUMBER.sub(f"#{number}", self._cases.name(case))
        called = name[:-1] if name.endswith(")") else f"{name} (case {case}"
        return f"{called}, {which})"

    def _file_of(self, case: int, field: str) -> str:
        """Return the file that a field of a case names, if it names one."""
        value = self._cases.listed(case).get(field)
        return value if isinstance(value, str) else ""
