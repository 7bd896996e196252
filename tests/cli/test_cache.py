"""``eisen cache``: what is there, and removing it."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import numpy as np
import pytest

from eisen.datasets import CachedDataset, ListDataset
from eisen.storage import clean_cache, list_cache, to_clean
from eisen.transforms import AddChannelDimension, Compose, CropCenteredSubVolumes
from eisen_cli.main import cli
from eisen_cli.show.screen import Screen

from .conftest import Invoke, tiny_config


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with two recipes, of three and two cases."""
    root = tmp_path / "cache"
    monkeypatch.setenv("EISEN_CACHE", str(root))
    (tmp_path / "scan.txt").write_text("x")
    cases = [{"image": np.full((8, 8, 8), k, "float32"), "note": str(tmp_path / "scan.txt")} for k in range(3)]
    for n, size in ((3, 4), (2, 6)):
        steps = Compose([CropCenteredSubVolumes(["image"], [size] * 3), AddChannelDimension(["image"])])
        CachedDataset(ListDataset(cases[:n]), transform=steps, folder=True).fill()
    return root


def test_a_configuration_asks_for_it_in_one_word(
    task: Path, tmp_path: Path, invoke: Invoke, monkeypatch: pytest.MonkeyPatch
) -> None:
    from eisen.config import read_config
    from eisen.experiments.chain import build_dataset

    monkeypatch.setenv("EISEN_CACHE", str(tmp_path / "cache"))
    config = tiny_config()
    inside = config["Training"]["Datasets"][0]
    config["Training"]["Datasets"] = [
        {"type": "eisen.datasets.CachedDataset", "params": {"folder": True, "dataset": inside}}
    ]
    (tmp_path / "config.json").write_text(json.dumps(config))
    experiment = read_config(tmp_path / "config.json")
    dataset = build_dataset(experiment, experiment.phases["Training"], task)
    dataset.fill()
    assert "MSDDataset" in invoke("cache", "ls").output
    assert list_cache()[0].n_cases == len(dataset) == 2


def make_old(folder: Path, n_cases: int, days: float) -> Path:
    """Let the recipe with so many cases be old."""
    entry = next(entry for entry in list_cache(folder) if entry.n_cases == n_cases)
    then = time.time() - days * 86400
    for path in [*entry.path.rglob("*.case"), entry.path / "used"]:
        os.utime(path, (then, then))
    return entry.path


def test_the_list_shows_steps_size_and_last_use(folder: Path, invoke: Invoke) -> None:
    make_old(folder, 3, 9)
    done = invoke("cache", "ls")
    assert done.exit_code == 0, done.output
    assert "ListDataset" in done.output
    assert "CropCenteredSubVolumes > AddChannelDimension" in done.output
    assert "9 days ago" in done.output
    assert "just now" in done.output
    assert "5 cases" in done.output


def test_machines_read_the_list(folder: Path, invoke: Invoke) -> None:
    document = json.loads(invoke("cache", "ls", "--json").stdout)
    assert document["folder"] == str(folder)
    assert sorted(entry["n_cases"] for entry in document["entries"]) == [2, 3]
    assert all(entry["n_bytes"] > 0 and entry["command"] and not entry["outdated"] for entry in document["entries"])


def test_an_empty_cache_says_so(invoke: Invoke, tmp_path: Path) -> None:
    for words in (["ls"], ["clean", "--all"]):
        done = invoke("cache", *words, "--folder", tmp_path / "none")
        assert done.exit_code == 0, done.output
        assert "nothing" in done.output


def test_cleaning_asks_first(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    done = CliRunner().invoke(cli, ["cache", "clean", "--all"], input="n\n")
    assert "remove 5 cached cases" in done.output
    assert done.exit_code != 0
    assert len(list(folder.rglob("*.case"))) == 5
    done = CliRunner().invoke(cli, ["cache", "clean", "--all"], input="y\n")
    assert done.exit_code == 0
    assert not list(folder.rglob("*"))


def test_old_cases_go_and_others_stay(folder: Path, invoke: Invoke) -> None:
    make_old(folder, 2, 40)
    done = invoke("cache", "clean", "--older-than", "30d", "--yes", "--json")
    assert json.loads(done.stdout)["n_cases"] == 2
    assert [entry.n_cases for entry in list_cache(folder)] == [3]


def test_what_can_never_be_used_again_is_told_and_goes(folder: Path, invoke: Invoke, tmp_path: Path) -> None:
    assert to_clean(folder, unused=True) == []
    entry = next(entry for entry in list_cache(folder) if entry.n_cases == 2)
    recipe = json.loads((entry.path / "recipe.json").read_text(encoding="utf-8"))
    recipe["recipe"]["eisen"] = "0.0.1"
    (entry.path / "recipe.json").write_text(json.dumps(recipe))
    assert "is outdated: eisen was 0.0.1" in invoke("cache", "ls").output
    assert invoke("cache", "clean", "--unused", "--yes").exit_code == 0
    assert [entry.n_cases for entry in list_cache(folder)] == [3]
    (tmp_path / "scan.txt").unlink()
    assert len(to_clean(folder, unused=True)) == 3, "the file they were made of is gone"


def test_only_what_is_ours_is_removed(folder: Path, invoke: Invoke) -> None:
    (folder / "thesis.docx").write_text("precious")
    (folder / "0123").mkdir()
    (folder / "0123" / "a.case").write_text("not ours")
    entry = list_cache(folder)[0]
    (entry.path / "notes.txt").write_text("precious too")
    assert invoke("cache", "clean", "--all", "--yes").exit_code == 0
    left = {path.name for path in folder.rglob("*") if path.is_file()}
    assert left == {"thesis.docx", "a.case", "notes.txt"}


def test_leftovers_of_killed_processes_go(folder: Path) -> None:
    case = next(folder.rglob("*.case"))
    for name, age in ((".x.case.1.ab.part", 9000), ("y.lock", 9000), (".z.case.1.ab.part", 0)):
        path = case.with_name(name)
        path.write_text("")
        os.utime(path, (time.time() - age,) * 2)
    clean_cache(to_clean(folder))
    assert [path.name for path in folder.rglob("*.part")] == [".z.case.1.ab.part"], "somebody may still be writing it"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["clean"], "say what to remove"),
        (["clean", "--all", "--unused"], "say what to remove"),
        (["clean", "--older-than", "soon"], "is no time"),
        (["clean", "--all", "--json"], "say --yes"),
    ],
)
def test_wrong_words_are_told(folder: Path, invoke: Invoke, words: list[str], said: str) -> None:
    done = invoke("cache", *words)
    assert done.exit_code == 2
    assert said in done.output
    assert len(list(folder.rglob("*.case"))) == 5


def test_on_a_terminal_there_is_a_table(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from click.testing import CliRunner

    done = CliRunner().invoke(cli, ["cache", "ls"], obj=Screen(terminal=True))
    assert done.exit_code == 0
    assert "steps" in done.output
