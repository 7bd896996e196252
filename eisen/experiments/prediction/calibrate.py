"""Calibration: collect logits and truth of the validation cases, fit the temperature, say how well it does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from eisen._core.errors import ArgumentError, MissingFieldError, nearest
from eisen._core.types import Array, is_label_field
from eisen.config import Phase
from eisen.experiments.prediction.calibration import Calibration
from eisen.experiments.prediction.diagram import write_reliability_diagram
from eisen.experiments.prediction.ensemble import weights_digest
from eisen.experiments.prediction.links import Link
from eisen.experiments.prediction.passes import CasePass
from eisen.experiments.prediction.reliability import Reliability, negative_log_likelihood, reliability
from eisen.experiments.prediction.temperature import LIMITS, fit_temperature

if TYPE_CHECKING:
    import torch

    from eisen.experiments.prediction.committee import Committee
    from eisen.experiments.prediction.kinds import Meaning
    from eisen.experiments.session import Session

__all__ = ["Calibrator", "advice"]


class Calibrator(CasePass):
    """Collects what the models say about the cases of a phase, and what is true.

    Args:
        session: The frame of the run.
        phase: The phase, with references.
        committee: The trained models; it returns logits.
        target: Field with the reference; None: what the losses or metrics of the phase compare the output with.
        most: How many voxels to use at most, over all cases; drawn with the seed of the run.
    """

    def __init__(
        self, session: Session, phase: Phase, committee: Committee, target: str | None = None, most: int = 200_000
    ) -> None:
        if most < 1:
            raise ArgumentError(f"the number of samples is {most}", expected="at least 1")
        super().__init__(session, phase, committee, phase.name)
        self._target, self._phase = target or _target_of(phase, self.model.output_names[0]), phase
        self._quota = math.ceil(most / max(len(self.dataset), 1))
        self._logits: list[Array] = []
        self._truth: list[Array] = []

    def on_case(self, number: int, batch: dict[str, Any], outputs: dict[str, Any]) -> None:
        """Keep a random part of the voxels of a case, or the case."""
        logits = outputs[self.model.output_names[0]].detach()
        link = None if self.committee.meaning is None else self.committee.meaning.link
        if link is None:
            raise ArgumentError(
                "the model predicts numbers, which have no probabilities",
                expected="a model that tells classes apart",
                to_do="give activation='softmax' or 'sigmoid' and the kind of output if it does",
            )
        truth = _truth(self._reference(batch, logits), logits, link)
        flat = logits[0].reshape(logits.shape[1], -1).T.cpu().numpy()
        chosen = self._chosen(number, len(flat))
        self._logits.append(flat[chosen])
        self._truth.append(truth[chosen])

    def result(self) -> tuple[Calibration, dict[str, Reliability]]:
        """Fit the temperature; return it with its figures, and the reliability before and after.

        Raises:
            ArgumentError: If no case was seen.
        """
        if not self._logits:
            raise ArgumentError("no case was seen, so there is nothing to calibrate with", expected="at least one case")
        link = cast(Link, cast("Meaning", self.committee.meaning).link)
        logits, truth = np.concatenate(self._logits), np.concatenate(self._truth)
        temperature = _settled(fit_temperature(logits, truth))
        found: dict[str, Reliability] = {}
        figures = []
        for title, divisor in (("before", 1.0), ("after", temperature)):
            likely = _likely(logits, link, divisor)
            found[title] = reliability(likely, truth)
            nll = negative_log_likelihood(likely, truth)
            figures.append({"nll": nll, "ece": found[title].error, "accuracy": found[title].share_right})
        members = list(self.committee.members)
        views = self.committee.views
        calibration = Calibration(
            temperature,
            weights_digest(members),
            link.kind,
            views,
            len(members),
            self._phase.name,
            len(self._logits),
            len(logits),
            *figures,
        )
        return calibration, found

    def write(self, path: Path) -> None:
        """Fit the temperature, write it and the reliability diagram beside it, and note both in the result of the run.

        Args:
            path: Where ``calibration.json`` shall be.
        """
        calibration, found = self.result()
        calibration.save(path)
        diagram = path.with_suffix(".png")
        write_reliability_diagram(diagram, found)
        self.session.result.calibration = {**asdict(calibration), "advice": advice(calibration.temperature)}
        self.session.written(path, "calibration")
        self.session.written(diagram, "reliability diagram")

    def _reference(self, batch: dict[str, Any], logits: torch.Tensor) -> torch.Tensor:
        import torch

        field = self._target or next((name for name in batch if is_label_field(name) and "_meta" not in name), "")
        if field not in batch:
            fields = [name for name in batch if not name.endswith("_meta")]
            raise MissingFieldError(
                f"the cases have no reference '{field}'" if field else "it is not known which field is the reference",
                expected=f"one of: {', '.join(fields)}",
                to_do=nearest(field, fields) or "name the field with the reference with --target",
                field=field,
            )
        value = batch[field]
        return (value if isinstance(value, torch.Tensor) else torch.as_tensor(value)).to(logits.device)

    def _chosen(self, number: int, size: int) -> Any:
        if size <= self._quota:
            return slice(None)
        rng = np.random.default_rng([self.seed, number])
        return rng.choice(size, self._quota, replace=False, shuffle=False)


def advice(temperature: float) -> str:
    """Return in words what a temperature says about a model.

    Example:
        >>> advice(1.8)
        'the model is too sure of itself'
    """
    if temperature == 1:
        return "it stays 1: these cases do not tell how sure the model may be"
    if abs(temperature - 1) < 0.02:
        return "the model is as sure of itself as it may be"
    return "the model is too sure of itself" if temperature > 1 else "the model is not sure enough of itself"


def _settled(temperature: float) -> float:
    """Return 1 for a temperature at a limit: all cases were right, or none tells classes apart."""
    return temperature if LIMITS[0] * 1.001 < temperature < LIMITS[1] * 0.999 else 1.0


def _target_of(phase: Phase, output: str) -> str | None:
    """Return the field that the losses or metrics of a phase compare the output of the model with."""
    for entry in (*phase.losses, *phase.metrics):
        others: Sequence[str] = [name for name in entry.input_names if name != output]
        if output in entry.input_names and others:
            return others[0]
    return None


def _truth(reference: torch.Tensor, logits: torch.Tensor, link: Link) -> Array:
    """Return the class of every voxel (n,), or what is there and what not (n, C)."""
    from eisen.ops.targets import label_map, one_hot

    if link.kind == "softmax":
        return label_map(reference, logits, logits.shape[1])[0].reshape(-1).cpu().numpy()
    there = one_hot(reference, logits)[0]
    return np.asarray(there.reshape(logits.shape[1], -1).T.cpu().numpy())


def _likely(logits: Array, link: Link, temperature: float) -> Array:
    import torch

    values = torch.as_tensor(logits.astype(np.float64))
    return Link(link.kind).probabilities(values, temperature).numpy()
