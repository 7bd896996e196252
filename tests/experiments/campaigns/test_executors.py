"""Wherever the runs of a campaign are made, the results are the same bytes, and what goes wrong stays with its run."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from campaign_parts import part

from eisen._core.errors import ArgumentError, MissingExtraError
from eisen.experiments.campaigns import CrossValidation, Plan, SplitWish, Task
from eisen.experiments.campaigns.executors import executor_of
from eisen.experiments.campaigns.executors.spawned import Spawned, child_environment
from eisen.experiments.splits import explicit


def three_folds(cases):
    """Return a split in which no two folds validate on the same patient."""
    folds = []
    for number, (first, validation) in enumerate([(0, "p3"), (3, "p6"), (6, "p0")]):
        parts = {"training": [], "validation": [], "test": []}
        for case in cases:
            tested = first <= int(case["patient"][1]) < first + 3
            part_ = "test" if tested else "validation" if case["patient"] == validation else "training"
            parts[part_].append(case["name"])
        folds.append({"name": str(number), **parts})
    return explicit(folds, cases, group="patient")


def test_processes_give_the_same_bytes_as_serial_though_one_was_killed_and_one_failed(config, data_dir, tmp_path):
    cases = json.loads((data_dir / "cases.json").read_text(encoding="utf-8"))
    three_folds(cases).save(tmp_path / "frozen.json")
    bad = tmp_path / "bad"
    bad.touch()
    config["Testing"] = {
        k: json.loads(json.dumps(config["Validation"][k])) for k in ("Datasets", "Transforms", "Metrics")
    }
    config["Validation"]["Transforms"][:0] = [
        part(f"campaign_parts.{kind}", fields=["x"], value=value, when=str(bad))
        for kind, value in (("KillsOn", cases[6]["x"]), ("FailsOn", cases[12]["x"]))
    ]
    wish = SplitWish(tmp_path / "frozen.json")
    plan = Plan(config, data_dir, tmp_path / "cv", executor="processes", jobs=2)
    outcomes = {outcome.name: outcome for outcome in CrossValidation(plan, wish).run().outcomes}
    assert {name: outcome.status for name, outcome in outcomes.items()} == {
        "fold-0": "failed",
        "fold-1": "failed",
        "fold-2": "complete",
    }
    assert "SIGKILL" in outcomes["fold-0"].error["what"]
    assert outcomes["fold-0"].error["file"].endswith("fold-0/output.log")
    assert "this case is broken" in outcomes["fold-1"].error["what"]
    assert json.loads((tmp_path / "cv/fold-1/run.json").read_text(encoding="utf-8"))["status"] == "failed"

    bad.unlink()
    again = CrossValidation(plan, wish).run()
    assert again.is_complete, again.failures
    assert CrossValidation(Plan(config, data_dir, tmp_path / "serial"), wish).run().is_complete
    assert (tmp_path / "cv/scores.csv").read_bytes() == (tmp_path / "serial/scores.csv").read_bytes()
    assert "epoch 2/2" in (tmp_path / "cv/fold-2/output.log").read_text(encoding="utf-8")


def slow(config, seconds=0.2):
    model = config["General"]["Models"][0]
    model["type"], model["params"]["seconds"] = "campaign_parts.SlowLine", seconds
    return config


@pytest.mark.slow
def test_ctrl_c_stops_all_processes_politely(config, data_dir, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(slow(config)))
    words = [
        "crossval",
        "config.json",
        "200",
        "--folds",
        "3",
        "--group",
        "patient",
        "--jobs",
        "2",
        "--artifact_dir",
        "cv",
    ]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "eisen_cli", *words],
        cwd=tmp_path,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    logs = [tmp_path / f"cv/fold-{n}/output.log" for n in range(2)]
    try:
        wait_for(lambda: all(log.exists() and "epoch 1/" in log.read_text(encoding="utf-8") for log in logs), process)
        os.killpg(process.pid, signal.SIGINT)
        output, errors = process.communicate(timeout=100)
    finally:
        process.kill()
    assert process.returncode == 130, errors
    assert "Traceback" not in output + errors
    assert "fold-0: interrupted" in output
    assert "fold-1: interrupted" in output
    assert "fold-2" not in output
    assert "0 of 3 runs are complete" in output
    assert json.loads((tmp_path / "cv/fold-0/run.json").read_text(encoding="utf-8"))["status"] == "interrupted"


def wait_for(condition, process, seconds=150):
    until = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.1)


@pytest.mark.slow
def test_a_run_stops_when_the_process_that_started_it_is_gone(config, data_dir, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(slow(config)))
    task = Task("run", str(tmp_path / "run"), str(tmp_path / "config.json"), str(data_dir), 500)
    spawned = Spawned(task, child_environment(1))
    try:
        wait_for(lambda: "epoch 1/" in (tmp_path / "run/output.log").read_text(encoding="utf-8"), spawned._process)
        spawned.stop()  # closes the pipe, which is what the system does when the owner dies
        code = spawned._process.wait(timeout=60)
        outcome = spawned.outcome()
    finally:
        spawned.kill()
    assert (code, outcome.status) == (130, "interrupted")
    assert (tmp_path / "run/checkpoint.pt").exists()


@pytest.mark.slow
def test_ray_gives_the_same_bytes_as_serial_and_listens_to_nobody_else(complete, config, data_dir, tmp_path):
    ray = pytest.importorskip("ray")
    import psutil

    from eisen.experiments.campaigns import CampaignObserver

    addresses = set()

    class Watch(CampaignObserver):
        def on_task_end(self, outcome):
            us = psutil.Process()
            for process in (us, *us.children(recursive=True)):
                with contextlib.suppress(psutil.NoSuchProcess):  # some come and go
                    found = process.net_connections(kind="inet")
                    addresses.update(each.laddr.ip for each in found if each.status == psutil.CONN_LISTEN)

    plan = Plan(config, data_dir, tmp_path / "cv", executor="ray", jobs=2, observer=Watch())
    result = CrossValidation(plan, SplitWish(complete[0] / "split.json")).run()
    assert result.is_complete, result.failures
    assert (tmp_path / "cv/scores.csv").read_bytes() == (complete[0] / "scores.csv").read_bytes()
    assert addresses
    assert addresses <= {"127.0.0.1", "::ffff:127.0.0.1"}
    assert not ray.is_initialized()


def test_without_ray_the_card_says_how_to_install_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'eisen[ray]'")):
        executor_of("ray")


def test_options_that_do_not_fit_an_executor_are_refused():
    with pytest.raises(ArgumentError, match="has no address"):
        executor_of("processes", address="auto")
    with pytest.raises(ArgumentError, match="one at a time"):
        executor_of("serial", jobs=2)
    with pytest.raises(ArgumentError, match="jobs is 0"):
        executor_of("processes", jobs=0)


def test_ray_is_imported_only_when_it_is_asked_for():
    code = "import sys, eisen.experiments.campaigns as c; c.CrossValidation, c.Sweep; print('ray' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[3])
    assert done.stdout.strip() == "False", done.stderr
