"""Experiments with a split: every phase sees its part of the fold, and what does not fit is refused."""

from __future__ import annotations

import json
import shutil

import pytest
from experiment_parts import DICE, LOSS, phase

from eisen._core.errors import ArgumentError, CorruptFileError, DataError, EmptyDatasetError, MissingFileError
from eisen.config import read_config
from eisen.experiments import Run
from eisen.experiments.parts import build_loader
from eisen.experiments.splits import Splits, explicit, kfold, pool_of, split_facts


@pytest.fixture
def splits(data_dir, tmp_path):
    """Three folds of two cases each, frozen beside the configuration."""
    names = [f"case_{n}" for n in range(6)]
    splits = kfold(names, 3, no_group=True)
    splits.save(tmp_path / "split.json")
    return splits


@pytest.fixture
def chosen(config, splits):
    """The configuration with fold 1 and a Testing phase."""
    config["Testing"] = phase("val.json", Metrics=[DICE])
    return {**config, "Split": {"file": "split.json", "fold": 1}}


def names_of(loader):
    return loader.dataset.split_names


def test_each_phase_sees_its_part_of_the_fold_with_its_own_steps(chosen, splits, make_run, data_dir):
    experiment = make_run(chosen).experiment
    for name, part in experiment.phases.items():
        loader = build_loader(experiment, part, data_dir)
        assert names_of(loader) == splits["1"].part(name)
        steps = [type(step).__name__ for step in loader.dataset.transform.transforms]
        assert ("RandomNoise" in steps) is (name == "Training")
        assert all(
            f"case_{case.split('_')[-1]}.nii.gz" in loader.dataset.case_name(i)
            for i, case in enumerate(names_of(loader))
        )


def test_the_pool_is_what_training_and_validation_list(chosen, make_run, data_dir):
    assert pool_of(make_run(chosen).experiment, data_dir).names == [f"case_{n}" for n in range(6)]


def test_a_run_says_which_split_it_used_and_keeps_a_copy(chosen, splits, make_run, tmp_path, data_dir):
    run = make_run(chosen)
    run.train(1)
    facts = {"file": "split.json", "fold": "1", "digest": splits.digest}
    record = json.loads((tmp_path / "artifacts" / "run.json").read_text(encoding="utf-8"))
    assert record["split"] == facts == split_facts(run.experiment)
    assert record["data"]["Training"]["n_cases"] == 3
    shutil.move(tmp_path / "artifacts", tmp_path / "elsewhere")
    (tmp_path / "split.json").unlink()
    again = Run(read_config(tmp_path / "elsewhere" / "config.json"), data_dir, tmp_path / "elsewhere")
    result = again.test()
    assert result.rows[0].phase == "Testing"
    assert split_facts(again.experiment) == facts


def test_prediction_has_its_own_cases_unless_it_borrows_those_of_testing(chosen, splits, make_run, data_dir):
    from dataclasses import replace

    chosen["Prediction"] = phase("all.json")
    experiment = make_run(chosen).experiment
    own = build_loader(experiment, experiment.phases["Prediction"], data_dir)
    assert len(own.dataset) == 6
    borrowed = replace(experiment.phases["Testing"], name="Prediction")
    assert names_of(build_loader(experiment, borrowed, data_dir)) == splits["1"].test


def test_two_lists_of_the_same_cases_are_one_pool(chosen, splits, make_run, data_dir):
    for name in ("Training", "Validation"):
        chosen[name]["Datasets"][0]["params"]["json_file"] = "all.json"
    experiment = make_run(chosen).experiment
    loaders = [build_loader(experiment, part, data_dir) for part in experiment.phases.values()]
    assert sorted(name for loader in loaders for name in names_of(loader)) == sorted(splits.cases)


def test_the_same_run_comes_from_another_order_of_the_list(chosen, make_run, data_dir):
    weights = []
    for order in (1, -1):
        cases = json.loads((data_dir / "train.json").read_text(encoding="utf-8"))
        (data_dir / "train.json").write_text(json.dumps(cases[::order]))
        result = make_run(chosen, f"artifacts{order}").train(1)
        weights.append([row.losses for row in result.rows])
    assert weights[0] == weights[1]


def refused(kind, run, data_dir, name="Training"):
    with pytest.raises(kind) as caught:
        build_loader(run.experiment, run.experiment.phases[name], data_dir)
    return caught.value.card


