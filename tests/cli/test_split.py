"""``eisen split``: freezing, showing and checking which cases train, validate and test."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import Result

from eisen_cli.main import cli
from eisen_cli.show.screen import Screen

from .conftest import Invoke, tiny_config


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "config.json"
    path.write_text(json.dumps(tiny_config()))
    return path


@pytest.fixture
def freeze(invoke: Invoke, config: Path, task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return a function from options to the result of making a split in the folder of the configuration."""
    monkeypatch.chdir(tmp_path)

    def freeze(*options: object) -> Result:
        return invoke("split", config.name, "--data_dir", task, *options)

    return freeze


def test_a_split_is_frozen_shown_and_checked(freeze, invoke: Invoke, task: Path, tmp_path: Path) -> None:
    done = freeze("--no-group", "--folds", 2)
    assert done.exit_code == 0, done.output
    assert "kfold: 4 cases, no groups, 2 folds" in done.output
    assert "0     1 / 1 / 2" in done.output
    assert "--set Split.file=split.json --set Split.fold=0" in done.output
    shown = invoke("split", "split.json")
    assert shown.exit_code == 0
    assert "whole, nothing leaks" in shown.output
    assert "0     1 / 1 / 2" in shown.output
    fits = invoke("split", "split.json", "--check", "config.json", "--data_dir", task)
    assert fits.exit_code == 0
    assert "fits the 4 cases" in fits.output


def test_groups_and_classes_have_columns(freeze) -> None:
    done = freeze("--group", r"regex:_(\d)", "--stratify", r"regex:_\d", "--test", 0.5, "--validation", 0)
    assert done.exit_code == 0, done.output
    title = next(line for line in done.output.splitlines() if line.startswith("fold"))
    assert title.split("  ")[-1] == r"regex:_\d _3"
    assert "groups" in title


def test_machines_read_what_was_made(freeze, tmp_path: Path) -> None:
    done = freeze("--no-group", "--folds", 2, "--json", "-o", "other.json")
    document = json.loads(done.stdout)
    assert document["digest"] == json.loads((tmp_path / "other.json").read_text(encoding="utf-8"))["digest"]
    assert document["folds"][0] == {"name": "0", "training": 1, "validation": 1, "test": 2}


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        ([], 3, "not said which cases belong together"),
        (["--no-group", "--group", "x"], 3, "no_group is True"),
        (["--group", "patient"], 4, "no case has 'patient'"),
        (["--no-group", "--folds", 5], 3, "4 cases cannot be divided into 5 folds"),
        (["--no-group", "--folds", 1], 2, "--folds"),
        (["--no-group", "--test", 0.5, "--folds", 2], 2, "use one of them"),
        (["--no-group", "--nested", 2, "--repeats", 2], 2, "leave out"),
        (["--no-group", "--validation", 1], 2, "--validation"),
        (["--no-group", "--check", "config.json"], 2, "--check goes with a frozen split"),
        (["--no-group", "--folds", 2, "-o", "no/such/split.json"], 5, "its folder does not exist"),
    ],
)
def test_what_cannot_be_done_is_said(freeze, tmp_path: Path, options: list[object], code: int, said: str) -> None:
    done = freeze(*options)
    assert done.exit_code == code, done.output
    assert said in done.stderr
    assert not (tmp_path / "split.json").exists()


def test_another_split_takes_no_file_by_accident(freeze, tmp_path: Path) -> None:
    assert freeze("--no-group", "--folds", 2).exit_code == 0
    before = (tmp_path / "split.json").read_bytes()
    assert freeze("--no-group", "--folds", 2).exit_code == 0
    refused = freeze("--no-group", "--folds", 2, "--seed", 1)
    assert refused.exit_code == 5
    assert "replace it with --force" in refused.stderr
    assert (tmp_path / "split.json").read_bytes() == before
    assert freeze("--no-group", "--folds", 2, "--seed", 1, "--force").exit_code == 0
    assert (tmp_path / "split.json").read_bytes() != before


def test_a_split_that_was_tampered_with_or_does_not_fit_is_refused(freeze, invoke: Invoke, task: Path, tmp_path: Path):
    freeze("--no-group", "--folds", 2)
    path = tmp_path / "split.json"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("box_1", "box_9"))
    done = invoke("split", "split.json")
    assert done.exit_code == 4
    assert "changed after it was frozen" in done.stderr
    path.write_text(text)
    fewer = 'Training.Datasets[0].params={"json_file": "dataset.json", "phase": "test"}'
    without = ["--set", fewer, "--set", fewer.replace("Training", "Validation")]
    done = invoke("split", "split.json", "--check", "config.json", "--data_dir", task, *without)
    assert done.exit_code == 4
    assert "4 cases of the split cannot be found" in done.stderr


def test_nested_and_repeated_folds_have_their_names(freeze, tmp_path: Path) -> None:
    assert freeze("--no-group", "--folds", 2, "--nested", 2, "-o", "nested.json").exit_code == 0
    names = [fold["name"] for fold in json.loads((tmp_path / "nested.json").read_text(encoding="utf-8"))["folds"]]
    assert names == ["0/0", "0/1", "1/0", "1/1"]
    done = freeze("--no-group", "--folds", 2, "--repeats", 25, "-o", "many.json")
    assert "and 10 more folds" in done.output


def test_on_a_terminal_it_is_a_table(config: Path, task: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    monkeypatch.chdir(tmp_path)
    words = ["split", str(config), "--data_dir", str(task), "--no-group", "--folds", "2"]
    done = CliRunner().invoke(cli, words, obj=Screen(terminal=True))
    assert done.exit_code == 0, done.output
    assert "1 / 1 / 2" in done.output
