"""One case after another: predicted, compared, measured and written."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from eisen._core import random
from eisen._core.types import DataPoint
from eisen.config import Experiment, Phase
from eisen.experiments.prediction.places import source_of
from eisen.experiments.prediction.single import CasePredictor, Prediction
from eisen.experiments.reviews.colours import label_colours
from eisen.experiments.reviews.disagreement import disagreements
from eisen.experiments.reviews.files import case_folder, write_view
from eisen.experiments.reviews.measures import Measures, reference_field
from eisen.experiments.reviews.natively import as_read
from eisen.experiments.reviews.record import Review, ReviewedCase
from eisen.experiments.reviews.views import CaseView, view_of

__all__ = ["Reviewer"]


class Reviewer:
    """Reviews the cases of a data set.

    Args:
        experiment: The configuration.
        phase: The phase.
        predictor: The trained model with the chain of the phase.
        dataset: The cases.
        review: What is written about them.
    """

    def __init__(
        self, experiment: Experiment, phase: Phase, predictor: CasePredictor, dataset: Any, review: Review
    ) -> None:
        self.experiment, self.phase, self.predictor = experiment, phase, predictor
        self.dataset, self.review = dataset, review
        self.reference = reference_field(experiment, phase, predictor.model.output_names[0])
        self._measures: Measures | None = None
        self._names = phase.hyper.labels or experiment.hyper.labels
        self._values: set[int] = set()

    def case(self, number: int, name: str) -> ReviewedCase:
        """Review a case, and return what is known about it.

        Args:
            number: Its place in the data set.
            name: What it is called.

        Raises:
            EisenError: If it cannot be read, predicted or compared.
        """
        with random.sample(self.predictor.seed, 0, number):
            data: DataPoint = self.dataset[number]
        source = source_of(self.dataset, number, self._image(data), self.predictor.folder)
        found = self.predictor.judged(data, name, source)
        self.review.kind = found.verdict.kind
        if found.verdict.kind not in ("labels", "image"):
            return self._without_voxels(found, name)
        read = as_read(self.dataset, number, len(self.phase.readers), self.predictor.seed)
        view = view_of(found, read, self.reference, found.verdict.label_values)
        return self._written(found, view, name)

    def _image(self, data: DataPoint) -> str:
        """Return the field that a picture is in."""
        names = [name for name in self.predictor.model.input_names if name in data]
        return names[0] if names else ""

    def _written(self, found: Prediction, view: CaseView, name: str) -> ReviewedCase:
        kind = found.verdict.kind
        if self._measures is None:
            self._measures = Measures(self.experiment, self.phase, kind)
            self.review.metrics = self._measures.metrics
        values, reasons = self._measures.values(name, view)
        with case_folder(self.review.folder, name) as folder:
            images, reference, prediction = write_view(folder, view)
        regions = []
        if kind == "labels":
            self._know(view)
            grid = view.prediction.geometry
            regions = disagreements(view.prediction.voxels, view.reference.voxels, grid.affine)
        return ReviewedCase(
            name,
            {field: f"{name}/{file}" for field, file in images.items()},
            f"{name}/{reference}",
            f"{name}/{prediction}",
            values,
            dict(found.verdict.columns),
            regions,
            [*view.notes, *reasons],
        )

    def _know(self, view: CaseView) -> None:
        """Add the label values of a case to the labels of the review."""
        import numpy as np

        self._values |= {int(v) for scan in (view.reference, view.prediction) for v in np.unique(scan.voxels)}
        self.review.labels = label_colours(self._names, self._values)

    def _without_voxels(self, found: Prediction, name: str) -> ReviewedCase:
        """Return what is known about a case of which the model tells a class or numbers."""
        truth = found.data.get(self.reference)
        facts: dict[str, str | float] = dict(found.verdict.columns)
        case = ReviewedCase(name, facts=facts)
        if truth is None:
            return replace(case, notes=["there is no reference"])
        import numpy as np

        numbers = np.asarray(truth.cpu() if hasattr(truth, "cpu") else truth, float).ravel()
        if found.verdict.kind == "values":
            said = [value for key, value in facts.items() if key.startswith("value") and isinstance(value, float)]
            errors = [abs(a - b) for a, b in zip(said, numbers, strict=False)]
            self.review.metrics = {"absolute error": {"better": "lower", "unit": ""}}
            return replace(
                case,
                facts={"reference": float(numbers[0]), **facts},
                values={"absolute error": max(errors) if errors else None},
            )
        self.review.metrics = {"probability of the truth": {"better": "higher", "unit": ""}}
        true_name, likely = self._classes(found, numbers)
        return replace(case, facts={"reference": true_name, **facts}, values={"probability of the truth": likely})

    def _classes(self, found: Prediction, truth: Any) -> tuple[str, float | None]:
        """Return the true class in words, and the probability that the model gives to what is true."""
        probabilities = found.verdict.values
        assert probabilities is not None
        names = self.predictor.judge.classes(len(probabilities))
        if not names.exclusive and len(truth) == len(probabilities) > 1:  # several may be true at once
            there = [name for name, value in zip(names.names, truth, strict=True) if value > 0.5]
            each = [p if value > 0.5 else 1 - p for p, value in zip(probabilities, truth, strict=True)]
            return ";".join(there), float(min(each))
        number = int(truth.argmax()) if len(truth) == len(probabilities) > 1 else int(truth[0])
        if len(probabilities) == 1:
            known = self._names or {}
            return known.get(number, str(number)), float(probabilities[0] if number else 1 - probabilities[0])
        is_known = 0 <= number < len(probabilities)
        return (names.names[number] if is_known else str(number)), float(probabilities[number]) if is_known else None
