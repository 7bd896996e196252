"""Prediction: a label map, an image, or a row of a table per case, on the grid of its input file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen._core.errors import ConfigError, Problem
from eisen._core.sizes import memory_bytes, memory_text
from eisen._core.types import Geometry, meta_field
from eisen.config import Experiment, Phase
from eisen.experiments.artifacts import make_folder
from eisen.experiments.lost_geometry import lost_geometry
from eisen.experiments.prediction.label_values import channel_values
from eisen.experiments.prediction.passes import CasePass, image_field
from eisen.experiments.prediction.pending import Pending
from eisen.experiments.prediction.places import Picture, Place, Volume, checked_format, is_volume_file, source_of
from eisen.experiments.prediction.table import write_table
from eisen.experiments.prediction.verdict import Judge, Verdict
from eisen.experiments.prediction.writers import write_channels, write_labels

if TYPE_CHECKING:
    from eisen.experiments.prediction.committee import Committee
    from eisen.experiments.session import Session
    from eisen.utils.distributed import Distribution

__all__ = ["Predictor", "prediction_phase"]


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
        labels = phase.hyper.labels or session.experiment.hyper.labels
        values = channel_values(session.experiment)
        self._judge = Judge(committee, values, labels, self.memory, with_probabilities)
        if self.memory is not None and phase.hyper.sliding_window is None:
            session.say(
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
        place = self._place(batch, number) if self._has_voxels(outputs) else None
        verdict = self._judge.verdict(outputs, self.model.output_names[0], place)
        columns: dict[str, str | float] = {"case": self.names[number]}
        if verdict.place is not None:
            columns["file"] = self._write(verdict.place, self.names[number], verdict).name
        self.rows.append(columns | verdict.columns)

    def _has_voxels(self, outputs: dict[str, Any]) -> bool:
        said, meaning = outputs[self.model.output_names[0]], self.committee.meaning
        return isinstance(said, Pending) or (meaning is not None and meaning.kind in ("labels", "image"))

    def _write(self, place: Place, name: str, verdict: Verdict) -> Path:
        """Write the maps of a case and return the path of the first."""
        written = self.session.result.predictions
        if verdict.kind == "image":
            checked_format(self.format, has_numbers=True)
            written.append(write_channels(self.folder, name, verdict.channels(), place))
            return written[-1]
        path = write_labels(self.folder, name, verdict.labels(), place, self._judge.label_names)
        written.append(path)
        if self.with_probabilities:
            written.append(write_channels(self.folder, f"{name}_probabilities", verdict.channels(), place))
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
