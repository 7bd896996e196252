"""``eisen crossval`` and ``eisen sweep`` as people and machines use them."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from eisen_cli.main import cli

DIVIDE = ["--folds", "3", "--group", "patient"]


@pytest.fixture
def invoke(config_file, data_dir, tmp_path):
    def call(command, *words, folder="cv"):
        places = ["--data_dir", str(data_dir), "--artifact_dir", str(tmp_path / folder)]
        return CliRunner().invoke(cli, [command, str(config_file), *words, *places], obj=None)

    return call


def test_crossval_shows_every_fold_and_the_tables(invoke, copied):
    done = invoke("crossval")
    assert done.exit_code == 0, done.output
    assert "fold-2: complete before" in done.stdout
    assert "95 % interval" in done.stdout
    assert "note: intervals: 95 %, percentile bootstrap over groups (patient)" in done.stdout
    assert "3 of 3 runs are complete" in done.stdout
    document = json.loads(invoke("crossval", "--json").stdout)
    assert document["status"] == "ok"
    assert document["metrics"][0]["interval"]["n_units"] == 9


def test_crossval_of_one_seed_shows_the_runs_while_they_go_on(invoke):
    done = invoke("crossval", "1", *DIVIDE, "--only", "fold-1")
    assert done.exit_code == 0, done.output
    assert "epoch 1/1  Training" in done.stdout
    assert "1 of 3 runs are complete; the same command does the rest" in done.stdout


def test_a_failing_fold_ends_with_its_card_and_exit_code_1(invoke, config, config_file):
    config["Training"]["Optimizer"][0]["params"]["lr"] = 1e30
    config_file.write_text(json.dumps(config))
    done = invoke("crossval", "3", *DIVIDE, "--only", "fold-0")
    assert done.exit_code == 1
    assert "fold-0 failed" in done.stderr
    assert "Traceback" not in done.output
    assert "the same command does the rest" in done.stdout


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--folds", "3"], 3, "belong together"),
        (["--group", "patien"], 4, "patien"),
        ([*DIVIDE, "--only", "fold-7"], 3, "there is no run 'fold-7'"),
        ([*DIVIDE, "--executor", "serial", "--jobs", "2"], 3, "one at a time"),
        ([*DIVIDE, "--set", "Trainig.x=1"], 3, "did you mean 'Training'"),
        (["--executor", "cloud"], 2, "cloud"),
    ],
)
def test_what_is_wrong_with_the_words_is_said(invoke, words, code, text):
    done = invoke("crossval", *words)
    assert (done.exit_code, text in done.output) == (code, True), done.output
    assert "Traceback" not in done.output


def test_sweep_names_the_best(invoke):
    done = invoke("sweep", "1", "--grid", "Training.Optimizer[0].params.lr=0.1,0.2", folder="sweep")
    assert done.exit_code == 0, done.output
    assert "best: trial-00" in done.stdout
    assert "--set Training.Optimizer[0].params.lr=0." in done.stdout
    again = invoke("sweep", "1", "--grid", "Training.Optimizer[0].params.lr=0.1,0.2", "--json", folder="sweep")
    document = json.loads(again.stdout)
    assert document["best"]["name"] == document["trials"][0]["name"]
    assert all(trial["outcome"]["reused"] for trial in document["trials"])


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ([], "nothing to try"),
        (["--random", "3"], "nothing to try"),
        (["--grid", "Training.BatchSize=2", "--random", "2"], "use one of them"),
        (["--grid", "Training.BatchSize=2", "--grid", "Training.BatchSize=3"], "is given twice"),
    ],
)
def test_a_sweep_without_sense_is_refused(invoke, words, text):
    done = invoke("sweep", *words)
    assert done.exit_code == 2
    assert text in done.output
