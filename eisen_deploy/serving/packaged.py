"""A safe package that is unpacked: its models, and the readers, transforms and windows around them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from eisen._core.types import DataPoint
from eisen.config import read_config
from eisen_deploy.packaging.layout import CONFIG, Package, read_package

if TYPE_CHECKING:
    from eisen.experiments.prediction.single import CasePredictor, Prediction

__all__ = ["PackagedModel"]


class PackagedModel:
    """The model of a safe package, ready to predict cases; no code of the package is run, because there is none.

    Args:
        folder: The unpacked archive.
        scratch: Folder for the files of requests; names in data points are relative to it.
        device: Where the models compute, e.g. ``"cuda:1"``; None: what the package says, or the CPU.
        with_probabilities: Whether probabilities are wanted beside label maps.

    Raises:
        CorruptFileError: If something is missing or damaged.
        ConfigError: If the configuration names classes that are not installed here.
    """

    def __init__(
        self, folder: str | Path, scratch: str | Path, device: str | None = None, *, with_probabilities: bool = False
    ) -> None:
        self.folder, self.scratch = Path(folder), Path(scratch)
        self.package: Package = read_package(self.folder)
        self._device = device
        self._predictors: dict[bool, CasePredictor] = {}
        self.predictor(with_probabilities)

    def predictor(self, with_probabilities: bool = False) -> CasePredictor:
        """Return what predicts cases.

        Args:
            with_probabilities: Whether probabilities are wanted, which a small budget of memory has no room for.
        """
        if with_probabilities not in self._predictors:
            self._predictors[with_probabilities] = self._made(with_probabilities)
        return self._predictors[with_probabilities]

    def predict(
        self, data: DataPoint, name: str = "request", source: str = "", *, probabilities: bool = False
    ) -> Prediction:
        """Return what the models say about a data point.

        Args:
            data: Per field of the inputs of the package the name of a file in `scratch`, or an array with its
                Geometry in ``<field>_meta``.
            name: What the case is called in errors.
            source: The file of a picture.
            probabilities: Whether `Prediction.verdict.channels` will be asked for.

        Raises:
            EisenError: If it cannot be read, prepared or computed; the card names step and field.
        """
        return self.predictor(probabilities).predict(data, name, source)

    def _made(self, with_probabilities: bool) -> CasePredictor:
        from eisen.experiments.prediction.ensemble import Ensemble
        from eisen.experiments.prediction.plan import Plan
        from eisen.experiments.prediction.single import CasePredictor

        package = self.package
        experiment = read_config(self.folder / CONFIG)
        files = tuple(self.folder / name for name in package.weights)
        plan = Plan(experiment, Ensemble(files, package.temperature), package.kind, package.activation, package.tta)
        committee = plan.committee()
        committee.temperature = package.temperature
        return CasePredictor(
            experiment,
            experiment.phases["Prediction"],
            committee,
            self.scratch,
            device=self._device,
            with_probabilities=with_probabilities,
        )
