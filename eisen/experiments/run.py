"""A run: everything one configuration describes, from the raw files to the trained model."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from eisen._core.errors import ArgumentError
from eisen.config import Experiment
from eisen.experiments.artifacts import Artifacts
from eisen.experiments.observer import Observer
from eisen.experiments.records import RunResult
from eisen.experiments.session import Session

if TYPE_CHECKING:
    from eisen.experiments.training import Trainer
    from eisen.utils import EisenModuleWrapper

__all__ = ["Run"]

_DEFAULT_EPOCHS = 10
_COPIES_OF_THE_MODEL = 8
"""Best model, two checkpoints of the model and the two moments of Adam, one of them being written."""


class Run:
    """Trains, validates, tests and predicts what a configuration describes.

    One model is shared by all phases. Without ``.Seed`` in the configuration the seed is 0, so every run can be
    repeated. Nothing is built before the first of the methods is called.

    Args:
        experiment: The configuration, from `eisen.config.read_config`.
        data_dir: Folder of the data.
        artifact_dir: Folder for the results; it is made when it is absent.
        resume: Continue from ``<artifact_dir>/checkpoint.pt``. Without a checkpoint there the run starts from the
            beginning and says so, so that a command in a queue can be the same the first time and every other time.
        model: File with the weights to start from (`train`) or to use (`validate`, `test`, `predict`); by default the
            latter three use ``<artifact_dir>/models/best.pt``.
        observer: Is told what happens while it happens.
    """

    def __init__(
        self,
        experiment: Experiment,
        data_dir: str | Path = "./data",
        artifact_dir: str | Path = "./artifacts",
        *,
        resume: bool = False,
        model: str | Path | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.experiment = experiment
        self.data_dir = Path(data_dir)
        self.artifacts = Artifacts(artifact_dir)
        self.resume = resume
        self.weights = None if model is None else Path(model)
        self.observer = observer or Observer()

    def train(self, epochs: int | None = None) -> RunResult:
        """Train for a number of epochs, validating after each one when there is a Validation phase.

        Args:
            epochs: How many; default is ``.Epochs`` of the configuration, and 10 when that is absent too. With
                `resume` those of the checkpoint count as well.

        Raises:
            ArtifactError: If nothing can be written into the artifact folder.
            ConfigError: If the configuration has no Training phase, or lacks a part of it.
            DataError: If a case is bad; the card names it and the command that shows it again.
            NonFiniteLossError: If the loss becomes NaN or infinite.
        """
        n_epochs = epochs or self.experiment.hyper.epochs or _DEFAULT_EPOCHS
        if n_epochs < 1:
            raise ArgumentError(f"epochs is {n_epochs}", expected="at least 1")
        with self._session("train") as session:
            trainer = self._trainer(session, n_epochs)
            if self._has_checkpoint():
                trainer.resume(self.artifacts.checkpoint)
            session.begin(trainer.phases, trainer.seed, epochs=n_epochs, first_epoch=trainer.epoch)
            trainer.run(n_epochs)
        session.written(session.record, "record of the run", announce=False)
        return session.result

    def validate(self) -> RunResult:
        """Run the Validation phase once with a saved model.

        Raises:
            MissingFileError: If there is no saved model.
            ConfigError: If the configuration has no Validation phase.
        """
        return self._evaluate("validate", "Validation")

    def test(self) -> RunResult:
        """Run the Testing phase once with a saved model.

        Raises:
            MissingFileError: If there is no saved model.
            ConfigError: If the configuration has no Testing phase.
        """
        return self._evaluate("test", "Testing")

    def predict(self, output: str | Path | None = None, *, activation: str = "auto") -> RunResult:
        """Write one label map per case, on the grid of its input file.

        Uses the Prediction phase, or else Testing, or else Validation.

        Args:
            output: Folder for the label maps; default is ``<artifact_dir>/predictions``.
            activation: What turns the output of the model into probabilities: ``"sigmoid"``, ``"softmax"``,
                ``"none"`` when they are probabilities already, or ``"auto"`` to decide by model and values.

        Raises:
            MissingFileError: If there is no saved model.
            GeometryError: If it is not known where the voxels of the input are.
        """
        from eisen.experiments.predict import Predictor, prediction_phase

        phase = prediction_phase(self.experiment)
        folder = self.artifacts.predictions if output is None else Path(output)
        with self._session("predict") as session:
            predictor = Predictor(session, phase, self._trained_model(), folder, activation)
            session.begin([predictor.parts], predictor.seed, model=self._model_file().name)
            predictor.run()
            session.written(folder, "label maps")
        session.written(session.record, "record of the run", announce=False)
        return session.result

    def _evaluate(self, command: str, phase_name: str) -> RunResult:
        from eisen.experiments.parts import build_phase, needed_phase, seed_of

        phase = needed_phase(self.experiment, phase_name, command)
        with self._session(command) as session:
            model = self._trained_model()
            root = self.artifacts.root
            parts = build_phase(self.experiment, phase, model, self.data_dir, root, keeps_models=False)
            session.begin([parts], seed_of(self.experiment), model=self._model_file().name)
            row = session.run_epoch(parts, 0)
            if row is not None:
                session.log_row(row)
                self.observer.on_epoch(0, 1, [row])
        session.written(session.record, "record of the run", announce=False)
        return session.result

    def _session(self, command: str) -> Session:
        return Session(command, self.experiment, self.data_dir, self.artifacts, self.observer)

    def _trainer(self, session: Session, n_epochs: int) -> Trainer:
        from eisen.experiments.parts import build_model, build_phase, needed_phase, seed_of
        from eisen.experiments.training import Trainer
        from eisen.experiments.weights import load_into, state_bytes

        training = needed_phase(self.experiment, "Training", "train")
        self.artifacts.prepare()
        model = build_model(self.experiment)
        self.artifacts.prepare(_COPIES_OF_THE_MODEL * state_bytes(model))
        if self.weights is not None:
            load_into(model, self.weights)
        phases = [training, *(p for p in (self.experiment.phases.get("Validation"),) if p is not None and p.datasets)]
        root = self.artifacts.root
        parts = [build_phase(self.experiment, p, model, self.data_dir, root, n_epochs=n_epochs) for p in phases]
        return Trainer(session, model, parts[0], parts[1] if len(parts) > 1 else None, seed_of(self.experiment))

    def _has_checkpoint(self) -> bool:
        """Tell whether there is something to resume, and say so when there is not."""
        from eisen.experiments.checkpoint import previous

        if not self.resume:
            return False
        path = self.artifacts.checkpoint
        found = path.exists() or previous(path).exists()
        if not found:
            self.observer.on_message(f"there is no {path} to resume from; starting from the beginning")
        return found

    def _trained_model(self) -> EisenModuleWrapper:
        from eisen.experiments.parts import build_model
        from eisen.experiments.weights import load_into

        self.artifacts.prepare()
        model = build_model(self.experiment)
        load_into(model, self._model_file())
        return model

    def _model_file(self) -> Path:
        return self.weights or self.artifacts.best
