"""What runs write for whoever looks on, and how they are asked to stop from there."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys

import psutil
import pytest
from experiment_parts import Recorder, entry, set_hyper

from eisen._core.errors import EisenError, NonFiniteLossError
from eisen.experiments.artifacts import Artifacts
from eisen.experiments.progress import is_alive, progress, read_progress, request_stop
from eisen.experiments.progress.record import identity

KEYS = {
    *("format", "pid", "host", "process_started", "time", "command", "n_processes", "status", "phase", "epoch"),
    *("n_epochs", "batch", "n_batches", "started", "seconds", "eta_seconds", "pass_eta_seconds", "samples_per_second"),
    *("seconds_loader", "seconds_transfer", "seconds_compute", "memory_bytes", "device", "device_memory_bytes"),
    *("learning_rates", "losses", "curve", "pass_seconds", "message"),
}


@pytest.fixture
def eager(monkeypatch):
    """Write after every batch."""
    monkeypatch.setattr(progress, "_EVERY_S", 0.0)
    monkeypatch.setattr(progress, "_SHARE", 0.0)


class Watcher(Recorder):
    """Reads the record after every batch, and may do something after one of them."""

    def __init__(self, folder, at=0, action=lambda: None):
        super().__init__()
        self.folder, self.at, self.action, self.records = folder, at, action, []

    def on_batch(self, done, n_batches):
        super().on_batch(done, n_batches)
        self.records.append(read_progress(self.folder))
        if len(self.records) == self.at:
            self.action()


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "artifacts"


@pytest.mark.usefixtures("eager")
def test_a_training_tells_how_far_it_is(make_run, config, folder):
    watcher = Watcher(folder)
    result = make_run(config, observer=watcher).train(2)
    running = watcher.records
    assert all(set(record) == KEYS for record in running)
    assert all(record["status"] == "running" and is_alive(record) for record in running)
    assert all((record["command"], record["n_epochs"], record["n_processes"]) == ("train", 2, 1) for record in running)
    places = [(record["phase"], record["epoch"], record["batch"], record["n_batches"]) for record in running]
    whole = [("Training", 1, 2), ("Training", 2, 2), ("Validation", 1, 1)]
    assert places == [(phase, epoch, *rest) for epoch in (0, 1) for phase, *rest in whole]
    assert [record["learning_rates"] for record in running if record["phase"] == "Training"] == [
        {"default": [0.05]},
        {"default": [0.05]},
        {"default": [pytest.approx(0.045)]},
        {"default": [pytest.approx(0.045)]},
    ]
    assert all(record["seconds_loader"] > 0 and record["seconds_transfer"] == 0.0 for record in running)
    assert running[-1]["seconds_compute"] > 0
    assert running[-1]["memory_bytes"] > 10_000_000
    assert running[-1]["device"] == "cpu"
    assert running[-1]["samples_per_second"] > 0
    assert running[0]["eta_seconds"] is None
    assert running[-1]["eta_seconds"] == 0.0, "it is the last batch"
    end = read_progress(folder)
    assert (end["status"], end["eta_seconds"], end["phase"], end["epoch"]) == ("complete", 0.0, "Validation", 1)
    losses = [record["losses"]["dice_loss"] for record in running if record["phase"] == "Training"]
    assert end["curve"] == {"step": [0, 1, 2, 3], "losses": {"dice_loss": pytest.approx(losses, rel=1e-5)}, "stride": 1}
    means = [row.losses["dice_loss"] for row in result.rows if row.phase == "Training"]
    assert [sum(losses[:2]) / 2, sum(losses[2:]) / 2] == pytest.approx(means, rel=1e-5)


def test_the_log_tells_what_each_pass_cost(make_run, config, folder):
    make_run(config).train(1)
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    for line in (line for line in lines if line["event"] == "epoch"):
        parts = [line[name] for name in ("seconds_loader", "seconds_transfer", "seconds_compute")]
        assert all(part >= 0 for part in parts)
        assert sum(parts) <= line["seconds"] + 0.002
        assert line["n_samples"] == {"Training": 4, "Validation": 2}[line["phase"]]
        assert line["memory_bytes"] > 10_000_000
    history = [json.loads(line) for line in (folder / "history.jsonl").read_text(encoding="utf-8").splitlines()]
    assert not {"seconds_loader", "n_samples", "memory_bytes"} & {key for line in history for key in line}


def test_what_comes_out_is_the_same_bytes_whether_or_not_it_is_told(make_run, config, tmp_path, monkeypatch, eager):
    make_run(config, "told").train(2)
    monkeypatch.setattr(progress, "put", lambda path, record: False)
    make_run(config, "silent").train(2)
    assert (tmp_path / "told/progress.json").exists()
    assert not (tmp_path / "silent/progress.json").exists()
    for name in ("checkpoint.pt", "history.jsonl", "models/best.pt"):
        assert (tmp_path / "told" / name).read_bytes() == (tmp_path / "silent" / name).read_bytes(), name


@pytest.mark.parametrize("command", ["validate", "test", "predict", "calibrate"])
def test_every_command_tells_and_leaves_the_curve_of_the_training(make_run, config, folder, command):
    make_run(config).train(1)
    trained = read_progress(folder)
    config["Testing"] = config["Prediction"] = config["Validation"]
    watcher = Watcher(folder)
    getattr(make_run(config, observer=watcher), command)()
    phase = {"test": "Testing", "predict": "Prediction"}.get(command, "Validation")
    assert watcher.records[0]["status"] == "running"
    end = read_progress(folder)
    assert set(end) == KEYS
    assert (end["command"], end["status"], end["phase"]) == (command, "complete", phase)
    assert end["batch"] == end["n_batches"] > 0
    assert end["curve"] == trained["curve"]
    assert end["curve"]["step"] == [0, 1]


@pytest.mark.parametrize("fails_at", ["batch", "start"])
def test_an_error_is_told_with_its_card(make_run, config, folder, fails_at):
    make_run(config).train(1)
    before = read_progress(folder)
    config["Training"]["Losses"][0] = {**config["Training"]["Losses"][0], "type": "tiny_parts.NaNLoss"}
    config["Training"]["Losses"][0]["params"]["after"] = 1
    kind = NonFiniteLossError if fails_at == "batch" else EisenError
    with pytest.raises(kind) as caught:
        make_run(config, resume=fails_at == "start").train(3)
    end = read_progress(folder)
    assert end["status"] == "failed"
    assert end["error"].startswith(type(caught.value).__name__)
    assert end["card"]["what"] == caught.value.card.what
    assert end["card"]["to_do"]
    assert (end["curve"] == before["curve"]) is (fails_at == "start"), "nothing is lost by a run that cannot begin"


def test_a_run_that_goes_on_continues_its_curve_and_counts_what_is_left(make_run, config, tmp_path, eager):
    def ctrl_c():
        os.kill(os.getpid(), signal.SIGINT)

    make_run(config, observer=Watcher(tmp_path / "artifacts", 4, ctrl_c)).train(3)
    stopped = read_progress(tmp_path / "artifacts")
    assert (stopped["status"], stopped["eta_seconds"]) == ("interrupted", None)
    assert stopped["message"].startswith("interrupted; --resume goes on")
    assert (stopped["epoch"], stopped["batch"], stopped["curve"]["step"]) == (1, 1, [0, 1, 2])
    watcher = Watcher(tmp_path / "artifacts")
    make_run(config, resume=True, observer=watcher).train(3)
    first = watcher.records[0]
    assert (first["epoch"], first["batch"], first["n_epochs"]) == (1, 2, 3)
    assert first["pass_seconds"].keys() == {"Training", "Validation"}
    assert 0 < first["eta_seconds"] < 3 * sum(first["pass_seconds"].values())
    make_run(config, "whole").train(3)
    parts, whole = (read_progress(tmp_path / name)["curve"] for name in ("artifacts", "whole"))
    assert parts == whole


def test_a_new_training_begins_a_new_curve(make_run, config, folder):
    make_run(config).train(2)
    make_run(config).train(1)
    assert read_progress(folder)["curve"]["step"] == [0, 1]


@pytest.mark.usefixtures("eager")
def test_a_file_stops_a_training_as_ctrl_c_does(make_run, config, folder, tmp_path):
    watcher = Watcher(folder, 3, lambda: request_stop(folder, "the run\npage"))
    result = make_run(config, observer=watcher).train(3)
    assert result.interrupted
    assert not Artifacts(folder).stop_request.exists()
    assert "stopping after this batch: asked by the run" in watcher.messages
    assert read_progress(folder)["status"] == "interrupted"
    assert json.loads((folder / "run.json").read_text(encoding="utf-8"))["status"] == "interrupted"
    assert [call[0] for call in watcher.calls].count("batch") == 4
    make_run(config, resume=True).train(3)
    make_run(config, "whole").train(3)
    assert (folder / "history.jsonl").read_bytes() == (tmp_path / "whole/history.jsonl").read_bytes()


@pytest.mark.usefixtures("eager")
def test_an_empty_file_stops_too_and_an_old_one_does_not(make_run, config, folder):
    make_run(config).train(1)
    Artifacts(folder).stop_request.touch()
    assert not make_run(config).train(1).interrupted
    assert not Artifacts(folder).stop_request.exists()
    watcher = Watcher(folder, 1, lambda: Artifacts(folder).stop_request.touch())
    assert make_run(config, observer=watcher).train(1).interrupted
    assert f"stopping after this batch: asked by the file 'stop' in {folder}" in watcher.messages


@pytest.mark.usefixtures("eager")
def test_what_cannot_be_written_does_not_disturb_the_run(make_run, config, folder):
    Artifacts(folder).progress.mkdir(parents=True)
    assert make_run(config).train(1).n_epochs == 1
    assert not list(folder.glob(".*.part"))


def test_the_record_of_a_training_at_work_is_left_alone(make_run, config, folder):
    make_run(config).train(1)
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    try:
        started = psutil.Process(process.pid).create_time()
        other = {**identity(), "format": 1, "status": "running", "pid": process.pid, "process_started": started}
        Artifacts(folder).progress.write_text(json.dumps(other), encoding="utf-8")
        request_stop(folder)
        assert not make_run(config).validate().interrupted
        assert read_progress(folder) == other
        assert Artifacts(folder).stop_request.exists(), "it is not this run that is asked to stop"
    finally:
        process.kill()
        process.wait()
    make_run(config).validate()
    assert read_progress(folder)["command"] == "validate", "the other one is dead"


def test_a_slow_disk_is_written_to_less_often(tmp_path, monkeypatch):
    import time

    monkeypatch.setattr(progress, "put", lambda path, record: time.sleep(0.03))
    told = progress.Progress(Artifacts(tmp_path), "train")
    told.finish("running")
    told.finish("running")
    assert 0.03 * 200 <= told._next_write - time.perf_counter() + 0.01 <= 30.01
    monkeypatch.setattr(progress, "put", lambda path, record: True)
    told.finish("running")
    assert told._next_write - time.perf_counter() < 6, "one slow write alone does not count"


@pytest.mark.usefixtures("eager")
def test_a_loop_of_the_user_is_told_without_times(make_run, config, folder):
    config["Training"]["Workflow"] = [entry("tiny_parts.OwnLoop")]
    set_hyper(config, ".Epochs", 1)
    watcher = Watcher(folder)
    make_run(config, observer=watcher).train()
    record = next(record for record in watcher.records if record["phase"] == "Training")
    assert (record["batch"], record["seconds_loader"], record["seconds_compute"]) == (1, None, None)
