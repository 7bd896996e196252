"""Prediction: one label map per case, on the grid of its input file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from eisen._core.errors import ConfigError, DataError, GeometryError, MissingFieldError, Problem
from eisen._core.types import Array, Geometry, is_label_field, meta_field
from eisen.config import Experiment, Phase
from eisen.experiments.artifacts import make_folder
from eisen.experiments.case_names import case_names
from eisen.experiments.label_maps import probabilities
from eisen.experiments.lost_geometry import lost_geometry
from eisen.experiments.parts import build_phase, seed_of
from eisen.experiments.session import Session
from eisen.experiments.weights import bare_module
from eisen.transforms.functional.restore import restore_label_map

if TYPE_CHECKING:
    from eisen.utils import EisenModuleWrapper
    from eisen.utils.events import BatchEnd

__all__ = ["Predictor", "channel_values", "prediction_phase"]

_TOLERANCE_MM = 1e-3


class Predictor:
    """Sends every case of a phase through the model and writes what comes out.

    Args:
        session: The frame of the run.
        phase: The phase whose cases are predicted; losses, metrics and hooks of it are left aside.
        model: The trained model.
        folder: Where the label maps go.
        activation: See `eisen.experiments.Run.predict`.
    """

    def __init__(
        self, session: Session, phase: Phase, model: EisenModuleWrapper, folder: Path, activation: str
    ) -> None:
        experiment = session.experiment
        make_folder(folder)
        self.session, self.model, self.folder, self.activation = session, model, folder, activation
        self.seed = seed_of(experiment)
        alone = replace(phase.hyper, batch_size=1)  # cases may be of different size
        bare = replace(phase, name="Prediction", losses=[], metrics=[], optimizer=[], workflow=[], hyper=alone)
        self.parts = build_phase(experiment, bare, model, session.data_dir, None)
        self._names = case_names(self.parts.loader.dataset)
        self._values = channel_values(experiment)

    def run(self) -> None:
        """Predict all cases."""
        subscription = self.parts.workflow.subscribe(self)
        try:
            self.session.run_epoch(self.parts, 0)
        finally:
            subscription.remove()

    def on_batch_end(self, event: BatchEnd) -> None:
        """Write the label map of a case."""
        index = event.number
        try:
            geometry = self._geometry(event.inputs, index)
            output = event.outputs[self.model.output_names[0]][0].detach().float().cpu().numpy()
            declared = getattr(bare_module(self.model), "outputs_activation", None)
            likely = probabilities(output, self.activation, declared)
            labels = restore_label_map(likely, geometry, self._values.get(likely.shape[0]))
            self._write(self.folder / f"{self._names[index]}.nii.gz", labels, geometry)
        except DataError as error:
            cases = getattr(event.inputs, "cases", [])
            raise error.note(case=cases[0] if cases else f"#{index}") from error.__cause__

    def _geometry(self, batch: dict[str, Any], index: int) -> Geometry:
        field = image_field(self.model, batch)
        records = batch.get(meta_field(field))
        if not isinstance(records, Sequence) or not isinstance(records[0], Geometry):
            raise lost_geometry(field, self.parts.loader.dataset, index, self.seed)
        return records[0]

    def _write(self, path: Path, labels: Array, geometry: Geometry) -> None:
        from eisen.io import write_nifti

        write_nifti(path, labels, geometry.native_affine)
        try:
            _demand_same_grid(path, geometry)
        except GeometryError:
            path.unlink()
            raise
        self.session.result.predictions.append(path)


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


def image_field(model: EisenModuleWrapper, batch: dict[str, Any]) -> str:
    """Return the field whose grid a prediction is on: the first image among the inputs of the model.

    Raises:
        MissingFieldError: If the batch has none.
    """
    inputs = [name for name in model.input_names if name in batch and hasattr(batch[name], "shape")]
    images = [name for name in inputs if not is_label_field(name) and batch[name].ndim >= 4]
    if not (images or inputs):
        raise MissingFieldError(f"the batch has none of the model's inputs {model.input_names}")
    return (images or inputs)[0]


def _demand_same_grid(path: Path, geometry: Geometry) -> None:
    """Read the headers of result and input again: they must be the same grid."""
    import nibabel

    written = _header(nibabel.load(path))
    source = Path(geometry.source)
    is_nifti = source.name.endswith((".nii", ".nii.gz")) and source.is_file()
    wanted = _header(nibabel.load(source)) if is_nifti else geometry.native
    gap = written.displacement_mm(wanted) if written.shape == wanted.shape else math.inf
    if gap > _TOLERANCE_MM + 1e-5 * float(np.abs(wanted.corners()).max()):
        raise GeometryError(
            f"the label map would have been {gap:.4g} mm away from its input, so it was not kept",
            expected=f"shape {wanted.shape}, spacing {wanted.spacing} of the input; got {written.shape}",
            to_do="this is a fault of eisen or of a transform that writes a wrong geometry; please report it",
            file=str(path),
        )


def _header(image: Any) -> Geometry:
    return Geometry.of(image.affine, image.shape[:3])
