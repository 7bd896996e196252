"""The trained model on every case of a phase, with references."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

from eisen._core.errors import ArgumentError, ConfigError, EisenError, Problem
from eisen.config import Experiment
from eisen.experiments.artifacts import Artifacts, make_folder
from eisen.experiments.case_names import case_names
from eisen.experiments.interrupt import Interrupt
from eisen.experiments.observer import Observer
from eisen.experiments.reviews.record import Review, read_review, review_folder

__all__ = ["review"]


def review(
    experiment: Experiment,
    data_dir: str | Path = "./data",
    artifact_dir: str | Path = "./artifacts",
    *,
    phase: str = "Validation",
    model: str | Path | None = None,
    limit: int | None = None,
    observer: Observer | None = None,
) -> Review:
    """Send every case of a phase through a trained model, measure it, and write what can be looked at.

    ``<artifact_dir>/review/<phase>`` then has ``cases.csv`` (a row per case), ``cases.json`` (values, names and
    colours of labels, the places where prediction and reference disagree) and a folder per case with the images, the
    reference and the prediction as NIfTI on the grid of the file. Both tables are complete after every case, and a case
    is there whole or not at all. An earlier review of the phase is replaced. A case that cannot be read or compared is
    noted with the reason; the others go on.

    Args:
        experiment: The configuration, from `eisen.config.read_config`.
        data_dir: Folder of the data.
        artifact_dir: Artifact folder of the run.
        phase: The phase.
        model: File of the weights; None: ``models/best.pt`` of the run.
        limit: How many cases at most, the first ones; None: all.
        observer: Is told what happens.

    Returns:
        What was written.

    Raises:
        ConfigError: If the configuration has no such phase, or the model makes images from random numbers.
        MissingFileError: If there is no saved model.
        TrainingError: If the weights are of another model.
        ArtifactError: If the folder cannot be written.
    """
    if limit is not None and limit < 1:
        raise ArgumentError(f"limit is {limit}", expected="at least 1, or None for all cases")
    from eisen.experiments.chain import build_dataset
    from eisen.experiments.parts import needed_phase
    from eisen.experiments.prediction.ensemble import Ensemble, weights_digest
    from eisen.experiments.prediction.plan import Plan
    from eisen.experiments.prediction.single import CasePredictor
    from eisen.experiments.reviews.reviewer import Reviewer

    watched, data = observer or Observer(), Path(data_dir)
    settings = needed_phase(experiment, phase, "review")
    weights = Path(model) if model is not None else Artifacts(artifact_dir).best
    committee = Plan(experiment, Ensemble.of([weights])).committee()
    _demand_no_generator(experiment, committee.members)
    dataset = build_dataset(experiment, settings, data)
    names = case_names(dataset)[:limit]
    found = Review(
        review_folder(artifact_dir, phase),
        phase,
        weights_digest(list(committee.members)),
        weights.name,
        experiment.digest,
        len(names),
    )
    _clear(found.folder)
    found.save()
    reviewer = Reviewer(experiment, settings, CasePredictor(experiment, settings, committee, data), dataset, found)
    watched.on_phase_start(f"Review of {phase}", 0, len(names))
    _pass_over(reviewer, found, names, watched)
    return found


def _pass_over(reviewer: Any, found: Review, names: list[str], watched: Observer) -> None:
    status = "failed"
    try:
        with Interrupt(lambda: watched.on_message("stopping after this case; Ctrl-C again stops at once")) as interrupt:
            for number, name in enumerate(names):
                if interrupt.requested:
                    break
                _review_case(reviewer, found, number, name, watched)
                watched.on_batch(number + 1, len(names))
        n_done = len(found.cases) + len(found.failures)
        status = "complete" if n_done == len(names) else "interrupted"
    except KeyboardInterrupt:
        status = "interrupted"
    finally:
        found.status = status
        found.save()


def _review_case(reviewer: Any, found: Review, number: int, name: str, watched: Observer) -> None:
    try:
        found.cases.append(reviewer.case(number, name))
    except EisenError as error:
        if not found.cases and found.failures:  # two in a row from the start: it is not about the case
            raise error.note(case=name) from error.__cause__
        found.failures[name] = f"{type(error).__name__}: {error.card.what}"
        watched.on_message(f"{name} is left out: {error.card.what}")
    found.save()


def _demand_no_generator(experiment: Experiment, members: Any) -> None:
    from eisen.experiments.weights import bare_module

    network = bare_module(members[0])
    if isinstance(getattr(network, "latent_size", None), int):
        what = f"review: {type(network).__name__} makes images from random numbers, which have no reference"
        expected = "a model that predicts something about a case; eisen generate shows what a GAN makes"
        raise ConfigError([Problem("General.Models[0]", what, expected, experiment.path)])


def _clear(folder: Path) -> None:
    """Remove what an earlier review has left, and nothing else."""
    make_folder(folder)
    with suppress(EisenError):
        for case in read_review(folder).cases:
            if "/" not in case.name and case.name not in ("", ".", ".."):
                shutil.rmtree(folder / case.name, ignore_errors=True)
    for partial in folder.glob(".partial-*"):
        shutil.rmtree(partial, ignore_errors=True)
