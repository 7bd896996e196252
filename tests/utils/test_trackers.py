"""Losses and metrics in files and trackers, without a network."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eisen._core.errors import ArgumentError, MissingExtraError
from eisen.utils.events import EpochEnd
from eisen.utils.logging import CSVHook, JSONLinesHook, MLflowHook, WeightsAndBiasesHook
from eisen.utils.workflows import Training

Make = Callable[..., Training]


def epoch(number: int, **values: float) -> EpochEnd:
    return EpochEnd(None, "Training", number, values, {}, None, None, 4, 1.5, dict)


def rows_of(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".csv":
        return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("hook", [CSVHook, JSONLinesHook])
def test_every_epoch_is_a_row_with_full_precision(make_training: Make, tmp_path: Path, hook: Any) -> None:
    training = make_training()
    kept = hook(training.id, "Training", tmp_path)
    means = []
    for _ in range(2):
        training.run()
        means.append(training.epoch_aggregator.mean_loss)
    rows = rows_of(kept.path)
    assert [float(row["loss/mse"]) for row in rows] == means
    assert [(row["phase"], int(row["epoch"]), int(row["n_batches"])) for row in rows] == [
        ("Training", i, 4) for i in (0, 1)
    ]
    assert "metric/difference" in rows[0]


@pytest.mark.parametrize("hook", [CSVHook, JSONLinesHook])
def test_a_resumed_run_goes_on_in_the_same_file(make_training: Make, tmp_path: Path, hook: Any) -> None:
    first = hook(make_training().id, "Training", tmp_path)
    for number in range(4):
        first.on_epoch_end(epoch(number, dice=number / 10))
    again = hook(make_training().id, "Training", tmp_path)
    again.on_epoch_end(epoch(2, dice=0.9, focal=0.5))
    rows = rows_of(again.path)
    assert [(int(row["epoch"]), float(row["loss/dice"])) for row in rows] == [(0, 0.0), (1, 0.1), (2, 0.9)]
    assert not rows[0].get("loss/focal")


def test_json_lines_know_no_nan(make_training: Make, tmp_path: Path) -> None:
    hook = JSONLinesHook(make_training().id, "Training", tmp_path)
    hook.on_epoch_end(epoch(0, dice=float("nan")))
    assert rows_of(hook.path)[0]["loss/dice"] is None


def test_mlflow_keeps_curves_and_settings_in_a_file(make_training: Make, tmp_path: Path) -> None:
    tracking = pytest.importorskip("mlflow.tracking")
    training = make_training()
    hook = MLflowHook(training.id, "Training", tmp_path, parameters={"lr": 0.1})
    means = []
    for _ in range(2):
        training.run()
        means.append(training.epoch_aggregator.mean_loss)
    hook.on_epoch_end(epoch(2, **{"dice[left, lobe]": 0.5, "other": float("nan")}))
    hook.close()
    client = tracking.MlflowClient(tracking_uri=f"sqlite:///{tmp_path / 'mlflow.db'}")
    curve = client.get_metric_history(hook.run_id, "Training/loss/mse")
    assert [(point.step, point.value) for point in curve] == [(0, means[0]), (1, means[1])]
    run = client.get_run(hook.run_id)
    assert run.data.params == {"lr": "0.1"}
    assert run.info.status == "FINISHED"
    assert run.data.metrics["Training/loss/dice_left_ lobe_"] == 0.5


@pytest.mark.slow
def test_weights_and_biases_works_offline(make_training: Make, tmp_path: Path) -> None:
    pytest.importorskip("wandb")
    training = make_training()
    hook = WeightsAndBiasesHook(training.id, "Training", tmp_path, parameters={"lr": 0.1})
    training.run()
    hook.close()
    files = list((tmp_path / "wandb").glob("offline-run-*/run-*.wandb"))
    assert len(files) == 1
    end = time.monotonic() + 60  # its own process writes the file, and takes its time on a busy machine
    while b"Training/loss/mse" not in files[0].read_bytes() and time.monotonic() < end:
        time.sleep(0.2)
    assert b"Training/loss/mse" in files[0].read_bytes()


def test_a_tracker_that_fails_is_complained_of_once(make_training: Make, tmp_path: Path, caplog: Any) -> None:
    pytest.importorskip("wandb")
    training = make_training()
    hook = WeightsAndBiasesHook(training.id, "Training", tmp_path, mode="disabled")
    hook.run.finish()
    hook.run = None
    training.run()
    training.run()
    assert training.epoch == 2
    assert caplog.text.count("does not take the values of Training") == 1


@pytest.mark.parametrize("hook", [CSVHook, JSONLinesHook, MLflowHook, WeightsAndBiasesHook])
def test_a_missing_folder_is_named_before_anything_is_started(make_training: Make, tmp_path: Path, hook: Any) -> None:
    with pytest.raises(ValueError, match="does not exist"):
        hook(make_training().id, "Training", tmp_path / "absent")


@pytest.mark.parametrize(("hook", "module"), [(MLflowHook, "mlflow.tracking"), (WeightsAndBiasesHook, "wandb")])
def test_without_the_extra_it_is_named(
    make_training: Make, tmp_path: Path, monkeypatch: Any, hook: Any, module: str
) -> None:
    monkeypatch.setitem(__import__("sys").modules, module, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'eisen\[tracking\]'"):
        hook(make_training().id, "Training", tmp_path)


def test_an_unknown_mode_is_refused(make_training: Make, tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="mode is 'off'"):
        WeightsAndBiasesHook(make_training().id, "Training", tmp_path, mode="off")
