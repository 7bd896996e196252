"""Patches of an experiment with a split: no patch of a validation or test case is ever trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from eisen._core.errors import ArgumentError, ConfigError
from eisen.config import read_config
from eisen.config.around import case_entry
from eisen.datasets import CachedDataset, StoreDataset
from eisen.experiments.parts import build_loader
from eisen.experiments.splits import Splits, kfold, pool_of
from eisen.experiments.storing import cases_to_store
from eisen.patches import Anywhere, Grid, PatchDataset, PatchQueue
from eisen.storage import create_store, list_cache
from eisen_cli.main import cli

EXAMPLE = Path(__file__).parents[2] / "examples" / "phantom_sliding_window.json"
WINDOW = {"type": ".SlidingWindow", "params": {"window": [16, 16, 16], "overlap": 0}}
NAMES = [f"phantom_{n:03d}" for n in range(6)]


@pytest.fixture
def config() -> dict[str, Any]:
    """The example with a network, patches and windows as small as they may be."""
    config: dict[str, Any] = json.loads(EXAMPLE.read_text(encoding="utf-8"))
    config["General"]["Models"][0]["params"]["n_filters"] = 1
    settings = {".BatchSize": 2, ".NumWorkers": 0, ".Threads": 1, ".Seed": 1, ".Device": "cpu"}
    config["General"]["Hyperparameters"] = [{"type": k, "params": {"value": v}} for k, v in settings.items()]
    config["Training"]["Datasets"][0]["params"] |= {
        "where": {"type": "eisen.patches.Anywhere", "params": {"size": [16, 16, 16], "pad": True}},
        "n_per_case": 2,
    }
    config["Training"]["Transforms"] = config["Training"]["Transforms"][:3]
    for name in ("Validation", "Testing", "Prediction"):
        config[name]["Hyperparameters"] = [{"type": ".BatchSize", "params": {"value": 1}}, WINDOW]
    return config


def written(config: dict[str, Any], folder: Path, **more: Any) -> Path:
    path = folder / "config.json"
    path.write_text(json.dumps({**config, **more}), encoding="utf-8")
    return path


@pytest.fixture
def chosen(config: dict[str, Any], tmp_path: Path) -> dict[str, Any]:
    """The configuration with the first of three folds, frozen beside it."""
    kfold(NAMES, 3, no_group=True).save(tmp_path / "split.json")
    return {**config, "Split": {"file": "split.json", "fold": "0"}}


def files_of(dataset: Any) -> set[str]:
    """Return the names of the cases that samples of a data set are made of, by what is really read."""
    return {Path(dataset.peek(n)["image"]).name.removesuffix(".nii.gz") for n in range(len(dataset))}


def eisen(*words: object) -> Result:
    done = CliRunner().invoke(cli, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    return done


def test_a_split_divides_cases_and_not_patches(config: dict[str, Any], phantom_folder: Path, tmp_path: Path) -> None:
    path = written(config, tmp_path)
    assert pool_of(read_config(path), phantom_folder).names == NAMES
    words = ["--folds", 3, "--no-group", "-o", tmp_path / "split.json", "--data_dir", phantom_folder]
    assert "6 cases" in eisen("split", path, *words).output
    assert list(Splits.load(tmp_path / "split.json").cases) == NAMES


@pytest.mark.parametrize("kind", ["PatchQueue", "PatchDataset"])
def test_each_phase_sees_its_part_of_the_fold(
    chosen: dict[str, Any], phantom_folder: Path, tmp_path: Path, kind: str
) -> None:
    entry = chosen["Training"]["Datasets"][0]
    entry["type"] = f"eisen.patches.{kind}"
    if kind == "PatchDataset":
        del entry["params"]["cases_at_once"]
    experiment = read_config(written(chosen, tmp_path))
    fold = Splits.load(tmp_path / "split.json")["0"]
    seen = {}
    for name in ("Training", "Validation", "Testing"):
        dataset = build_loader(experiment, experiment.phases[name], phantom_folder).dataset
        seen[name] = files_of(dataset)
        assert seen[name] == set(fold.part(name))
        assert isinstance(dataset, PatchDataset) is (name == "Training")
    assert not seen["Training"] & (seen["Validation"] | seen["Testing"])


def test_patches_of_a_fold_are_those_of_the_same_cases_without_one(
    chosen: dict[str, Any], phantom_folder: Path, tmp_path: Path
) -> None:
    experiment = read_config(written(chosen, tmp_path))
    queue = build_loader(experiment, experiment.phases["Training"], phantom_folder).dataset
    assert isinstance(queue, PatchQueue)
    whole = build_loader(experiment, experiment.phases["Validation"], phantom_folder).dataset
    assert queue[0]["image"].shape == (1, 16, 16, 16)
    assert "phantom_00" in queue.case_name(0)
    assert whole[0]["image"].shape[1:] != (16, 16, 16)


def test_crossval_trains_on_patches_and_measures_whole_cases_once(
    config: dict[str, Any], phantom_folder: Path, tmp_path: Path
) -> None:
    words = ["--folds", 2, "--no-group", "--data_dir", phantom_folder, "--artifact_dir", tmp_path / "cv"]
    document = json.loads(eisen("crossval", written(config, tmp_path), 1, *words, "--json").stdout)
    assert document["status"] == "ok"
    measured = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((tmp_path / "cv").rglob("scores.json"))]
    assert sorted(case for each in measured for case in each["cases"]) == NAMES
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted((tmp_path / "cv").rglob("run.json"))]
    assert [record["data"]["Training"]["n_cases"] for record in records] == [2, 2], "cases are counted, not patches"
    lists = [
        json.loads(path.read_text(encoding="utf-8"))["data"]
        for path in sorted((tmp_path / "cv").rglob("provenance.json"))
    ]
    assert all(not set(each["Training"]["cases"]) & set(each["Validation"]["cases"]) for each in lists)


def test_patches_in_testing_are_refused_by_crossval(
    config: dict[str, Any], phantom_folder: Path, tmp_path: Path
) -> None:
    from eisen.experiments.artifacts import Artifacts
    from eisen.experiments.campaigns.measure import measure_fold
    from eisen.experiments.checkpoint import save_state
    from eisen.experiments.observer import Observer
    from eisen.experiments.parts import build_model

    config["Testing"]["Datasets"] = config["Training"]["Datasets"]
    kfold(NAMES, 3, no_group=True).save(tmp_path / "split.json")
    experiment = read_config(written(config, tmp_path, Split={"file": "split.json", "fold": "0"}))
    artifacts = Artifacts(tmp_path / "run")
    artifacts.prepare()
    save_state(artifacts.best, build_model(experiment).state_dict())
    with pytest.raises(ConfigError, match=r"Testing.Datasets\[0\]: PatchQueue makes 4 samples of the 2 cases"):
        measure_fold(experiment, phantom_folder, artifacts.root, Observer())


def cached(config: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Put a cache between the cases and what stands around them, in both phases."""
    params = config["Training"]["Datasets"][0]["params"]
    inside = {"dataset": params["dataset"], "folder": str(folder)}
    validation = {"dataset": config["Validation"]["Datasets"][0], "folder": str(folder)}
    config["Training"]["Datasets"] = [{"type": "eisen.datasets.CachedDataset", "params": inside}]
    config["Validation"]["Datasets"] = [{"type": "eisen.datasets.CachedDataset", "params": validation}]
    return config


