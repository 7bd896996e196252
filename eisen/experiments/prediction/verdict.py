"""What models say about a case, brought to where its input is."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from eisen._core.errors import ArgumentError
from eisen._core.sizes import memory_text
from eisen._core.types import Array
from eisen.experiments.prediction.committee import DISAGREEMENT, ENTROPY, Committee
from eisen.experiments.prediction.kinds import Meaning
from eisen.experiments.prediction.pending import Pending
from eisen.experiments.prediction.places import Place, Volume
from eisen.experiments.prediction.slabwise import decided_in_slabs
from eisen.experiments.prediction.table import ClassNames

__all__ = ["Judge", "Verdict"]


@dataclass(frozen=True)
class Verdict:
    """What models say about one case.

    Args:
        kind: One of `eisen.experiments.prediction.kinds.KINDS` but ``"auto"``.
        values: Probabilities, intensities or numbers (C, ...) on the grid of the model; None when only the label map
            was made.
        place: Where a prediction with voxels belongs; None for classes and numbers.
        label_values: Which label value each channel stands for.
        label_map: On the grid of the input, where it is made already.
        columns: What the table of a run says about the case, without its name and file.
    """

    kind: str
    values: Array | None
    place: Place | None
    label_values: list[int] | None
    label_map: Array | None
    columns: dict[str, str | float]

    def labels(self) -> Array:
        """Return the label map on the grid of the input."""
        if self.label_map is not None:
            return self.label_map
        place, values = cast(Place, self.place), cast(Array, self.values)
        return place.labels(values, self.label_values)

    def channels(self) -> Array:
        """Return probabilities or intensities (C, ...) on the grid of the input; 0 where the model has not looked."""
        place, values = cast(Place, self.place), cast(Array, self.values)
        return place.restored(values)


@dataclass
class Judge:
    """Turns the outputs of a committee into a verdict.

    Args:
        committee: The trained models.
        label_values: Which label values the channels stand for, by the number of channels.
        label_names: Names of label values and classes.
        memory: Bytes that making a label map may take; None: as many as it needs.
        with_probabilities: Whether probabilities are wanted beside label maps.
    """

    committee: Committee
    label_values: Mapping[int, list[int]]
    label_names: Mapping[int, str] | None = None
    memory: int | None = None
    with_probabilities: bool = False

    def __post_init__(self) -> None:
        self.committee.waits = self.memory is not None

    def verdict(self, outputs: dict[str, Any], name: str, place: Place | None) -> Verdict:
        """Return what the committee says about a case.

        Args:
            outputs: Of the committee, for a batch of this case alone.
            name: Of the first output.
            place: Where a prediction with voxels belongs; it may be None if there are none.

        Raises:
            ArgumentError: If the budget has no room for probabilities that are wanted.
        """
        said = outputs[name]
        unsure, apart = outputs[ENTROPY], outputs[DISAGREEMENT]
        if isinstance(said, Pending):
            decided = self._decided(said, place)
            if decided is not None:
                return decided
            said, unsure, apart = said.whole()
        values: Array = said[0].detach().cpu().numpy()
        meaning = cast(Meaning, self.committee.meaning)
        columns: dict[str, str | float] = {}
        if meaning.kind == "values":
            names = ["value"] if len(values) == 1 else [f"value[{i}]" for i in range(len(values))]
            columns |= {name: float(value) for name, value in zip(names, values, strict=True)}
        elif meaning.kind == "classes":
            columns |= self.classes(len(values)).row(values)
        columns |= self._doubts(float(unsure[0]), float(apart[0]))
        has_voxels = meaning.kind in ("labels", "image")
        return Verdict(
            meaning.kind, values, place if has_voxels else None, self.label_values.get(len(values)), None, columns
        )

    def classes(self, n_channels: int) -> ClassNames:
        """Return what the channels of a classifier are called."""
        meaning = cast(Meaning, self.committee.meaning)
        values = self.label_values.get(n_channels) or ([1] if n_channels == 1 else list(range(n_channels)))
        return ClassNames(values, self.label_names, exclusive=meaning.link is None or meaning.link.kind == "softmax")

    def _doubts(self, entropy: float, disagreement: float) -> dict[str, str | float]:
        """Return the columns that say how unsure the models are."""
        meaning = cast(Meaning, self.committee.meaning)
        columns: dict[str, str | float] = {} if meaning.link is None else {"entropy": entropy}
        return columns if self.committee.is_alone else {**columns, "disagreement": disagreement}

    def _decided(self, pending: Pending, place: Place | None) -> Verdict | None:
        """Return the label map of a case within the budget of memory; None: it is no label map of a volume."""
        layout = pending.layout()
        kind = cast(Meaning, self.committee.meaning).kind
        if kind != "labels" or not isinstance(place, Volume) or pending.image.ndim != 5 or self.memory is None:
            return None
        channels = layout.grids[0].channels
        values = self.label_values.get(channels)
        if self.with_probabilities:
            self._demand_room(channels, place)
            return None
        found = decided_in_slabs(pending, place.geometry, values, self.memory, layout)
        doubts = self._doubts(found.entropy, found.disagreement)
        return Verdict(kind, None, place, values, found.labels, doubts)

    def _demand_room(self, channels: int, place: Volume) -> None:
        """Refuse probability maps that the budget has no room for."""
        needed = 3 * channels * 4 * math.prod(place.geometry.native.shape)
        if self.memory is not None and needed > self.memory:
            raise ArgumentError(
                f"probability maps of {channels} classes need about {memory_text(needed)} of memory",
                expected=f"no more than the budget of {memory_text(self.memory)}",
                to_do="leave --probabilities out, which needs little memory, or raise --memory",
            )
