"""Patches of cases as a data set of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from operator import index as as_integer
from typing import Any, Literal, SupportsIndex

import numpy as np
import numpy.typing as npt
from torch.utils.data import Dataset

from eisen._core import random
from eisen._core.errors import ArgumentError, EisenError, EmptyDatasetError, StepError
from eisen._core.fields import checked_fields
from eisen._core.types import DataPoint, Geometry, Step
from eisen.patches.cutting.cases import CaseParts
from eisen.patches.cutting.counting import Counts, count_patches
from eisen.patches.cutting.cut import Cutter, Room
from eisen.patches.cutting.opening import CaseReader
from eisen.patches.cutting.order import mixed_order
from eisen.patches.where.indexing import Where
from eisen.patches.where.places import Place, Places
from eisen.patches.which.sampling import Which, names_of
from eisen.patches.which.selecting import Selection

__all__ = ["PatchDataset"]

_NUMBER = re.compile(r"^#\d+")


class PatchDataset(Dataset[DataPoint]):
    """Patches of the cases of another data set: where says which places there are, which says what is taken of them.

    Over a data set that can give parts of a case (`eisen.datasets.StoreDataset`) only the bytes of the patch are
    read. Any other data set, or a list of dicts with arrays, is read case by case, and the last few cases are kept.

    A patch is a dict with the fields of the case. Arrays on the grid of the reference are cut, channels stay whole;
    ``<field>_meta`` says where the patch is in the body. Everything else (age, report, point cloud) comes with each
    patch. ``patch_region`` has the pair (start, stop) along each spatial axis, ``case_index`` the number of the case,
    ``patch_axis`` the axis a flat slice was cut across, ``patch_margin`` the voxels read around the region.

    Random places are a function of the seed, the epoch and the number of the patch: in a `Loader`, with any number of
    workers, the same ones. Nothing that is stored or kept is ever changed.

    Args:
        dataset: Data set of dicts, or a list of them; in a configuration an entry of its own.
        where: The places, e.g. ``Grid([64, 64, 64], overlap=0.5)``; in a configuration an entry of its own.
        which: What is taken of the places: `Uniform`, `Balanced`, `Weighted` draw at random; `NonConstant`,
            `Foreground`, `Cases`, `Matching` choose. A function is asked about each patch. Several in a list: all of
            them have to agree. None: all places; of `Anywhere` a uniform draw.
        n_per_case: Patches of each case in an epoch, where they are drawn; None: 1.
        fields: Arrays to cut; other arrays stay whole. None: all on the grid of the reference.
        reference: The field whose spatial shape counts. None: the first of `fields`, or the first array with the most
            axes.
        transform: What to do with a patch when it is read. A `Compose` may begin with steps for whole cases, e.g. the
            readers: see `n_steps`.
        n_steps: How many steps of the transform a whole case goes through before it is cut. None: all in front of the
            first that may be random; none where parts of a case can be read.
        keep_cases: How many cases that were read whole to keep in memory, in each process.
        reread: Read a case again in each epoch, so that random steps for whole cases give something new. False: a case
            is the same in all epochs.
        fill: What is outside of the case, for places that reach beyond: a number, or one per field; labels get 0.
        fill_mode: "constant" fills with `fill`, "edge" repeats the rim, "reflect" mirrors the case at its rim.
        spatial_dims: How many axes, the last ones, are space; None: as many as `where` has, or all but the first.
        seed: None: other random places in every epoch. A number: the same ones every time, e.g. for validation.

    Raises:
        ArgumentError: If an argument is wrong.
        EmptyDatasetError: If no patch is left (when they are counted).

    Example:
        >>> from eisen.patches import Grid, PatchDataset
        >>> case = {"image": np.arange(64.0).reshape(1, 8, 8), "age": 61}
        >>> patches = PatchDataset([case], Grid([4, 4], overlap=0.5))
        >>> len(patches), patches[4]["patch_region"], patches[4]["image"].shape, patches[4]["age"]
        (9, ((2, 6), (2, 6)), (1, 4, 4), 61)
    """

    def __init__(
        self,
        dataset: Dataset[Any],
        where: Where,
        which: Which | Sequence[Which] | Callable[[DataPoint], bool] | None = None,
        n_per_case: int | None = None,
        fields: Sequence[str] | None = None,
        reference: str | None = None,
        transform: Step | None = None,
        *,
        n_steps: int | None = None,
        keep_cases: int = 2,
        reread: bool = False,
        fill: float | Mapping[str, float] = 0,
        fill_mode: Literal["constant", "edge", "reflect"] = "constant",
        spatial_dims: int | None = None,
        seed: int | None = None,
    ) -> None:
        name = type(self).__name__
        _check_dataset(dataset, name)
        if not isinstance(where, Where):
            raise ArgumentError(f"{name}: where is {where!r}"[:200], expected="places, e.g. Grid([64, 64, 64])")
        if transform is not None and not callable(transform):
            raise ArgumentError(f"{name}: transform is {transform!r}"[:200], expected="None, a function or a transform")
        for key, value, least in (("n_per_case", n_per_case, 1), ("keep_cases", keep_cases, 1), ("seed", seed, 0)):
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
                raise ArgumentError(f"{name}: {key} is {value!r}", expected=f"a whole number from {least}")
        self.dataset, self.where, self.transform, self.seed = dataset, where, transform, seed
        self.selection = Selection(which, where, n_per_case, name)
        cut = None if fields is None else checked_fields(fields, name)
        dims = where.n_axes if spatial_dims is None else spatial_dims
        self._cutter = Cutter(cut, reference, dims, fill, fill_mode)
        self._cases = CaseReader(dataset, transform, n_steps, keep_cases, reread, self._reads_whole)
        self._notes: dict[int, dict[Any, Any]] = {}
        self._known: dict[int, tuple[tuple[int, ...], dict[str, Geometry]]] = {}
        self._counted: Counts | None = None

    _reads_whole = False
    """Whether cases are read whole even where parts of them could be read."""

    def __len__(self) -> int:
        return int(self._counts.ends[-1])

    def __getitem__(self, index: SupportsIndex) -> DataPoint:
        return self._patch(index, None)

    def read_into(self, index: SupportsIndex, room: Room) -> DataPoint:
        """Return a patch whose arrays are read straight to where they are needed, e.g. into their place in a batch.

        Args:
            index: Number of the patch.
            room: Returns the array for a field, from its name, shape and type.

        Example:
            >>> from eisen.patches import Slabs
            >>> case, batch = {"image": np.ones((1, 4, 4), "float32")}, np.zeros((2, 1, 2, 4), "float32")
            >>> patch = PatchDataset([case], Slabs(2)).read_into(1, lambda field, shape, dtype: batch[1])
            >>> patch["image"] is not None and batch.sum(axis=(1, 2, 3)).tolist()
            [0.0, 8.0]
        """
        return self._patch(index, room)

    def _patch(self, index: SupportsIndex, room: Room | None) -> DataPoint:
        number = self._number(index)
        case_number, turn = self._counts.place_of(number)
        place: Place | None = None
        try:
            case = self.open(case_number)
            place = self._place(case, turn, number)
            return self._cases.rest_of_steps(self._cutter.point(case, place, room))
        except EisenError as error:
            error.card.case = self._name(number, case_number, _in_words(place))
            error.note(file=self._file_of(case_number, error.card.field))
            raise
        except Exception as error:
            what = f"cutting a patch failed: {type(error).__name__}: {error}"
            raise StepError(what, case=self._name(number, case_number, _in_words(place))) from error

    # What others ask about cases and places

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
            >>> from eisen.patches import Slices
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
            >>> from eisen.patches import Whole
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
    def reads_regions(self) -> bool:
        """Whether parts of cases are read; else cases are read whole, and the last few are kept."""
        return self._cases.by_region

    def epoch_order(self, seed: int, epoch: int) -> npt.NDArray[np.int64]:
        """Return the patches of one epoch in a random order; the `Loader` asks for it where it shuffles.

        Where parts of a case can be read, any patch may follow any other. Otherwise patches of `keep_cases` cases at
        most are mixed at any time, so that each case is read once.

        Args:
            seed: First part of what the order depends on.
            epoch: Second part.
        """
        rng = np.random.default_rng(np.random.SeedSequence((seed, epoch), spawn_key=(0,)))
        if self._cases.by_region:
            return rng.permutation(len(self))
        return mixed_order(self._counts.per_case, self._cases.keep_cases, rng)

    # Which patch a number means

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

    def _place(self, case: CaseParts, turn: int, number: int) -> Place:
        among = self._counts.masks.get(case.number)
        draw = self.selection.draw
        if draw is None:
            return case.places[turn if among is None else among[turn]]
        rng = random.generator() if self.seed is None else np.random.default_rng((self.seed, number))
        return case.places[draw.draw(case, turn, rng, among)]

    def _name(self, number: int, case: int, which: str) -> str:
        """Return the name of a case with the number of the patch, and what is said about the patch."""
        name = _NUMBER.sub(f"#{number}", self._cases.name(case))
        called = name[:-1] if name.endswith(")") else f"{name} (case {case}"
        return f"{called}, {which})"

    def _file_of(self, case: int, field: str) -> str:
        """Return the file that a field of a case names, if it names one."""
        value = self._cases.listed(case).get(field)
        return value if isinstance(value, str) else ""


def _in_words(place: Place | None) -> str:
    if place is None:
        return "no patch yet"
    return "patch " + " x ".join(f"{start}:{stop}" for start, stop in place.patch_region)


def _check_dataset(dataset: Any, owner: str) -> None:
    if isinstance(dataset, type) or not hasattr(dataset, "__getitem__") or not hasattr(dataset, "__len__"):
        raise ArgumentError(
            f"{owner}: {dataset!r} is no data set that can be indexed"[:200],
            expected="an object with a length and dicts as items, e.g. StoreDataset(...)",
            to_do='in a configuration: "dataset": {"type": "eisen.datasets.StoreDataset", "params": {...}}',
        )
    if not len(dataset):
        raise EmptyDatasetError(f"{owner}: the data set inside has no cases", expected="at least one case")