def test_folds_share_what_is_cached(config: dict[str, Any], phantom_folder: Path, tmp_path: Path) -> None:
    kfold(NAMES, 3, no_group=True).save(tmp_path / "split.json")
    path = written(cached(config, tmp_path / "cache"), tmp_path)
    for name in ("Training", "Validation"):
        whole = read_config(path)
        build_loader(whole, whole.phases[name], phantom_folder).dataset.fill()
    before = [(entry.path, entry.n_cases) for entry in list_cache(tmp_path / "cache")]
    assert before == [(before[0][0], 6)], "the steps of both phases are the same"
    for fold in range(3):
        experiment = read_config(path, ["Split.file=split.json", f"Split.fold={fold}"])
        dataset = build_loader(experiment, experiment.phases["Training"], phantom_folder).dataset
        assert isinstance(dataset, CachedDataset)
        assert dataset.n_kept == len(dataset) == len(files_of(dataset)) < 6
        assert dataset[0]["image"].ndim == 4, "the steps in front of the cache have run"
    assert [(entry.path, entry.n_cases) for entry in list_cache(tmp_path / "cache")] == before


def test_patches_of_a_fold_over_a_store_are_read_by_their_region(
    config: dict[str, Any], phantom_folder: Path, tmp_path: Path
) -> None:
    cases = cases_to_store(read_config(written(config, tmp_path)), phantom_folder)
    assert len(cases.dataset) == 6, "whole cases are stored, not patches"
    assert len(cases_to_store(read_config(tmp_path / "config.json"), phantom_folder, "Training").dataset) == 4
    create_store(cases.dataset, tmp_path / "store.h5")
    store = {"type": "eisen.datasets.StoreDataset", "params": {"file": "store.h5"}}
    config["Training"]["Datasets"][0]["type"] = "eisen.patches.PatchDataset"
    where = {"type": "eisen.patches.Grid", "params": {"size": [8, 8, 8]}}
    config["Training"]["Datasets"][0]["params"] = {"dataset": store, "where": where}
    config["Validation"]["Datasets"] = [store]
    for name in ("Training", "Validation"):
        config[name] |= {"Readers": [], "Transforms": []}
    names = pool_of(read_config(written(config, tmp_path)), tmp_path).names
    kfold(names, 3, no_group=True).save(tmp_path / "split.json")
    experiment = read_config(written(config, tmp_path, Split={"file": "split.json", "fold": "0"}))
    patches = build_loader(experiment, experiment.phases["Training"], tmp_path).dataset
    assert patches.reads_regions
    store_of_fold = patches.dataset
    assert isinstance(store_of_fold.datasets[0], StoreDataset)
    assert set(store_of_fold.split_names) == set(Splits.load(tmp_path / "split.json")["0"].training)
    patch, whole = patches[3], store_of_fold[patches.case_of(3)]
    region = tuple(slice(start, stop) for start, stop in patch["patch_region"])
    assert (patch["image"] == whole["image"][(slice(None), *region)]).all()


