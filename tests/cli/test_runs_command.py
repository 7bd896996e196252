"""``eisen runs``: list, show, diff and reproduce, for people and for machines."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .conftest import Invoke, tiny_config


@pytest.fixture(scope="module")
def trained(task: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs of one epoch, ``first`` and ``second``, of different learning rates."""
    from eisen_cli.train import eisen_training

    folder = tmp_path_factory.mktemp("runs")
    config = tiny_config()
    for name, lr in (("first", 0.01), ("second", 0.02)):
        config["Training"]["Optimizer"][0]["params"]["lr"] = lr
        (folder / "tiny.json").write_text(json.dumps(config))
        eisen_training(folder / "tiny.json", 1, task, folder / name, False)
    return folder


def test_list_shows_one_line_per_run(invoke: Invoke, trained: Path) -> None:
    done = invoke("runs", "list", trained)
    assert done.exit_code == 0, done.output
    title, first, second, judged_by = done.stdout.splitlines()
    assert title.split() == ["run", "status", "started", "epochs", "best", "seed", "config"]
    assert judged_by == "best: mean metric"
    assert first.startswith("first ")
    assert "complete" in first
    assert " 1/1 " in second
    rows = json.loads(invoke("runs", "list", trained, "--sort", "best", "--json").stdout)
    assert {Path(row["folder"]).name for row in rows} == {"first", "second"}
    assert rows[0]["best"] >= rows[1]["best"]


def test_list_of_an_empty_folder_and_of_none(invoke: Invoke, tmp_path: Path) -> None:
    done = invoke("runs", "list", tmp_path)
    assert done.exit_code == 0
    assert "no runs" in done.stdout
    assert json.loads(invoke("runs", "list", tmp_path, "--json").stdout) == []
    assert invoke("runs", "list", tmp_path / "nowhere").exit_code == 4


def test_show_tells_everything(invoke: Invoke, trained: Path, task: Path) -> None:
    done = invoke("runs", "show", trained / "first")
    assert done.exit_code == 0, done.output
    for text in ("complete, 1 of 1 epochs", "Adam(lr=0.01)", "VNet(", "2 cases, digest", "torch ", "runs reproduce"):
        assert text in done.stdout
    document = json.loads(invoke("runs", "show", trained / "first", "--json").stdout)
    assert document["record"]["weights_digest"]["best"]


def test_diff_names_what_is_different_and_exits_with_1(invoke: Invoke, trained: Path) -> None:
    done = invoke("runs", "diff", trained / "first", trained / "second")
    assert done.exit_code == 1
    assert "Training.Optimizer[0].params.lr: 0.01 -> 0.02" in done.stdout
    assert "different weights" in done.stdout
    document = json.loads(invoke("runs", "diff", trained / "first", trained / "second", "--json").stdout)
    assert document["changes"][0]["kind"] == "config"


def test_a_run_is_no_different_from_itself(invoke: Invoke, trained: Path) -> None:
    done = invoke("runs", "diff", trained / "first", trained / "first")
    assert done.exit_code == 0, done.output
    assert "the same configuration, data, split, code and environment" in done.stdout
    assert "identical weights" in done.stdout


def test_reproduce_gives_identical_weights(invoke: Invoke, trained: Path, tmp_path: Path) -> None:
    done = invoke("runs", "reproduce", trained / "first", "--artifact_dir", tmp_path / "again")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[-1] == "identical weights"
    assert (tmp_path / "again" / "models" / "best.pt").is_file()


def test_reproduce_of_changed_code_or_data_exits_with_1(invoke: Invoke, trained: Path, tmp_path: Path) -> None:
    copy = shutil.copytree(trained / "second", tmp_path / "copy")
    config = json.loads((copy / "config.json").read_text(encoding="utf-8"))
    config["Training"]["Optimizer"][0]["params"]["lr"] = 0.05
    (copy / "config.json").write_text(json.dumps(config))
    done = invoke("runs", "reproduce", copy, "--json")
    assert done.exit_code == 1, done.output
    document = json.loads(done.stdout)
    assert not document["identical"]
    assert document["weights"][1]["largest"] > 0
    assert "Training.Optimizer[0].params.lr: 0.02 -> 0.05" in done.stderr


@pytest.mark.parametrize("command", [["show"], ["diff", "."], ["reproduce"]])
def test_what_is_no_run_is_a_card_and_no_traceback(command: list[str], invoke: Invoke, tmp_path: Path) -> None:
    done = invoke("runs", *command, tmp_path)
    assert done.exit_code == 4
    assert "there is no run" in done.output
    assert "Traceback" not in done.output
