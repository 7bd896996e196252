"""What a loader logs about its choice of threads or processes stands on the screen of a run, and in its record."""

from __future__ import annotations

import json
import logging

import pytest
from experiment_parts import Recorder

from eisen.experiments import Run
from eisen.experiments.hearing import hearing

LOG = logging.getLogger("eisen.datasets.choosing")


def test_lines_are_heard_meanwhile_and_the_logger_is_as_before():
    told = []
    before = LOG.level, list(LOG.handlers)
    with hearing(told.append):
        LOG.info("threads read the data (%d)", 2)
        LOG.debug("too much")
        logging.getLogger("eisen.other").info("not ours")
    LOG.info("later")
    assert told == ["threads read the data (2)"]
    assert (LOG.level, list(LOG.handlers)) == before


def test_where_nobody_listens_the_log_goes_where_it_went():
    with hearing(None):
        assert not LOG.handlers
        assert not LOG.isEnabledFor(logging.INFO)


@pytest.fixture
def chosen(config, make_run):
    """A run of one epoch in which the loader of each phase chooses between threads and processes."""
    for entry in config["General"]["Hyperparameters"]:
        if entry["type"] == ".NumWorkers":
            entry["params"]["value"] = 1
    config["General"]["Hyperparameters"].append({"type": ".Workers", "params": {"value": "auto"}})
    return make_run(config)


def test_the_choice_of_workers_is_told_once_per_phase_and_kept_in_the_record(chosen, tmp_path):
    chosen.observer = told = Recorder()
    chosen.train(2)
    lines = [line for line in told.messages if "read the data (1)" in line]
    assert [line.split(":")[0] for line in lines] == ["Training", "Validation"]
    record = json.loads((tmp_path / "artifacts" / "run.json").read_text(encoding="utf-8"))
    assert {f"{phase}: {line}" for phase, line in record["reading"].items()} == set(lines)
    assert all(line.startswith(("threads", "processes")) for line in record["reading"].values())


def test_a_run_that_nobody_watches_leaves_the_log_alone(chosen, tmp_path, data_dir):
    Run(chosen.experiment, data_dir, tmp_path / "silent").train(1)
    assert "reading" not in json.loads((tmp_path / "silent" / "run.json").read_text(encoding="utf-8"))