def test_what_does_not_fit_is_refused_with_a_card(chosen, splits, make_run, data_dir, tmp_path):
    chosen["Split"]["fold"] = "3"
    card = refused(ArgumentError, make_run(chosen), data_dir)
    assert card.what == "the split has no fold '3'"
    assert (card.config, card.to_do) == ("Split.fold", "--set Split.fold=0")
    chosen["Split"] = {"file": "no.json", "fold": "0"}
    assert refused(MissingFileError, make_run(chosen), data_dir).config == "Split.file"
    chosen["Split"]["file"] = str(tmp_path / "split.json")
    text = (tmp_path / "split.json").read_text(encoding="utf-8")
    (tmp_path / "split.json").write_text(text.replace('"case_5"', '"case_6"'))
    card = refused(CorruptFileError, make_run(chosen), data_dir)
    assert card.config == "Split.file"
    (tmp_path / "split.json").write_text(text)
    (data_dir / "val.json").write_text((data_dir / "train.json").read_text(encoding="utf-8"))
    card = refused(DataError, make_run(chosen), data_dir)
    assert card.what == "2 cases of the split cannot be found in the data, e.g. 'case_4'"


def test_a_case_that_the_split_does_not_know_is_refused_unless_folds_are_ones_own(chosen, make_run, data_dir, tmp_path):
    kfold([f"case_{n}" for n in range(5)], 2, no_group=True).save(tmp_path / "split.json")
    card = refused(DataError, make_run(chosen), data_dir)
    assert card.what == "1 case of the data missing in the split, e.g. 'case_5'"
    explicit([{"name": "1", "training": ["case_0", "case_3"]}], no_group=True).save(tmp_path / "split.json")
    run = make_run(chosen)
    assert names_of(build_loader(run.experiment, run.experiment.phases["Training"], data_dir)) == ("case_0", "case_3")
    assert refused(EmptyDatasetError, run, data_dir, "Validation").config == "Split.fold"


def test_a_split_that_changes_between_two_runs_is_read_again(chosen, splits, make_run, tmp_path):
    run = make_run(chosen)
    assert split_facts(run.experiment)["digest"] == splits.digest
    other = kfold(list(splits.cases), 3, no_group=True, seed=1)
    other.save(tmp_path / "split.json")
    assert split_facts(run.experiment)["digest"] == other.digest != splits.digest


def test_the_copy_in_the_artifacts_never_replaces_another_file(chosen, splits, make_run, tmp_path):
    from eisen.experiments.splits import keep_split

    folder = tmp_path / "kept"
    folder.mkdir()
    (folder / "split.json").write_text("mine")
    assert keep_split(make_run(chosen).experiment, folder) is None
    assert (folder / "split.json").read_text(encoding="utf-8") == "mine"
    (folder / "split.json").unlink()
    assert keep_split(make_run(chosen).experiment, folder) == folder / "split.json"
    assert Splits.load(folder / "split.json") == splits


@pytest.mark.parametrize(
    ("listing", "said"), [("val.json", ""), ("all.json", "4 of 6 validation cases"), ("train.json", "4 of 4")]
)
def test_cases_that_train_and_validate_are_said(config, make_run, listing, said):
    config["Validation"] = phase(listing, Losses=[LOSS], Metrics=[DICE])
    run = make_run(config)
    run.train(1)
    lines = [line for line in run.observer.messages if "in Training too" in line]
    assert len(lines) == bool(said)
    assert all(line.startswith(said) and "case_0.nii.gz" in line for line in lines)


def test_the_data_check_does_not_take_the_pool_of_a_split_for_a_leak(chosen, data_dir, tmp_path):
    from eisen.datasets.doctor import check_data

    for name in ("Training", "Validation", "Testing"):
        chosen[name]["Datasets"][0]["params"]["json_file"] = "all.json"
    file = tmp_path / "config.json"
    counts = []
    for keep in (True, False):
        file.write_text(json.dumps(chosen if keep else {k: v for k, v in chosen.items() if k != "Split"}))
        report = check_data(file, data_dir, voxels=False)
        counts.append(sum(found.code in ("file-in-two-phases", "patient-in-two-phases") for found in report.findings))
    assert counts[0] == 0 < counts[1]
