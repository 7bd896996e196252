"""Patches of cases as a data set of their own."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, SupportsIndex

import numpy as np
from torch.utils.data import Dataset

from eisen._core import random
from eisen._core.errors import EisenError, StepError
from eisen._core.fields import checked_fields
from eisen._core.types import DataPoint, Step
from eisen.patches.cutting.arguments import check_dataset, check_numbers, check_steps
from eisen.patches.cutting.cases import CaseParts
from eisen.patches.cutting.cut import Cutter, Room
from eisen.patches.cutting.opening import CaseReader
from eisen.patches.cutting.patches_of_cases import PatchesOfCases
from eisen.patches.where.indexing import Where
from eisen.patches.where.places import Place
from eisen.patches.which.sampling import Which
from eisen.patches.which.selecting import Selection

__all__ = ["PatchDataset"]


class PatchDataset(PatchesOfCases):
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
        cases_at_once: How many cases that were read whole are in memory at a time, in each process; None: 2, in a
            `PatchQueue` 8.
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

    splits_inside = True
    """A split divides the cases of the data set inside, and patches are cut from those of each part."""

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
        cases_at_once: int | None = None,
        reread: bool = False,
        fill: float | Mapping[str, float] = 0,
        fill_mode: Literal["constant", "edge", "reflect"] = "constant",
        spatial_dims: int | None = None,
        seed: int | None = None,
    ) -> None:
        name = type(self).__name__
        check_dataset(dataset, name)
        check_steps(where, transform, name)
        check_numbers(name, n_per_case=(n_per_case, 1), cases_at_once=(cases_at_once, 1), seed=(seed, 0))
        self.where, self.transform, self.seed = where, transform, seed
        self.selection = Selection(which, where, n_per_case, name)
        cut = None if fields is None else checked_fields(fields, name)
        dims = where.n_axes if spatial_dims is None else spatial_dims
        self._cutter = Cutter(cut, reference, dims, fill, fill_mode)
        self.cases_at_once = self._cases_at_once if cases_at_once is None else cases_at_once
        self._cases = CaseReader(dataset, transform, n_steps, self.cases_at_once, reread, self._reads_whole)
        self.dataset = self._cases.dataset  # a cache keeps cases after the steps for whole cases
        self._notes, self._known, self._counted = {}, {}, None

    _reads_whole = False
    """Whether cases are read whole even where parts of them could be read."""
    _cases_at_once = 2
    """How many cases that were read whole are in memory at a time, where nothing else is said."""

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

    def _place(self, case: CaseParts, turn: int, number: int) -> Place:
        among = self._counts.masks.get(case.number)
        draw = self.selection.draw
        if draw is None:
            return case.places[turn if among is None else among[turn]]
        rng = random.generator() if self.seed is None else np.random.default_rng((self.seed, number))
        return case.places[draw.draw(case, turn, rng, among)]


def _in_words(place: Place | None) -> str:
    if place is None:
        return "no patch yet"
    return "patch " + " x ".join(f"{start}:{stop}" for start, stop in place.patch_region)
