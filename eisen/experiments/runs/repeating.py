"""Training a run again and comparing the weights byte for byte."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from eisen._core.errors import ArgumentError, MissingFileError, TrainingError
from eisen.config import Experiment, read_config
from eisen.experiments.artifacts import Artifacts
from eisen.experiments.checkpoint import load_weights
from eisen.experiments.observer import Observer
from eisen.experiments.provenance.compare import Change
from eisen.experiments.provenance.digests import short
from eisen.experiments.provenance.state_digest import weights_digest
from eisen.experiments.records import EpochRow, RunResult
from eisen.experiments.run import Run
from eisen.experiments.runs.comparing import compare_runs
from eisen.experiments.runs.continued import continued_notes, start_weights
from eisen.experiments.runs.record import RunRecord, read_run
from eisen.experiments.runs.weights import WeightsPair, compare_run_weights

__all__ = ["Reproduction", "reproduce_run"]


@dataclass(frozen=True)
class Reproduction:
    """What came out of repeating a run.

    Args:
        original: Folder of the run that was repeated.
        folder: Folder of the repetition.
        changes: What is not as it was.
        weights: The best and the final weights, compared.
        same_history: Whether losses and metrics of all epochs are equal; None when one of the two has no history.
        result: What the training returned.
    """

    original: Path
    folder: Path
    changes: list[Change]
    weights: list[WeightsPair]
    same_history: bool | None = None
    result: RunResult = field(default_factory=RunResult)

    @property
    def identical(self) -> bool:
        """True when there are weights to compare and all of them are equal byte for byte."""
        return bool(self.weights) and all(pair.identical for pair in self.weights)


def reproduce_run(
    run: str | Path,
    artifact_dir: str | Path | None = None,
    data_dir: str | Path | None = None,
    *,
    observer: Observer | None = None,
) -> Reproduction:
    """Train a run again from the configuration in its folder, and compare the weights byte for byte.

    Before the first batch the observer is told what is not as it was: configuration, data, split, code, environment.
    As many threads are used as then.

    Args:
        run: Artifact folder of the run; it must be complete.
        artifact_dir: Folder for the repetition, new or empty; default is ``<run>-reproduced`` beside it.
        data_dir: Folder of the data; default is the one noted in ``provenance.json`` of the run.
        observer: Is told what happens.

    Raises:
        MissingFileError: If there is no run, or its data or the weights it started from are not where they were.
        TrainingError: If the run is not complete, or started from weights that have changed.
        ArgumentError: If the folder for the repetition is not empty.
    """
    original = read_run(run)
    experiment, n_epochs = _experiment(original), _epochs(original)
    data, folder = _data_dir(original, data_dir), _new_folder(original, artifact_dir)
    inner = observer or Observer()
    for note in continued_notes(original):
        inner.on_message(note)
    first_look = _FirstLook(inner, original, folder)
    with _threads_of(original, inner):
        model = _start_weights(original)
        result = Run(experiment, data, folder, model=model, observer=first_look).train(n_epochs)
    digests = original.facts.get("weights_digest") or {}
    pairs = [] if result.interrupted else compare_run_weights(original.folder, folder, digests)
    return Reproduction(
        original.folder, folder, first_look.changes, pairs, _same_history(original.folder, folder), result
    )


class _FirstLook(Observer):
    """Passes everything on, and compares the records when the new one has just been written."""

    def __init__(self, inner: Observer, original: RunRecord, folder: Path) -> None:
        self._inner, self._original, self._folder = inner, original, folder
        self._has_looked = False
        self.changes: list[Change] = []

    def on_phase_start(self, phase: str, epoch: int, n_batches: int) -> None:
        if not self._has_looked:
            self._has_looked = True
            self.changes = compare_runs(self._original, read_run(self._folder)).changes
            for change in self.changes:
                self._inner.on_message(f"the {change.subject} is not what it was: {change}")
        self._inner.on_phase_start(phase, epoch, n_batches)

    def on_batch(self, done: int, n_batches: int) -> None:
        self._inner.on_batch(done, n_batches)

    def on_epoch(self, epoch: int, n_epochs: int, rows: Sequence[EpochRow]) -> None:
        self._inner.on_epoch(epoch, n_epochs, rows)

    def on_artifact(self, path: Path, what: str) -> None:
        self._inner.on_artifact(path, what)

    def on_message(self, text: str) -> None:
        self._inner.on_message(text)


def _experiment(original: RunRecord) -> Experiment:
    path = Artifacts(original.folder).config
    if not path.is_file():
        raise MissingFileError(
            f"{original.folder} has no {path.name} to train from", file=str(path), to_do="put it back from a copy"
        )
    return read_config(path, epochs=original.facts.get("epochs"))


def _epochs(original: RunRecord) -> int:
    done, asked = original.epochs
    if original.status != "complete" or asked is None:
        raise TrainingError(
            f"the run in {original.folder} is {original.status} after {done or 0} of {asked or '?'} epochs",
            expected="a complete run, whose end can be compared",
            to_do=f"finish it first: eisen train CONFIG --artifact_dir {original.folder} --resume",
            file=str(Artifacts(original.folder).run_json),
        )
    return asked


def _data_dir(original: RunRecord, given: str | Path | None) -> Path:
    place = Path(given) if given is not None else original.data_dir
    if place is None or not place.is_dir():
        what = "where the data of the run is was not noted" if place is None else f"there is no folder {place}"
        raise MissingFileError(what, expected="the data the run was trained on", to_do="say where with --data_dir")
    return place


def _start_weights(original: RunRecord) -> Path | None:
    """Return the file of the weights the run started from, if it still holds them."""
    start = start_weights(original)
    if start is None:
        return None
    path = original.folder / start["file"]
    if not path.is_file():
        what = "the weights the run started from are not there any more"
        raise MissingFileError(what, expected="the file that Run(model=...) was given", file=str(path))
    state = load_weights(path)
    found = weights_digest(state["model"] if "model" in state and "epoch" in state else state)
    if found != start["digest"]:
        raise TrainingError(
            "the weights the run started from are other ones now",
            expected=f"digest {short(start['digest'])}, as then; got {short(found)}",
            to_do="put the file back from a copy",
            file=str(path),
        )
    return path


def _new_folder(original: RunRecord, given: str | Path | None) -> Path:
    if given is None:
        beside = original.folder.resolve()
        names = (f"{beside.name}-reproduced{'' if n == 1 else f'-{n}'}" for n in range(1, 10_000))
        return next(path for name in names if not (path := beside.with_name(name)).exists())
    folder = Path(given)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ArgumentError(
            f"{folder} is not empty", expected="a new or empty folder for the repetition", to_do="name another one"
        )
    return folder


@contextmanager
def _threads_of(original: RunRecord, observer: Observer) -> Iterator[None]:
    """Compute with as many threads as the run did: sums of another number of threads are rounded differently."""
    import torch

    before = torch.get_num_threads()
    then: Any = (original.facts.get("machine") or {}).get("threads")
    if isinstance(then, int) and then > 0 and then != before:
        observer.on_message(f"computing with {then} thread{'s' if then > 1 else ''}, as then")
        torch.set_num_threads(then)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _same_history(first: Path, second: Path) -> bool | None:
    files = [folder / "history.jsonl" for folder in (first, second)]
    return files[0].read_bytes() == files[1].read_bytes() if all(file.is_file() for file in files) else None
