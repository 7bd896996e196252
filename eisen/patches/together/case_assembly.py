"""Batches of patches, of several cases and in any order, become whole cases again."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, Unpack

from eisen._core.errors import ArgumentError, DataError, EisenError, MissingFieldError, ShapeError
from eisen._core.optional import is_torch
from eisen._core.types import Geometry, meta_field
from eisen.patches.together.assembled import Assembled
from eisen.patches.together.assembly import Assembler, AssemblyOptions
from eisen.patches.together.collated import places_of, voxels_of
from eisen.patches.together.known_cases import Known, KnownCases
from eisen.patches.together.plane_assembly import PlaneAssembler
from eisen.storage.regions import Region

__all__ = ["CaseAssembler", "Interaction"]

Interaction: TypeAlias = Callable[[str, Any, Region], tuple[Any, Any]]
"""From (field, values, region) of a patch to the values and the region that are added instead."""

_ALONE = "output"


@dataclass
class _Case:
    """One case in the making."""

    known: Known
    parts: dict[str, Assembled] = field(default_factory=dict)
    n_patches: int = 0


class CaseAssembler:
    """Puts what a network says about patches together, case by case, while batches of them come in.

    A case is ready when every voxel is in a patch and all its patches have come; never before. Only cases that were
    begun and not taken yet are in memory: taken as soon as they are ready, that is one or two when patches come in
    order.

    Args:
        cases: The `PatchDataset`; or the spatial shapes of the cases: a list, a dict, or a function of their number.
        fields: Which of the outputs; None: all.
        n_patches: How many patches each case has (a number, list, dict or function). None: what the data set says; if
            it says nothing, a case is ready when every voxel is in a patch, and later patches of it are an error.
        planes: Axes that slices are across, for 2.5-D; None: patches are not slices, or across one axis.
        merge: With `planes`, how the planes are merged, see `PlaneAssembler`; a dict chooses by field.
        interaction: A function that may change the values and the region of each patch before it is added.
        finish: What `pop` gives for a field: ``"values"``, ``"labels"`` (the channel with the largest value, without a
            copy of all channels), or a function of the assembler; a dict chooses by field.
        **options: Those of `Assembler`; a dict chooses by field, e.g. ``policy={"label": "majority"}``.

    Raises:
        ArgumentError: If an argument is wrong.

    Example:
        >>> import numpy as np
        >>> picture = np.random.default_rng(0).random((1, 6, 4))
        >>> assembler = CaseAssembler([(6, 4)])
        >>> for start in (0, 2):
        ...     batch = {"case_index": [0], "patch_region": [((start, start + 4), (0, 4))]}
        ...     assembler.add_batch(picture[None, :, start:start + 4], batch)
        ...     print(assembler.ready)
        []
        [0]
        >>> bool((assembler.pop(0) == picture).all()), assembler.missing
        (True, {})
    """

    def __init__(
        self,
        cases: Any,
        fields: Sequence[str] | None = None,
        *,
        n_patches: Any = None,
        planes: Sequence[int] | None = None,
        merge: str | Callable[[Any], Any] | Mapping[str, Any] = "mean",
        interaction: Interaction | None = None,
        finish: str | Callable[[Assembled], Any] | Mapping[str, Any] = "values",
        **options: Unpack[AssemblyOptions],
    ) -> None:
        self._known = KnownCases(cases, n_patches)
        self.fields = None if fields is None else list(fields)
        self._planes, self._merge = planes, merge
        self._interaction = interaction
        self._finish = finish
        self._options = options
        self._check()
        self._open: dict[int, _Case] = {}
        self._taken: set[int] = set()
        self._is_alone: bool | None = None

    @property
    def ready(self) -> list[int]:
        """The numbers of the cases that are complete, in the order in which they were begun."""
        return [number for number, case in self._open.items() if self._is_ready(number, case)]

    @property
    def missing(self) -> dict[int, int]:
        """How many voxels are in no patch yet, of each case that was begun and not taken."""
        return {n: max((p.n_missing for p in case.parts.values()), default=0) for n, case in self._open.items()}

    def add_batch(self, outputs: Any, batch: Mapping[str, Any]) -> None:
        """Add the outputs for a batch of patches.

        Args:
            outputs: (B, C, ...), or a dict of such arrays or tensors.
            batch: The batch, with its fields ``case_index`` and ``patch_region``.

        Raises:
            ShapeError: If an output does not have one entry per patch, or a shape that does not fit its region.
            DataError: If a case was taken already.
        """
        places = places_of(batch)
        for name, values in (columns := self._columns(outputs)).items():
            if not hasattr(values, "shape") or len(values.shape) < 2 or len(values) != len(places):
                shape = tuple(values.shape) if hasattr(values, "shape") else type(values).__name__
                raise ShapeError(
                    f"the output '{name}' is {shape} for a batch of {len(places)} patches",
                    expected=f"({len(places)}, channels, ...)",
                    to_do="name the outputs that are images in fields=[...]",
                    field=name,
                )
        if self._interaction is None and self._planes is None and (of_case := voxels_of(places, columns)):
            for number, members in of_case.items():
                self._add_voxels(number, columns, members, [[a for a, _ in places[n][1]] for n in members])
            return
        planes = batch.get("patch_axis") if self._planes is not None else None
        for place, (number, region) in enumerate(places):
            patches = {name: values[place] for name, values in columns.items()}
            self._add(number, patches, region, {} if planes is None else {"plane": int(planes[place])})

    def pop(self, case: int, allow_missing: float | None = None) -> Any:
        """Return a case and forget it.

        Args:
            case: Its number.
            allow_missing: What voxels have that are in no patch; None: the case must be ready.

        Returns:
            As the outputs came: one array (C, ...), or a dict of them that also has the geometry of the case as
            ``<field>_meta``, where the data set knows it.

        Raises:
            DataError: If the case is not there, or not ready.
        """
        if case not in self._open:
            raise DataError(
                f"case {case} is not being put together",
                expected=f"one of {list(self._open)}" if self._open else "a case of which patches were added",
                to_do="it was taken already" if case in self._taken else "",
                case=f"#{case}",
            )
        parts, known = self._open[case].parts, self._open[case].known
        try:
            result = {name: self._finished(case, name, part, allow_missing) for name, part in parts.items()}
        except EisenError as error:
            raise error.note(case=known.name) from None
        self._open.pop(case)
        self._taken.add(case)
        if self._is_alone:
            return result[_ALONE]
        return result if known.geometry is None else result | {meta_field(name): known.geometry for name in parts}

    def drain(self) -> Iterator[tuple[int, Any]]:
        """Take all cases that are ready, one after the other: number and result.

        Example:
            >>> import torch
            >>> assembler = CaseAssembler([(1, 1)])
            >>> batch = {"case_index": [0], "patch_region": [((0, 1), (0, 1))]}
            >>> assembler.add_batch(torch.full((1, 1, 1, 1), 5.0), batch)
            >>> dict(assembler.drain())
            {0: array([[[5.]]], dtype=float32)}
        """
        for number in self.ready:
            yield number, self.pop(number)

    def reset(self) -> None:
        """Forget all cases, those that were taken too: patches may begin again."""
        self._open, self._taken, self._is_alone = {}, set(), None

    def geometry(self, case: int) -> Geometry | None:
        """Return where the voxels of a case are; None: the data set does not know."""
        return (self._open[case].known if case in self._open else self._known.of(case)).geometry

    def _check(self) -> None:
        """Try the options, so that what is wrong with them is said before the first patch."""
        for name in self.fields or [_ALONE]:
            margin = self._options_of(name).get("margin")
            n_axes = len(margin) if isinstance(margin, (list, tuple)) else max(self._planes or [0]) + 1
            self._new(name, (1,) * n_axes, 1)
        finish = self._finish.values() if isinstance(self._finish, Mapping) else [self._finish]
        if any(not callable(way) and way not in ("values", "labels") for way in finish):
            raise ArgumentError(f"finish is {self._finish!r}", expected="'values', 'labels' or a function")

    def _is_ready(self, number: int, case: _Case) -> bool:
        return not self._n_waiting(number) and all(part.is_complete for part in case.parts.values())

    def _n_waiting(self, number: int) -> int:
        """Return how many patches of a case have not come yet, as far as that is known."""
        return max(0, (self._known.n_patches(number) or 0) - self._open[number].n_patches)

    def _columns(self, outputs: Any) -> dict[str, Any]:
        """Return the outputs by field, those that are wanted, where they can be added."""
        is_alone = not isinstance(outputs, Mapping)
        if self._is_alone not in (None, is_alone):
            raise ArgumentError("one batch has a single output and another a dict of them", expected="always the same")
        self._is_alone = is_alone
        named = {_ALONE: outputs} if is_alone else outputs
        for name in self.fields or () if not is_alone else ():
            if name not in named:
                raise MissingFieldError(
                    f"there is no output '{name}'", expected=f"one of {', '.join(map(str, named))}", field=name
                )
        return {name: self._near(named[name]) for name in (named if is_alone else self.fields or named)}

    def _near(self, values: Any) -> Any:
        """Return a batch on the host if it is put together there: one copy instead of one per patch."""
        is_far = is_torch(values) and values.device.type != "cpu" and self._options.get("device") is None
        return values.detach().cpu() if is_far else values

    def _add(self, number: int, values: dict[str, Any], region: Any, plane: Any) -> None:
        case = self._begun(number)
        for name, patch in values.items():
            where: Any = tuple(slice(start, stop) for start, stop in region)
            try:
                if self._interaction is not None:
                    patch, where = self._interaction(name, patch, where)
                if name not in case.parts:
                    case.parts[name] = self._new(name, case.known.shape, len(patch))
                case.parts[name].add(patch, where, **plane)
            except EisenError as error:
                raise error.note(case=case.known.name, field="" if self._is_alone else name) from None
        case.n_patches += 1

    def _add_voxels(self, number: int, columns: dict[str, Any], members: list[int], voxels: list[list[int]]) -> None:
        """Add patches of one voxel, all of one case, at once."""
        case = self._begun(number)
        for name, values in columns.items():
            chosen = values[members].reshape(len(members), -1)
            try:
                if name not in case.parts:
                    case.parts[name] = self._new(name, case.known.shape, chosen.shape[1])
                part: Any = case.parts[name]  # no planes: an Assembler
                part.add_voxels(chosen, voxels)
            except EisenError as error:
                raise error.note(case=case.known.name, field="" if self._is_alone else name) from None
        case.n_patches += len(members)

    def _begun(self, number: int) -> _Case:
        """Return a case in the making, begun now if it is new."""
        if number in self._open:
            return self._open[number]
        if number in self._taken and self._known.n_patches(number) is None:
            raise DataError(
                f"a patch of case {number} came after the case was taken",
                expected="nothing more of a case that was complete",
                to_do="tell how many patches each case has (n_patches), or call reset() before the next round",
                case=f"#{number}",
            )
        self._open[number] = _Case(self._known.of(number))
        return self._open[number]

    def _options_of(self, name: str) -> dict[str, Any]:
        """Return the options for a field."""
        chosen = {}
        for option, value in self._options.items():
            if not isinstance(value, Mapping):
                chosen[option] = value
            elif name in value:
                chosen[option] = value[name]
        return chosen

    def _new(self, name: str, shape: tuple[int, ...], n_channels: int) -> Assembled:
        options: Any = self._options_of(name)
        if self._planes is None:
            return Assembler(shape, n_channels, **options)
        merge = self._merge.get(name, "mean") if isinstance(self._merge, Mapping) else self._merge
        return PlaneAssembler(shape, n_channels, self._planes, merge, **options)

    def _finished(self, number: int, name: str, part: Assembled, allow_missing: Any) -> Any:
        """Return what a field of a case has become."""
        waiting = self._n_waiting(number)
        if allow_missing is None and part.is_complete and waiting:
            raise DataError(
                f"{waiting} patches of case {number} have not come yet",
                expected=f"all {self._known.n_patches(number)} of them: they overlap what is there",
                to_do="wait until it is among those that are ready, or take it as it is with allow_missing=0",
            )
        way = self._finish.get(name, "values") if isinstance(self._finish, Mapping) else self._finish
        if callable(way):
            return way(part)
        return part.result(allow_missing) if way == "values" else part.labels(allow_missing=allow_missing)
