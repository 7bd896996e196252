"""Prediction: a label map, an image, or a row of a table per case, on the grid of its input file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from eisen._core.errors import ArgumentError, ConfigError, Problem
from eisen._core.sizes import memory_bytes, memory_text
from eisen._core.types import Array, Geometry, meta_field
from eisen.config import Experiment, Phase
from eisen.experiments.artifacts import make_folder
from eisen.experiments.lost_geometry import lost_geometry
from eisen.experiments.prediction.committee import DISAGREEMENT, ENTROPY
from eisen.experiments.prediction.passes import CasePass, image_field
from eisen.experiments.prediction.pending import Pending
from eisen.experiments.prediction.places import Picture, Place, Volume, checked_format, is_volume_file, source_of
from eisen.experiments.prediction.slabwise import Decided, decided_in_slabs
from eisen.experiments.prediction.table import ClassNames, write_table
from eisen.experiments.prediction.writers import write_channels, write_labels

if TYPE_CHECKING:
    from eisen.experiments.prediction.committee import Committee
    from eisen.experiments.prediction.kinds import Meaning
    from eisen.experiments.session import Session
    from eisen.utils.distributed import Distribution

__all__ = ["Predictor", "channel_values", "prediction_phase"]


class Predictor(CasePass):
    """Sends every case of a phase through the models and writes what comes out.

    Args:
        session: The frame of the run.
        phase: The phase whose cases are predicted; losses, metrics and hooks of it are left aside.
        committee: The trained models.
        folder: Where files and the table go.
        with_probabilities: Whether to write probability maps beside label maps.
        memory: Bytes that making a label map may take; None: ``.Memory`` of the phase, if it is set.
        file_format: What volumes are written as, see `eisen.experiments.prediction.places.FORMATS`.
    """

    def __init__(
        self,
        session: Session,
        phase: Phase,
        committee: Committee,
        folder: Path,
        with_probabilities: bool = False,
        *,
        memory: int | str | None = None,
        file_format: str = "nii.gz",
    ) -> None:
        self.format = checked_format(file_format, has_numbers=with_probabilities)
        budget = memory if memory is not None else phase.hyper.memory
        self.memory = None if budget is None else memory_bytes(budget)
        make_folder(folder)
        super().__init__(session, phase, committee, "Prediction")
        self.folder, self.with_probabilities = folder, with_probabilities
        self.rows: list[dict[str, str | float]] = []
        self._values = channel_values(session.experiment)
        self._labels = phase.hyper.labels or session.experiment.hyper.labels
        committee.waits = self.memory is not None
        if self.memory is not None and phase.hyper.sliding_window is None:
            session.observer.on_message(
                f"a budget of {memory_text(self.memory)} needs .SlidingWindow in {phase.name}, which is not set: "
                "each volume goes through the network as a whole"
            )

    @property
    def title(self) -> str:
        """What the written files are called on the screen."""
        meaning = self.committee.meaning
        return {"labels": "label maps", "image": "images"}.get(meaning.kind if meaning else "", "predictions")

    def run(self) -> None:
        """Predict all cases; the table has those that were, also when an error or Ctrl-C ends the run early."""
        distribution = self.session.distribution
        try:
            super().run()
            if distribution is not None:
                self._take_in(distribution)
        finally:
            if self.rows and self.session.is_main:
                path = self.folder / "predictions.csv"
                write_table(path, self.rows)
                self.session.result.table = path
                self.session.written(path, "a row per case")

    def _take_in(self, distribution: Distribution) -> None:
        """Take in what the other processes have written; cases went to them in turns."""
        rows = distribution.gather(self.rows)
        written = distribution.gather(self.session.result.predictions)
        order = {name: number for number, name in enumerate(self.names)}
        self.rows = sorted((row for part in rows for row in part), key=lambda row: order[str(row["case"])])
        self.session.result.predictions[:] = sorted(path for part in written for path in part)

    def on_case(self, number: int, batch: dict[str, Any], outputs: dict[str, Any]) -> None:
        """Write what the models say about a case."""
        prediction = outputs[self.model.output_names[0]]
        if isinstance(prediction, Pending):
            decided = self._decided(prediction, batch, number)
            if decided is not None:
                self._note_labels(decided, batch, number)
                return
            prediction, outputs[ENTROPY], outputs[DISAGREEMENT] = prediction.whole()
        values: Array = prediction[0].detach().cpu().numpy()
        meaning = cast("Meaning", self.committee.meaning)
        columns: dict[str, str | float] = {"case": self.names[number]}
        if meaning.kind == "values":
            names = ["value"] if len(values) == 1 else [f"value[{i}]" for i in range(len(values))]
            columns |= {name: float(value) for name, value in zip(names, values, strict=True)}
        elif meaning.kind == "classes":
            columns |= self._classes(values, meaning).row(values)
        else:
            columns["file"] = self._write(self._place(batch, number), self.names[number], values).name
        if meaning.link is not None:
            columns["entropy"] = float(outputs[ENTROPY][0])
        if not self.committee.is_alone:
            columns["disagreement"] = float(outputs[DISAGREEMENT][0])
        self.rows.append(columns)

    def _decided(self, pending: Pending, batch: dict[str, Any], number: int) -> Decided | None:
        """Return the label map of a case within the budget of memory; None: it is no label map of a volume."""
        layout = pending.layout()
        place = self._place(batch, number)
        kind = cast("Meaning", self.committee.meaning).kind
        if kind != "labels" or not isinstance(place, Volume) or pending.image.ndim != 5 or self.memory is None:
            return None
        channels = layout.grids[0].channels
        if self.with_probabilities:
            self._demand_room(channels, place)
            return None
        return decided_in_slabs(pending, place.geometry, self._values.get(channels), self.memory, layout)

    def _demand_room(self, channels: int, place: Volume) -> None:
        """Refuse probability maps that the budget has no room for."""
        needed = 3 * channels * 4 * math.prod(place.geometry.native.shape)
        if self.memory is not None and needed > self.memory:
            raise ArgumentError(
                f"probability maps of {channels} classes need about {memory_text(needed)} of memory",
                expected=f"no more than the budget of {memory_text(self.memory)}",
                to_do="leave --probabilities out, which needs little memory, or raise --memory",
            )

    def _note_labels(self, decided: Decided, batch: dict[str, Any], number: int) -> None:
        """Write a label map that is there already, and its row of the table."""
        name, place = self.names[number], self._place(batch, number)
        path = write_labels(self.folder, name, decided.labels, place, self._labels)
        self.session.result.predictions.append(path)
        columns: dict[str, str | float] = {"case": name, "file": path.name, "entropy": decided.entropy}
        if not self.committee.is_alone:
            columns["disagreement"] = decided.disagreement
        self.rows.append(columns)

    def _classes(self, likely: Array, meaning: Meaning) -> ClassNames:
        n = len(likely)
        values = self._values.get(n) or ([1] if n == 1 else list(range(n)))
        return ClassNames(values, self._labels, exclusive=meaning.link is None or meaning.link.kind == "softmax")

    def _write(self, place: Place, name: str, values: Array) -> Path:
        """Write the maps of a case and return the path of the first."""
        written = self.session.result.predictions
        if cast("Meaning", self.committee.meaning).kind == "image":
            checked_format(self.format, has_numbers=True)
            written.append(write_channels(self.folder, name, place.restored(values), place))
            return written[-1]
        labels = place.labels(values, self._values.get(len(values)))
        path = write_labels(self.folder, name, labels, place, self._labels)
        written.append(path)
        if self.with_probabilities:
            written.append(write_channels(self.folder, f"{name}_probabilities", place.restored(values), place))
        return path

    def _place(self, batch: dict[str, Any], number: int) -> Place:
        field = image_field(self.model, batch)
        records = batch.get(meta_field(field))
        if isinstance(records, Sequence) and isinstance(records[0], Geometry):
            return Volume(records[0], self.format)
        source = source_of(self.dataset, number, field, self.session.data_dir)
        if batch[field].ndim != 4 or is_volume_file(source):
            raise lost_geometry(field, self.dataset, number, self.seed)
        rows, columns = batch[field].shape[2:]
        return Picture((int(rows), int(columns)), source)


def prediction_phase(experiment: Experiment) -> Phase:
    """Return the phase whose cases are predicted: Prediction, else Testing, else Validation.

    Raises:
        ConfigError: If the configuration has none of them.
    """
    for name in ("Prediction", "Testing", "Validation"):
        phase = experiment.phases.get(name)
        if phase is not None and phase.datasets:
            return phase
    problem = Problem("Prediction", "predict: the section is missing", "Prediction with Datasets", experiment.path)
    raise ConfigError([problem])


def channel_values(experiment: Experiment) -> dict[int, list[int]]:
    """Return which label value each output channel stands for, by the number of channels.

    A model that was trained on `LabelMapToOneHot` has one channel per entry of its `classes`. Channels nothing is
    known about count from 0.
    """
    found: dict[int, list[int]] = {}
    for phase in experiment.phases.values():
        for entry in (*phase.transforms, *phase.batch_transforms):
            classes = entry.params.get("classes") if entry.name == "LabelMapToOneHot" else None
            if isinstance(classes, Sequence) and all(isinstance(c, (int, float)) and c == int(c) for c in classes):
                found.setdefault(len(classes), [int(c) for c in classes])
    return found
