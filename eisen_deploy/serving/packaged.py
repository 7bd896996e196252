"""A safe package that is unpacked: its models, and the readers, transforms and windows around them."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen._core.types import Array, DataPoint
from eisen.config import Entry, Phase, read_config
from eisen_deploy.packaging.layout import CONFIG, Package, read_package

if TYPE_CHECKING:
    from eisen.experiments.prediction.committee import Committee
    from eisen.experiments.prediction.single import CasePredictor, Prediction

__all__ = ["PackagedModel"]


class PackagedModel:
    """The model of a safe package, ready to predict cases; no code of the package is run, because there is none.

    Not for several threads at a time.

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
        self.experiment = read_config(self.folder / CONFIG)
        self._device = device
        self._predictor = self._made(with_probabilities)

    @property
    def phase(self) -> Phase:
        """The phase whose readers, transforms and windows are used."""
        return self.experiment.phases["Prediction"]

    def reader_of(self, field: str) -> Entry | None:
        """Return the reader that opens a field; None: the field is no name of a file."""
        return next((entry for entry in self.phase.readers if field in entry.params.get("fields", ())), None)

    def predictor(self, with_probabilities: bool = False) -> CasePredictor:
        """Return what predicts cases; it is the same one every time.

        Args:
            with_probabilities: Whether probabilities are wanted, which a small budget of memory has no room for.
        """
        self._predictor.judge.with_probabilities = with_probabilities
        return self._predictor

    def watch(self, told: Callable[[int, int], None] | None) -> None:
        """Let someone know, during predictions, how many sliding windows are done and how many there are."""
        windows = self._predictor.judge.committee.windows
        if windows is not None:
            windows.watch = told

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
        try:
            return self.predictor(probabilities).predict(data, name, source)
        finally:
            self._forget()

    def predict_arrays(
        self, arrays: Mapping[str, Array], affines: Mapping[str, Any], *, probabilities: bool = False
    ) -> Prediction:
        """Return what the models say about voxels in memory: they take the same way as an image of a request.

        Args:
            arrays: Voxels of every input of the package, the channels, if there are some, along the first axis.
            affines: Voxel to world matrix (4 x 4, RAS+, mm) of every volume; none for pictures.
            probabilities: Whether `Prediction.verdict.channels` will be asked for.

        Raises:
            EisenError: If they cannot be prepared or computed.
            Refusal: If one is missing, or has another number of axes than the package takes.
        """
        from eisen_deploy.serving.volumes.points import data_point
        from eisen_deploy.serving.volumes.sent import Sent

        sent = {field: Sent.of_array(array, affines.get(field), field) for field, array in arrays.items()}
        with self.room() as folder:
            data, source = data_point(self, sent, folder)
            return self.predict(data, source=source, probabilities=probabilities)

    @contextmanager
    def room(self) -> Iterator[Path]:
        """Give a folder in `scratch` for the files of one request; it is removed afterwards, whatever happens."""
        folder = Path(tempfile.mkdtemp(prefix="r", dir=self.scratch))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _forget(self) -> None:
        """Let steps that remember files by their names forget them: the next request has other files."""
        for step in self._predictor.chain.transforms:
            forget = getattr(step, "forget", None)
            if forget is not None:
                forget()

    def committee(self) -> Committee:
        """Load the models of the package."""
        from eisen.experiments.prediction.ensemble import Ensemble
        from eisen.experiments.prediction.plan import Plan

        package = self.package
        files = tuple(self.folder / name for name in package.weights)
        ensemble = Ensemble(files, package.temperature)
        committee = Plan(self.experiment, ensemble, package.kind, package.activation, package.tta).committee()
        committee.temperature = package.temperature
        return committee

    def _made(self, with_probabilities: bool) -> CasePredictor:
        from eisen.experiments.prediction.single import CasePredictor
        from eisen_deploy.serving.volumes.readers import with_volumes

        predictor = CasePredictor(
            self.experiment,
            self.phase,
            self.committee(),
            self.scratch,
            device=self._device,
            with_probabilities=with_probabilities,
        )
        channels, names = self.package.channels, {label.value: label.name for label in self.package.labels}
        if channels:
            predictor.judge.label_values = {**predictor.judge.label_values, len(channels): list(channels)}
        predictor.judge.label_names = names or predictor.judge.label_names
        steps = predictor.chain.transforms
        steps[:] = [with_volumes(step) for step in steps]
        return predictor
