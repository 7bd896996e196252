"""Predicting one case at a time, without a data set and without a run: what a server does."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from eisen._core import random
from eisen._core.collate import collate
from eisen._core.errors import GeometryError
from eisen._core.types import Batch, DataPoint, Geometry, meta_field
from eisen.config import Experiment, Phase, build
from eisen.experiments.chain import build_batch_chain, build_chain
from eisen.experiments.parts import seed_of
from eisen.experiments.prediction.label_values import channel_values
from eisen.experiments.prediction.passes import image_field, undisturbed
from eisen.experiments.prediction.places import Picture, Place, Volume, is_volume_file
from eisen.experiments.prediction.verdict import Judge, Verdict
from eisen.experiments.windows import sliding_window
from eisen.experiments.workflow_entry import workflow_entry

if TYPE_CHECKING:
    from eisen.experiments.prediction.committee import Committee

__all__ = ["CasePredictor", "Prediction"]


class Prediction:
    """A verdict, and the data point it is about.

    Args:
        verdict: What the models say.
        data: The data point after readers and transforms, as the model got it.
        field: The field whose grid the prediction is on.
    """

    def __init__(self, verdict: Verdict, data: DataPoint, field: str) -> None:
        self.verdict, self.data, self.field = verdict, data, field


class CasePredictor:
    """Sends single cases through readers, transforms and models, exactly as ``eisen predict`` does.

    Args:
        experiment: The configuration.
        phase: The phase whose readers, transforms and windows are used; its data set is not.
        committee: The trained models.
        folder: File names in data points are relative to it.
        memory: Bytes that making a label map may take; None: ``.Memory`` of the phase, if it is set.
        device: Where the models compute; None: what the configuration says.
        with_probabilities: Whether probabilities are wanted beside label maps.

    Example:
        >>> import tempfile, numpy as np
        >>> from eisen._core.types import Geometry
        >>> from eisen.config import read_config
        >>> from eisen.experiments.prediction import Ensemble
        >>> from eisen.experiments.prediction.plan import Plan
        >>> from eisen.experiments.parts import build_model
        >>> model = {"type": "torch.nn.Conv3d", "params": {"input_names": ["image"], "output_names": ["logits"],
        ...          "in_channels": 1, "out_channels": 2, "kernel_size": 1}}
        >>> step = {"type": "eisen.transforms.AddChannelDimension", "params": {"fields": ["image"]}}
        >>> cases = {"type": "eisen.datasets.EisenDataset", "params": {"cases": []}}
        >>> experiment = read_config({"General": {"Models": [model]},
        ...                           "Prediction": {"Datasets": [cases], "Transforms": [step]}})
        >>> folder = Path(tempfile.mkdtemp())
        >>> torch.save(build_model(experiment).module.state_dict(), folder / "weights.pt")
        >>> committee = Plan(experiment, Ensemble.of([folder / "weights.pt"])).committee()
        >>> predictor = CasePredictor(experiment, experiment.phases["Prediction"], committee, folder)
        >>> found = predictor.predict({"image": np.zeros((4, 5, 6), "float32"),
        ...                            "image_meta": Geometry.of(np.eye(4), (4, 5, 6))})
        >>> found.verdict.kind, found.verdict.labels().shape
        ('labels', (4, 5, 6))
    """

    def __init__(
        self,
        experiment: Experiment,
        phase: Phase,
        committee: Committee,
        folder: Path,
        *,
        memory: int | None = None,
        device: str | None = None,
        with_probabilities: bool = False,
    ) -> None:
        from eisen._core.sizes import memory_bytes

        self.folder = folder
        bare = undisturbed(phase, "Prediction")
        hyper = replace(bare.hyper, device=device or bare.hyper.device)
        self.phase = replace(bare, hyper=hyper)
        self.seed = seed_of(experiment)
        committee.windows = sliding_window(phase.hyper)
        self.model = committee.named()
        self.chain = build_chain(phase, folder)
        self.workflow = build(workflow_entry(self.phase), "Workflow", model=self.model, data_loader=[], metrics=[])
        self.workflow.batch_transform = build_batch_chain(phase, self.chain, self.seed)
        self.model.eval()
        if memory is None and phase.hyper.memory is not None:
            memory = memory_bytes(phase.hyper.memory)
        labels = phase.hyper.labels or experiment.hyper.labels
        self.judge = Judge(committee, channel_values(experiment), labels, memory, with_probabilities)

    def prepared(self, data: DataPoint) -> DataPoint:
        """Return a data point after readers and transforms.

        Raises:
            EisenError: If one of them cannot handle it; the card names the step.
        """
        with random.sample(self.seed, 0, 0):
            done: DataPoint = self.chain(data)
        return done

    def predict(self, data: DataPoint, name: str = "case", source: str = "") -> Prediction:
        """Return what the models say about a case.

        Args:
            data: As a data set gives it: file names, or arrays with the geometry beside them.
            name: What the case is called in errors.
            source: The file of a picture: its pixels must be those the model saw.

        Raises:
            EisenError: If it cannot be read, prepared or computed.
        """
        return self.judged(self.prepared(data), name, source)

    def judged(self, data: DataPoint, name: str = "case", source: str = "") -> Prediction:
        """Return what the models say about a case that is prepared."""
        batch = Batch(collate([data], [name]), [name], [0])
        with torch.no_grad():
            ready = self.workflow.prepare(batch)
            field = image_field(self.model, ready)
            place = self._place(data, ready, field, source)
            outputs, _, _ = self.workflow(ready)
            verdict = self.judge.verdict(outputs, self.model.output_names[0], place)
        if verdict.kind in ("labels", "image") and place is None:
            raise GeometryError(
                f"it is not known where the voxels of '{field}' are: there is no '{meta_field(field)}'",
                expected=f"a Geometry in '{meta_field(field)}', written by the reader and kept by every step",
                field=field,
            )
        return Prediction(verdict, data, field)

    def _place(self, data: DataPoint, batch: Batch, field: str, source: str) -> Place | None:
        geometry = data.get(meta_field(field))
        if isinstance(geometry, Geometry):
            return Volume(geometry)
        values: Any = batch[field]
        if values.ndim != 4 or is_volume_file(source):
            return None
        return Picture((int(values.shape[2]), int(values.shape[3])), source)