def test_only_data_sets_that_say_so_are_looked_into(config: dict[str, Any], tmp_path: Path) -> None:
    inside = config["Validation"]["Datasets"][0]
    subset = {"type": "eisen.datasets.SubsetDataset", "params": {"dataset": inside, "cases": [0]}}
    config["Validation"]["Datasets"] = [{"type": "eisen.datasets.CachedDataset", "params": {"dataset": subset}}]
    experiment = read_config(written(config, tmp_path))
    assert case_entry(experiment.phases["Validation"].datasets[0]).name == "SubsetDataset"
    entry = case_entry(experiment.phases["Training"].datasets[0])
    assert (entry.name, entry.where) == ("MSDDataset", "Training.Datasets[0].params.dataset")


def cached_inside(config: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Put a cache on disk inside of the patches."""
    params = config["Training"]["Datasets"][0]["params"]
    inside = {"dataset": params["dataset"], "folder": str(folder)}
    params["dataset"] = {"type": "eisen.datasets.CachedDataset", "params": inside}
    config["Training"]["Transforms"].append(
        {"type": "eisen.transforms.RandomNoise", "params": {"fields": ["image"], "std": [0.1, 0.2]}}
    )
    return config


def test_a_cache_inside_of_patches_keeps_whole_cases_after_their_steps(
    config: dict[str, Any], phantom_folder: Path, tmp_path: Path
) -> None:
    plain = written(cached_inside(config, tmp_path / "cache"), tmp_path)
    words = ["--data_dir", phantom_folder, "--phase", "Training"]
    output = eisen("cache", "fill", plain, *words).output
    assert "Training: 4 of 4 cases" in output
    assert "kept after: LoadNiftiFromFilename, CheckContent, NiftiToNumpy, AddChannelDimension, ZScore" in output
    assert "RandomNoise" not in output
    experiment = read_config(plain)
    loader = build_loader(experiment, experiment.phases["Training"], phantom_folder)
    assert loader.dataset.dataset.n_kept == 4
    config["Training"]["Datasets"][0]["params"]["dataset"] = config["Training"]["Datasets"][0]["params"]["dataset"][
        "params"
    ]["dataset"]
    without = read_config(written(config, tmp_path))
    other = build_loader(without, without.phases["Training"], phantom_folder)
    for _ in range(2):
        for one, two in zip(loader, other, strict=True):
            assert one.cases == two.cases
            assert one["image"].numpy().tobytes() == two["image"].numpy().tobytes()


def test_patches_that_are_drawn_are_not_kept() -> None:
    cases = [{"image": np.zeros((1, 8, 8, 8))}]
    with pytest.raises(ArgumentError, match="draws other places in every epoch"):
        CachedDataset(PatchDataset(cases, Anywhere([4, 4, 4])))
    assert len(CachedDataset(PatchDataset(cases, Anywhere([4, 4, 4]), seed=3))) == 1
    assert len(CachedDataset(PatchDataset(cases, Grid([4, 4, 4])))) == 8
