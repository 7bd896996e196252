"""Patches become a whole again."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypedDict

import numpy as np
import numpy.typing as npt

from eisen._core.errors import ArgumentError, DataError, ShapeError
from eisen._core.types import Array
from eisen.patches.together.assembled import Assembled
from eisen.patches.together.placing import Margin, checked_margin, place
from eisen.patches.together.room import Room, is_float
from eisen.patches.together.rules import RULES, Rule, make_rule
from eisen.patches.together.weights import Weights

__all__ = ["Assembler", "AssemblyOptions"]


class AssemblyOptions(TypedDict, total=False):
    """What `Assembler` understands besides the shape; `CaseAssembler` hands it on."""

    weights: Any
    dtype: Any
    policy: Any
    margin: Any
    accumulate: Any
    device: Any
    spill: Any
    sigma: Any


class Assembler(Assembled):
    """A volume, or a picture, that is put together from patches, in any order.

    Where patches overlap, floats are blended: each voxel is the mean of what the patches say, with weights that
    favour the middle of a patch. Whole numbers are labels, which have no mean: say by `policy` which one stays. Patches
    that reach beyond the volume are cut there. Which voxels have a value is known at any time.

    Args:
        shape: Of the volume, without channels.
        n_channels: Number of channels of every patch.
        weights: How much the voxels of a patch count: ``"gaussian"``, ``"constant"``, an array of the shape of a patch,
            or a function from its shape to such an array.
        dtype: Type of the result; None: that of the first patch.
        policy: Which value a voxel of several patches gets. ``"blend"``: the mean (floats only, and their default);
            ``"majority"``: the one with the largest weight, of equals the smallest; ``"first"``, ``"last"`` or
            ``"max"``.
        margin: Where values and region of a patch differ in size, as with convolutions that do not pad. None: never.
            A number of voxels lost at each end (or one per axis, or one pair per axis): the values are those of the
            region without this rim; values of the whole region lose theirs. ``"center"``: whichever is larger
            loses its rim.
        accumulate: Type to compute in, ``"float32"`` or ``"float64"``; None: float64 for float64 patches only.
        device: None puts the volume into the memory of the host; ``"same"`` onto the device of the first patch; or the
            name of a device. The result is a tensor there.
        spill: A folder: the volume is in a temporary file there, for volumes larger than memory.
        sigma: Standard deviation of the Gaussian as a part of the patch.

    Raises:
        ArgumentError: If an argument is wrong.

    Example:
        >>> whole = np.arange(10.0)[None]
        >>> assembler = Assembler((10,), 1)
        >>> for start in (0, 3, 6):
        ...     assembler.add(whole[:, start:start + 4], [slice(start, start + 4)])
        >>> assembler.is_complete, bool((assembler.result() == whole).all())
        (True, True)
    """

    def __init__(
        self,
        shape: Sequence[int],
        n_channels: int,
        weights: str | Array | Callable[[tuple[int, ...]], Any] = "gaussian",
        dtype: npt.DTypeLike | Any | None = None,
        *,
        policy: Literal["blend", "majority", "first", "last", "max"] | None = None,
        margin: Margin = None,
        accumulate: Literal["float32", "float64"] | None = None,
        device: Any = None,
        spill: str | os.PathLike[str] | None = None,
        sigma: float = 0.125,
    ) -> None:
        super().__init__(shape, n_channels)
        self.policy = _one_of(policy, (None, *RULES), "policy")
        self.margin = checked_margin(margin, len(self.shape))
        self._accumulate = _one_of(accumulate, (None, "float32", "float64"), "accumulate")
        self._room = Room(device, spill)
        self._weights = Weights(weights, sigma)
        self._dtype = dtype
        self._types: tuple[Any, Any] = (None, None)
        self._rule: Rule | None = None
        self._covered = np.zeros(self.shape, bool)
        self._n_missing = self._covered.size

    @property
    def n_missing(self) -> int:
        """How many voxels are in no patch so far."""
        return self._n_missing

    @property
    def covered(self) -> Array:
        """Which voxels are in a patch, of the shape of the volume. Not to be changed."""
        return self._covered

    @property
    def has_values(self) -> bool:
        """Whether there is a patch."""
        return self._rule is not None

    def add(self, values: Any, region: Any) -> None:
        """Add a patch.

        Args:
            values: (C, ...), array or tensor; axes along which the region has one voxel may be absent.
            region: Where it is: a slice or (start, stop) for each spatial axis. May reach beyond the volume.

        Raises:
            ShapeError: If the values do not fit the region, or the region does not fit the volume.
            DataError: If the values are not numbers of the type of those before.
            ArgumentError: If they are whole numbers, and no policy says what to do with those.
        """
        values = self._room.bring(values)
        if not values.shape or len(values) != self.n_channels:
            raise self._other_channels(values)
        patch = place(values, region, self.shape, self.margin)
        rule = self._ready_for(values)
        covered = self._covered[patch.region]
        n_new = covered.size - int(np.count_nonzero(covered))
        known = None if n_new == covered.size else covered
        weights = self._weights.of(patch.sizes, self._room)[patch.window]
        rule.add(self._room.cast(patch.values, self._types[1]), patch.region, weights, known)
        covered[...] = True
        self._n_missing -= n_new

    def add_voxels(self, values: Any, voxels: Any) -> None:
        """Add many patches of one voxel at once, which is much faster than one by one.

        Args:
            values: (N, C), array or tensor.
            voxels: (N, axes), the index of each voxel.

        Raises:
            ShapeError: If there are other numbers of voxels, channels or axes, or a voxel is outside of the volume.

        Example:
            >>> assembler = Assembler((2, 2), 1)
            >>> assembler.add_voxels(np.array([[1.0], [2.0]]), [(0, 1), (1, 0)])
            >>> assembler.result(allow_missing=0)
            array([[[0., 1.],
                    [2., 0.]]])
        """
        values, places = self._room.bring(values), np.asarray(voxels, np.int64)
        if tuple(values.shape) != (len(values), self.n_channels):
            raise self._other_channels(values)
        if places.shape != (len(values), len(self.shape)) or (places < 0).any() or (places >= self.shape).any():
            raise ShapeError(
                f"the indices of {len(values)} voxels have shape {places.shape} and are up to {places.max(0).tolist()}",
                expected=f"({len(values)}, {len(self.shape)}), below {self.shape}",
            )
        index = tuple(places.T)
        is_new = not self._covered[index].any() and len(np.unique(np.ravel_multi_index(index, self.shape))) == len(
            values
        )
        if not is_new:
            for value, voxel in zip(values, places, strict=True):
                self.add(value, [(k, k + 1) for k in voxel])
            return
        rule = self._ready_for(values)
        weight = float(self._weights.of((1,) * len(self.shape), self._room).max())
        rule.put(self._room.cast(values.T, self._types[1]), index, weight)
        self._covered[index] = True
        self._n_missing -= len(values)

    def slab(self, start: int, stop: int) -> Any:
        """Return the values (C, ...) between two planes of the first spatial axis; 0 where no patch is.

        Raises:
            DataError: If there is no patch yet.
        """
        if self._rule is None:
            raise self._incomplete()
        return self._room.cast(self._rule.slab(start, stop), self._types[0])

    def _other_channels(self, values: Any) -> ShapeError:
        return ShapeError(
            f"the values of a patch have shape {tuple(values.shape)}, which is not {self.n_channels} channels",
            expected=f"({self.n_channels}, ...), channels first",
            to_do="keep the channel axis of a label map: argmax(..., keepdim=True)",
        )

    def _ready_for(self, values: Any) -> Rule:
        """Return the volume for values of this type, made for the first of them."""
        if self._rule is None:
            policy = self.policy or ("blend" if is_float(values.dtype) else None)
            if policy is None or (policy == "blend" and not is_float(values.dtype)):
                raise ArgumentError(
                    f"the patches hold whole numbers ({values.dtype}), which cannot be blended",
                    expected="policy='majority', 'first', 'last' or 'max' for labels, or floats",
                    to_do="choose a policy, or add probabilities and ask for labels() in the end",
                )
            self._make_rule(policy, values.dtype)
        elif values.dtype != self._type_in:
            raise DataError(
                f"this patch holds {values.dtype}, the ones before it {self._type_in}", expected="patches of one type"
            )
        assert self._rule is not None
        return self._rule

    def _make_rule(self, policy: str, given: Any) -> None:
        """Choose the types (of the result, of what is stored) for patches of a type, and make the volume."""
        result = self._room.type_of(given if self._dtype is None else self._dtype)
        if is_float(given) != is_float(result):
            raise ArgumentError(
                f"the patches hold {given}, and the result shall be {result}",
                expected="floats for floats, a type of whole numbers for labels",
            )
        double = policy == "blend" and str(given).endswith("float64")
        kind = self._room.type_of(self._accumulate or ("float64" if double else "float32"))
        self._type_in, self._types = given, (result, kind if policy == "blend" else result)
        self._rule = make_rule(policy, self._room, (self.n_channels, *self.shape), result, kind)


def _one_of(value: Any, choices: tuple[Any, ...], name: str) -> Any:
    if value not in choices:
        raise ArgumentError(f"{name} is {value!r}", expected=f"one of {', '.join(map(repr, choices))}")
    return value
