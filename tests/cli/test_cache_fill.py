"""``eisen cache fill``: what a training would compute once, computed before it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from eisen.config import read_config
from eisen.datasets import CachedDataset
from eisen.experiments.chain import build_dataset
from eisen.storage import list_cache
from eisen_cli.main import cli
from eisen_cli.show.screen import Screen

from .conftest import Invoke, tiny_config


def kept(entry: dict[str, Any], folder: object) -> dict[str, Any]:
    return {"type": "eisen.datasets.CachedDataset", "params": {"dataset": entry, "folder": folder}}


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def config(task: Path, tmp_path: Path, cache: Path) -> Path:
    """A configuration whose Training and Validation keep their cases on disk: two each."""
    config = tiny_config()
    for name in ("Training", "Validation"):
        config[name]["Datasets"] = [kept(config[name]["Datasets"][0], str(cache))]
    path = tmp_path / "cached.json"
    path.write_text(json.dumps(config))
    return path


def test_everything_is_computed_ahead_and_found_by_a_training(
    config: Path, task: Path, cache: Path, invoke: Invoke
) -> None:
    done = invoke("cache", "fill", config, "--data_dir", task, "-j", 2)
    assert done.exit_code == 0, done.output
    assert "Training: 2 of 2 cases, " in done.output
    assert "Validation: 2 of 2 cases" in done.output
    assert "2 cases need about" in done.output
    assert "kept after: LoadNiftiFromFilename, CheckContent, NiftiToNumpy, AddChannelDimension" in done.output
    assert sum(entry.n_cases for entry in list_cache(cache)) == 4
    experiment = read_config(config)
    for name in ("Training", "Validation"):
        dataset = build_dataset(experiment, experiment.phases[name], task)
        assert isinstance(dataset, CachedDataset)
        assert dataset.n_kept == len(dataset) == 2


def test_what_is_there_is_not_computed_again(config: Path, task: Path, cache: Path, invoke: Invoke) -> None:
    words = ["cache", "fill", config, "--data_dir", task, "--json"]
    first = json.loads(invoke(*words, "--phase", "Training").stdout)
    assert [(c["phase"], c["n_kept_before"]) for c in first["caches"]] == [("Training", 0)]
    next(cache.rglob("*.case")).unlink()  # as if the command had been killed before it
    left = {path: path.stat().st_ino for path in cache.rglob("*.case")}
    document = json.loads(invoke(*words).stdout)
    found = [(c["phase"], c["n_cases"], c["n_kept_before"], c["failed"]) for c in document["caches"]]
    assert found == [("Training", 2, 1, {}), ("Validation", 2, 0, {})]
    assert document["status"] == "ok"
    assert all(path.stat().st_ino == number for path, number in left.items())
    n_bytes = sum(path.stat().st_size for path in cache.rglob("*.case"))
    assert sum(c["n_bytes"] for c in document["caches"]) == n_bytes, "both phases have the same steps, and one folder"


def test_a_case_that_cannot_be_read_is_named_and_the_others_are_kept(
    config: Path, task: Path, tmp_path: Path, cache: Path, invoke: Invoke
) -> None:
    task = shutil.copytree(task, tmp_path / "task")
    experiment = read_config(config)
    dataset = build_dataset(experiment, experiment.phases["Training"], task)
    broken = task / dataset.peek(1)["image"]
    broken.write_bytes(broken.read_bytes()[:200])
    done = invoke("cache", "fill", config, "--data_dir", task, "--phase", "training", "--json")
    assert done.exit_code == 4, done.output
    document = json.loads(done.stdout)
    assert document["status"] == "incomplete"
    (failed,) = document["caches"][0]["failed"].items()
    assert broken.name in failed[0]
    assert broken.name in failed[1]
    assert len(list(cache.rglob("*.case"))) == 1
    assert "cannot be read" in done.stderr


def test_without_a_cache_on_disk_the_card_shows_one(task: Path, tmp_path: Path, invoke: Invoke) -> None:
    config = tiny_config()
    path = tmp_path / "plain.json"
    for entry in (config["Training"]["Datasets"][0], kept(config["Training"]["Datasets"][0], None)):
        config["Training"]["Datasets"] = [entry]
        path.write_text(json.dumps(config))
        done = invoke("cache", "fill", path, "--data_dir", task)
        assert done.exit_code == 3
        assert "no data set keeps its cases on disk" in done.output
        assert '"folder": true' in done.output


def test_where_the_disk_has_no_room_nothing_is_begun(
    config: Path, task: Path, cache: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    from types import SimpleNamespace

    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=1000))
    done = invoke("cache", "fill", config, "--data_dir", task)
    assert done.exit_code == 5, done.output
    assert "2 cases need about" in done.output
    assert "the disk has 1 kB left" in done.output
    assert not list(cache.rglob("*.case"))


def test_on_a_terminal_there_is_a_bar(config: Path, task: Path) -> None:
    words = ["cache", "fill", str(config), "--data_dir", str(task)]
    done = CliRunner().invoke(cli, words, obj=Screen(terminal=True))
    assert done.exit_code == 0, done.output
    assert "Validation: 2 of 2 cases" in done.output
