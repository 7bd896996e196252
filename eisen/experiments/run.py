"""A run: everything one configuration describes, from the raw files to the trained model."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eisen._core.errors import ArgumentError
from eisen.config import Experiment
from eisen.experiments.artifacts import Artifacts
from eisen.experiments.observer import Observer
from eisen.experiments.records import RunResult
from eisen.experiments.session import Session

if TYPE_CHECKING:
    from eisen.experiments.prediction.plan import Plan
    from eisen.experiments.training import Trainer
    from eisen.utils import EisenModuleWrapper
    from eisen.utils.distributed import Distribution

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
        force: Continue although configuration, data or code have changed since the checkpoint.
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
        force: bool = False,
        model: str | Path | None = None,
        observer: Observer | None = None,
    ) -> None:
        self.experiment = experiment
        self.data_dir = Path(data_dir)
        self.artifacts = Artifacts(artifact_dir)
        self.resume, self.force = resume, force
        self.weights = None if model is None else Path(model)
        self.observer = observer or Observer()
        self._distribution: Distribution | None = None
        self._start: dict[str, Any] = {}

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
        with self._session("train", distributed=True) as session:
            trainer = self._trainer(session, n_epochs)
            start = self._start
            if self._has_checkpoint(session):
                trainer.resume(self.artifacts.checkpoint, force=self.force)
                start = {}
            session.begin(trainer.phases, trainer.seed, epochs=n_epochs, first_epoch=trainer.epoch, **start)
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

    def predict(
        self,
        output: str | Path | None = None,
        *,
        activation: str = "auto",
        kind: str = "auto",
        probabilities: bool = False,
        tta: str | None = None,
        models: Sequence[str | Path] = (),
        calibration: str | Path | None = "auto",
        memory: int | str | None = None,
        file_format: str = "nii.gz",
    ) -> RunResult:
        """Write what a saved model says about each case: a label map or an image on the grid of its file, or a row.

        Uses the Prediction phase, or else Testing, or else Validation. ``predictions.csv`` has a row per case: its
        class and probabilities, its values, or its file, and how unsure the prediction is.

        Args:
            output: Folder for the results; default is ``<artifact_dir>/predictions``.
            activation: What turns the output of the model into probabilities: ``"sigmoid"``, ``"softmax"``,
                ``"none"`` when they are probabilities already, or ``"auto"`` to decide by model, loss and values.
            kind: ``"labels"``, ``"image"``, ``"classes"``, ``"values"``, or ``"auto"`` to decide by output and loss.
            probabilities: Also write a probability map per class beside each label map.
            tta: Test-time augmentation: ``"flips"``, ``"flips:0,1"``, ``"rotations"`` or ``"flips+rotations"``.
            models: Files of the models that predict together, or one ``ensemble.json``; default: that of the run.
            calibration: File with their temperature; ``"auto"``: ``<artifact_dir>/calibration.json`` if it belongs to
                them; None: no temperature.
            memory: How much memory making a label map may take, e.g. ``"4GB"``: with ``.SlidingWindow`` it is made slab
                by slab, with the same result. None: what ``.Memory`` says.
            file_format: What volumes are written as: ``"nii.gz"``, ``"nii"``, ``"mha"``, ``"nrrd"``, or ``"dcm"``, a
                DICOM segmentation of the series that was read.

        Raises:
            MissingFileError: If there is no saved model.
            ArgumentError: If an option is wrong, or the calibration is that of other models.
            GeometryError: If it is not known where the voxels of the input are.
        """
        from eisen.experiments.predict import Predictor, prediction_phase

        self._distribution = self._joined()
        plan = self._plan(models, kind=kind, activation=activation, tta=tta)
        phase = prediction_phase(self.experiment)
        folder = self.artifacts.predictions if output is None else Path(output)
        with self._session("predict", distributed=True) as session:
            committee = plan.committee()
            usual = self.artifacts.calibration
            committee.temperature = plan.temperature(committee, calibration, usual, session.say)
            predictor = Predictor(
                session, phase, committee, folder, probabilities, memory=memory, file_format=file_format
            )
            session.begin([predictor.parts], predictor.seed, **plan.facts())
            predictor.run()
            session.written(folder, predictor.title)
        session.written(session.record, "record of the run", announce=False)
        return session.result

    def calibrate(
        self,
        *,
        activation: str = "auto",
        tta: str | None = None,
        models: Sequence[str | Path] = (),
        target: str | None = None,
        samples: int = 200_000,
    ) -> RunResult:
        """Fit one temperature on the Validation phase, so that probabilities are as sure as they are right.

        Writes ``calibration.json``, which `predict` uses for exactly these models, and ``calibration.png``.

        Args:
            activation: As of `predict`.
            tta: As of `predict`; the temperature counts for this way of predicting.
            models: As of `predict`.
            target: Field with the reference; default is what the losses or metrics of the phase look at.
            samples: How many voxels to use at most, drawn with the seed of the run.

        Raises:
            MissingFileError: If there is no saved model.
            MissingFieldError: If the cases have no reference.
            ConfigError: If the configuration has no Validation phase.
        """
        from eisen.experiments.parts import needed_phase
        from eisen.experiments.prediction.calibrate import Calibrator
        from eisen.utils.distributed.launch import place_of

        if not place_of().is_alone:
            raise ArgumentError("calibrate works in one process", to_do="start it without torchrun")
        phase = needed_phase(self.experiment, "Validation", "calibrate")
        plan = self._plan(models, activation=activation, tta=tta)
        with self._session("calibrate") as session:
            calibrator = Calibrator(session, phase, plan.committee(returns_logits=True), target, samples)
            session.begin([calibrator.parts], calibrator.seed, **plan.facts())
            calibrator.run()
            if not session.interrupted:
                calibrator.write(self.artifacts.calibration)
        session.written(session.record, "record of the run", announce=False)
        return session.result

    def _plan(self, models: Sequence[str | Path], **how: Any) -> Plan:
        from eisen.experiments.prediction.ensemble import Ensemble
        from eisen.experiments.prediction.plan import Plan

        self._prepare_folder()
        return Plan(self.experiment, Ensemble.of(models or [self._model_file()]), **how)

    def _evaluate(self, command: str, phase_name: str) -> RunResult:
        from eisen.experiments.evaluating import evaluation_of
        from eisen.experiments.parts import build_phase, needed_phase, seed_of

        phase = needed_phase(self.experiment, phase_name, command)
        evaluation = evaluation_of(self.experiment, phase)
        with self._session(command, distributed=True) as session:
            model = self._trained_model()
            root = self.artifacts.root
            parts = build_phase(
                self.experiment,
                phase,
                model,
                self.data_dir,
                root,
                keeps_models=False,
                distribution=session.distribution,
            )
            if evaluation is not None:
                parts.workflow.subscribe(evaluation)
            session.begin([parts], seed_of(self.experiment), model=self._model_file().name)
            row = session.run_epoch(parts, 0)
            if row is not None:
                session.log_row(row)
                self.observer.on_epoch(0, 1, [row])
                if evaluation is not None:
                    session.evaluated(evaluation, phase_name)
        session.written(session.record, "record of the run", announce=False)
        return session.result

    def _session(self, command: str, *, distributed: bool = False) -> Session:
        self._distribution = self._joined() if distributed else None
        if self._distribution is not None and not self._distribution.is_main:
            self.observer = Observer()
        return Session(
            command, self.experiment, self.data_dir, self.artifacts, self.observer, distribution=self._distribution
        )

    def _joined(self) -> Distribution | None:
        """Return the processes that torchrun started; None without it, so that nothing is loaded."""
        from eisen.utils.distributed.launch import place_of

        if place_of().is_alone:
            return None
        from eisen.utils.distributed import start_distribution

        return start_distribution(self.experiment.hyper.distribution, self.experiment.hyper.device)

    def _prepare_folder(self, bytes_needed: int = 0) -> None:
        """Make the artifact folder; the main process does it for all."""
        if self._distribution is None or self._distribution.is_main:
            self.artifacts.prepare(bytes_needed)

    def _trainer(self, session: Session, n_epochs: int) -> Trainer:
        from eisen.experiments.parts import build_model, build_phase, needed_phase, seed_of
        from eisen.experiments.training import Trainer
        from eisen.experiments.weights import load_into, start_facts, state_bytes

        training = needed_phase(self.experiment, "Training", "train")
        self._prepare_folder()
        model = build_model(self.experiment)
        self._prepare_folder(_COPIES_OF_THE_MODEL * state_bytes(model))
        if self.weights is not None:
            load_into(model, self.weights)
        self._start = start_facts(model, self.weights, self.artifacts.root)
        if session.distribution is not None:
            from eisen.utils.workflows import resolve_device

            hyper = training.hyper
            session.distribution.prepare(model, resolve_device(hyper.device or "auto"), hyper.precision)
        phases = [training, *(p for p in (self.experiment.phases.get("Validation"),) if p is not None and p.datasets)]
        root = self.artifacts.root
        group = session.distribution
        parts = [
            build_phase(self.experiment, p, model, self.data_dir, root, n_epochs=n_epochs, distribution=group)
            for p in phases
        ]
        return Trainer(session, model, parts[0], parts[1] if len(parts) > 1 else None, seed_of(self.experiment))

    def _has_checkpoint(self, session: Session) -> bool:
        """Tell whether there is something to resume, and say so when there is not."""
        from eisen.experiments.checkpoint import previous

        if not self.resume:
            return False
        path = self.artifacts.checkpoint
        found: bool = path.exists() or previous(path).exists()
        if self._distribution is not None:
            found = self._distribution.broadcast(found)
        if not found:
            session.say(f"there is no {path} to resume from; starting from the beginning")
        return found

    def _trained_model(self) -> EisenModuleWrapper:
        from eisen.experiments.parts import build_model
        from eisen.experiments.weights import load_into

        self._prepare_folder()
        model = build_model(self.experiment)
        load_into(model, self._model_file())
        return model

    def _model_file(self) -> Path:
        return self.weights or self.artifacts.best
