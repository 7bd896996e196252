"""Samplers, data sets inside of data sets and stopping hooks in a configuration, from the file to the run."""

from __future__ import annotations

import copy
import json

import pytest
from experiment_parts import entry

from eisen._core.errors import ConfigError, NonFiniteLossError
from eisen.config import config_schema, read_config
from eisen.experiments import check


def json_set(name):
    return entry("eisen.datasets.JsonDataset", json_file=name)


@pytest.fixture
def labelled(data_dir):
    """Give the cases of training a class: one of four is ill."""
    file = data_dir / "train.json"
    cases = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps([{**case, "ill": int(n == 0)} for n, case in enumerate(cases)]))


def test_a_sampler_chooses_the_cases_of_training(config, make_run, labelled, data_dir):
    config["Training"]["Sampler"] = [entry("eisen.datasets.BalancedSampler", field="ill", n_samples=8)]
    run = make_run(config)
    assert run.train().rows[0].n_batches == 4
    report = check(run.experiment, data_dir, "Training", case=3)
    assert report.case.startswith("#3")


def test_a_case_that_the_sampler_leaves_out_can_be_checked(config, make_run, labelled, data_dir):
    config["Training"]["Sampler"] = [entry("eisen.datasets.WeightedSampler", weights=[0, 0, 0, 1])]
    report = check(make_run(config).experiment, data_dir, "Training", case=1)
    assert report.case.startswith("#1")


def test_a_run_with_a_sampler_is_the_same_with_and_without_workers(config, make_run, labelled):
    config["Training"]["Sampler"] = [entry("eisen.datasets.BalancedSampler", field="ill")]
    results = []
    for n in (0, 2):
        other = copy.deepcopy(config)
        other["General"]["Hyperparameters"][1]["params"]["value"] = n
        results.append([row.losses for row in make_run(other, f"workers-{n}").train().rows])
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("wrong", "what"),
    [
        (entry("eisen.datasets.BalancedSampler", feild="ill"), "unknown parameter 'feild'"),
        (entry("torch.utils.data.RandomSampler"), "is not a sampler"),
        (entry("eisen.datasets.CaseSampler"), "base class"),
        (entry("eisen.datasets.WeightedSampler", weights="all"), "'weights' of WeightedSampler"),
    ],
)
def test_a_wrong_sampler_is_told_by_the_file(config, wrong, what):
    config["Training"]["Sampler"] = [wrong]
    with pytest.raises(ConfigError, match=what):
        read_config(config)


def test_the_schema_and_the_catalogue_know_the_new_parts():
    definitions = config_schema()["$defs"]
    for name in (
        "Sampler.eisen.datasets.BalancedSampler",
        "Sampler.eisen.datasets.WeightedSampler",
        "Datasets.eisen.datasets.CachedDataset",
        "Datasets.eisen.datasets.ConcatDataset",
        "Datasets.eisen.datasets.SlicesDataset",
        "Datasets.eisen.datasets.SubsetDataset",
        "Hooks.eisen.utils.workflows.EarlyStopping",
        "Hooks.eisen.utils.logging.BatchLoggingHook",
        "Hooks.eisen.utils.logging.MessageHook",
    ):
        assert name in definitions, name
    assert "Sampler" in config_schema()["properties"]["Training"]["properties"]


def test_data_sets_inside_of_data_sets(config, make_run):
    parts = [json_set("train.json"), json_set("val.json")]
    joined = entry("eisen.datasets.ConcatDataset", datasets=parts, source_field="source")
    some = entry("eisen.datasets.SubsetDataset", dataset=joined, cases=["case_4", "case_1", "case_0"])
    plain = make_run(config)
    config["Training"]["Datasets"] = [entry("eisen.datasets.CachedDataset", dataset=some)]
    run = make_run(config, "cached")
    assert run.train().rows[0].n_batches == 2
    facts = json.loads((run.artifacts.root / "run.json").read_text(encoding="utf-8"))
    assert facts["data"]["Training"]["n_cases"] == 3
    assert "digest" in json.dumps(facts["data"]["Training"])
    assert plain.experiment.digest != run.experiment.digest


def test_a_cache_changes_no_number(config, make_run):
    plain = [row.losses for row in make_run(config).train().rows]
    config["Training"]["Datasets"] = [entry("eisen.datasets.CachedDataset", dataset=json_set("train.json"))]
    config["Validation"]["Datasets"] = [entry("eisen.datasets.CachedDataset", dataset=json_set("val.json"))]
    assert [row.losses for row in make_run(config, "cached").train().rows] == plain
    config["General"]["Hyperparameters"][1]["params"]["value"] = 2
    assert [row.losses for row in make_run(config, "workers").train().rows] == plain


def test_a_fault_inside_of_a_list_of_data_sets_is_told_with_its_place(config):
    parts = [json_set("train.json"), entry("eisen.datasets.JsonDataset", json_fiel="x")]
    config["Training"]["Datasets"] = [entry("eisen.datasets.ConcatDataset", datasets=parts)]
    with pytest.raises(ConfigError) as caught:
        read_config(config)
    assert any("datasets[1].params" in problem.where for problem in caught.value.problems)


def test_early_stopping_ends_a_run_and_says_why(config, make_run):
    stop = entry("eisen.utils.workflows.EarlyStopping", monitor="dice_loss", threshold=1.0)
    config["Validation"]["Hooks"] = [stop]
    run = make_run(config)
    assert run.train(epochs=5).n_epochs == 1
    assert any("dice_loss is" in text and "has reached 1" in text for text in run.observer.messages)


def test_batches_are_logged_and_the_end_is_announced(config, make_run, monkeypatch):
    import eisen.utils.logging.messages as messages

    told = []
    monkeypatch.setenv("EISEN_WEBHOOK", "http://127.0.0.1:9")
    monkeypatch.setattr(messages._Post, "_send", lambda self, text: told.append(text))
    config["Training"]["Hooks"] = [
        entry("eisen.utils.logging.BatchLoggingHook", every=1, writers=["jsonl"]),
        entry("eisen.utils.logging.MessageHook", title="hippocampus", every=0),
    ]
    run = make_run(config)
    run.train()
    lines = (run.artifacts.root / "batches_training.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["step"] for line in lines] == [1, 2, 3, 4]
    assert told == ["hippocampus: Training has started", "hippocampus: Training is complete"]


def test_a_failed_run_is_announced_without_the_case(config, make_run, monkeypatch):
    import eisen.utils.logging.messages as messages

    told = []
    monkeypatch.setenv("EISEN_WEBHOOK", "http://127.0.0.1:9")
    monkeypatch.setattr(messages._Post, "_send", lambda self, text: told.append(text))
    config["Training"]["Losses"][0]["type"] = "tiny_parts.NaNLoss"
    config["Training"]["Hooks"] = [entry("eisen.utils.logging.MessageHook")]
    with pytest.raises(NonFiniteLossError):
        make_run(config).train()
    assert told[-1].startswith("eisen: Training is failed (")
    assert "case_" not in " ".join(told)


def test_a_run_leaves_nothing_behind_for_the_next(config, make_run):
    first = [row.losses for row in make_run(config, "first").train().rows]
    other = copy.deepcopy(config)
    other["Training"]["Optimizer"][0]["params"]["lr"] = 0.5
    other["General"]["Hyperparameters"][2]["params"]["value"] = 9
    make_run(other, "second").train(epochs=1)
    assert [row.losses for row in make_run(config, "third").train().rows] == first
