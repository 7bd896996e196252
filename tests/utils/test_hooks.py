"""The hooks that come with eisen."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydispatch import dispatcher

from eisen._core.errors import ArgumentError, ArtifactError
from eisen.utils.artifacts import SaveTorchModel, SaveTorchModelHook
from eisen.utils.logging import LoggingHook, TensorboardSummaryHook, plot_confusion_matrix
from eisen.utils.logging.confusion import confusion_matrix
from eisen.utils.workflows import PatienceHook, Training, Validation

Make = Callable[..., Training]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_table_grows_by_a_row_per_epoch(make_training: Make, capsys: pytest.CaptureFixture[str]) -> None:
    training = make_training()
    LoggingHook(training.id, "Training", None)
    training.run()
    capsys.readouterr()
    training.run()
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split("  ")[0] == "Phase"
    assert "mse (L)" in lines[0]
    assert "difference (M)" in lines[0]
    assert [line.split("   ")[0].strip()[:18] for line in lines[1:]] == ["Training - Epoch 0", "Training - Epoch 1"]


def test_two_losses_of_one_name_have_two_columns(make_training: Make, mse: Any, capsys: Any) -> None:
    training = make_training(losses=[mse, mse])
    LoggingHook(training.id, "Training", None)
    training.run()
    assert "mse (2) (L)" in capsys.readouterr().out


def test_a_terminal_gets_a_drawn_table(make_training: Make, capsys: Any, monkeypatch: Any) -> None:
    training = make_training()
    LoggingHook(training.id, "Training", None)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    training.run()
    assert "┃" in capsys.readouterr().out


class Flat:
    """Stands for events with a given value."""

    def __init__(self, value: float) -> None:
        self.value = value


def test_patience_ends_on_a_plateau(model: Any, mse: Any, batches: Any) -> None:
    validation = Validation(model, batches, [mse], device="cpu")
    hook = PatienceHook(validation.id, 2)
    stops = []
    for _ in range(3):
        validation.run()
        stops.append(hook.is_stop())
    assert stops == [False, False, True]
    hook.reset()
    assert hook.patience_counter == 0
    assert not hook.is_stop()


def test_patience_lasts_while_it_gets_better(make_training: Make) -> None:
    training = make_training()
    hook = PatienceHook(training.id, 1)
    for _ in range(5):
        training.run()
        assert not hook.is_stop()


def test_patience_wants_more_than_min_delta(make_training: Make) -> None:
    hook = PatienceHook(make_training().id, 1, select_best_loss=False, min_delta=0.1)
    counters = []
    for value in (0.5, 0.55, 0.58, 0.65):
        hook.on_best_loss(Flat(0.0))  # type: ignore[arg-type]
        hook.on_best_metric(Flat(value))  # type: ignore[arg-type]
        hook.on_epoch_end(None)  # type: ignore[arg-type]
        counters.append(hook.patience_counter)
    assert counters == [0, 1, 2, 0]
    with pytest.raises(ArgumentError, match="patience is 0"):
        PatienceHook(make_training().id, 0)


@pytest.mark.parametrize("select_best_loss", [True, False])
def test_the_best_weights_are_saved_without_the_wrapper(
    make_training: Make, tmp_path: Path, select_best_loss: bool
) -> None:
    training = make_training()
    SaveTorchModelHook(training.id, "Training", tmp_path, select_best_loss)
    training.run()
    saved = torch.load(tmp_path / "models" / "model.pt", weights_only=True)
    torch.testing.assert_close(dict(saved), dict(training.model.module.state_dict()))


def test_a_model_that_is_not_the_best_is_not_saved(make_training: Make, tmp_path: Path) -> None:
    training = make_training()
    SaveTorchModelHook(training.id, "Training", tmp_path, True)
    training.epoch_aggregator.best_avg_loss = -1.0
    training.run()
    assert names_in(tmp_path / "models") == []


def test_the_history_keeps_every_best_model(make_training: Make, tmp_path: Path) -> None:
    training = make_training()
    SaveTorchModelHook(training.id, "Training", tmp_path, True, True)
    for _ in range(3):
        training.run()
    names = names_in(tmp_path / "models")
    assert len(names) == 4
    assert names[0] == "model.pt"
    assert all(name.startswith("model_2") for name in names[1:])


@pytest.mark.parametrize("hook", [SaveTorchModelHook, TensorboardSummaryHook])
def test_a_missing_folder_is_refused_before_subscribing(make_training: Make, tmp_path: Path, hook: Any) -> None:
    training = make_training()
    with pytest.raises(ValueError, match="does not exist"):
        hook(training.id, "Training", tmp_path / "none")
    assert not any(training._hub.listeners.values())
    assert id(training.id) not in dispatcher.connections
    with pytest.raises(ValueError, match="does not exist"):
        SaveTorchModel(tmp_path / "none")


def test_a_full_disk_is_one_card_and_keeps_the_old_model(make_training: Make, tmp_path: Path, monkeypatch: Any) -> None:
    training = make_training()
    SaveTorchModelHook(training.id, "Training", tmp_path)
    training.run()
    before = (tmp_path / "models" / "model.pt").read_bytes()

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ArtifactError, match=r"model.pt could not be written: the disk is full"):
        training.run()
    assert (tmp_path / "models" / "model.pt").read_bytes() == before
    assert names_in(tmp_path / "models") == ["model.pt"]


def test_a_disk_that_fills_up_while_torch_writes_is_the_same_card(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(ArtifactError, match="could not be written"):
            SaveTorchModel(tmp_path)(torch.nn.Linear(1000, 1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names_in(tmp_path) == []


def test_a_confusion_matrix_knows_classes_that_occur_in_predictions_only() -> None:
    counts, classes = confusion_matrix(np.array([0, 1]), np.array([0, 5]))
    assert classes == [0, 1, 5]
    assert counts.tolist() == [[1, 0, 0], [0, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize("normalize", [False, True])
def test_a_confusion_matrix_is_drawn(normalize: bool) -> None:
    picture = plot_confusion_matrix(np.array([[5, 1], [0, 0]]), ["a", "b"], normalize)
    assert picture.ndim == 3
    assert picture.shape[2] == 4
    assert picture.dtype == np.uint8
    assert picture.std() > 0
