"""Every kind of change is named in words, and it is known which of them are serious."""

from __future__ import annotations

import json
import sys

import pytest
import torch

from eisen._core.errors import TrainingError
from eisen.config import read_config
from eisen.experiments.provenance import (
    Fingerprint,
    changes,
    check_resume,
    code_facts,
    fingerprint,
    names_document,
    read_names,
    weights_digest,
)
from eisen.experiments.provenance.changed_config import config_changes
from eisen.experiments.provenance.names import NAMES_FILE, data_dir_of, is_alive


def entry(type_, **params):
    return {"type": type_, "params": params}


def config(**phases):
    hyper = [entry(".Seed", value=3), entry(".Epochs", value=2), entry(".BatchSize", value=4)]
    training = {
        "Transforms": [entry("a.Crop", size=8), entry("a.Flip"), entry("a.Noise", p=0.5)],
        "Optimizer": [entry("torch.optim.Adam", lr=0.001)],
        "Hooks": [entry("eisen.utils.logging.LoggingHook"), entry("mine.Stop", patience=3)],
        "Workflow": [entry("eisen.utils.workflows.Training", gpu=True)],
    }
    return {"General": {"Hyperparameters": hyper}, "Training": training, **phases}


def changed(how):
    new = json.loads(json.dumps(config()))
    how(new)
    return list(config_changes(config(), new))


def set_hyper(name, value):
    def how(new):
        entries = new["General"]["Hyperparameters"]
        entries[:] = [item for item in entries if item["type"] != name] + [entry(name, value=value)]

    return how


def test_a_learning_rate_is_named_with_both_values():
    def how(new):
        new["Training"]["Optimizer"][0]["params"]["lr"] = 0.01

    assert changed(how) == [("Training.Optimizer[0].params.lr: 0.001 -> 0.01", True)]


def test_a_step_in_front_is_one_change():
    assert changed(lambda new: new["Training"]["Transforms"].insert(0, entry("a.Gamma"))) == [
        ("Training.Transforms[0] (Gamma) was added", True)
    ]
    assert changed(lambda new: new["Training"]["Transforms"].pop(1)) == [
        ("Training.Transforms[1] (Flip) was removed", True)
    ]


def test_an_entry_of_another_type_is_named():
    def how(new):
        new["Training"]["Optimizer"] = [entry("torch.optim.SGD", lr=0.001)]

    assert changed(how) == [("Training.Optimizer[0].type: 'torch.optim.Adam' -> 'torch.optim.SGD'", True)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        (".Epochs", 9),
        (".NumWorkers", 7),
        (".Workers", "threads"),
        (".Device", "cpu"),
        (".Threads", 2),
        (".MaxTime", "2h"),
        (".CheckpointEvery", 5),
        (".Distribution", "ddp"),
    ],
)
def test_what_may_change_on_the_way_is_told_and_not_serious(name, value):
    ((line, serious),) = changed(set_hyper(name, value))
    assert line.startswith(f"General.Hyperparameters.{name[1:]}: ")
    assert not serious


@pytest.mark.parametrize(
    ("name", "value"),
    [(".BatchSize", 8), (".Precision", "bf16"), (".EMA", 0.9), (".ClipNorm", 1.0), (".Compile", True)],
)
def test_other_hyperparameters_are_serious(name, value):
    ((line, serious),) = changed(set_hyper(name, value))
    assert name[1:] in line
    assert serious


def test_the_order_of_hyperparameters_does_not_matter():
    assert changed(lambda new: new["General"]["Hyperparameters"].reverse()) == []


def test_hooks_that_only_look_on_may_come_and_go_and_others_may_not():
    assert changed(lambda new: new["Training"]["Hooks"].pop(0)) == [
        ("Training.Hooks[0] (LoggingHook) was removed", False)
    ]
    assert changed(lambda new: new["Training"]["Hooks"].append(entry("eisen.utils.artifacts.SaveTorchModelHook"))) == [
        ("Training.Hooks[2] (SaveTorchModelHook) was added", False)
    ]
    assert changed(lambda new: new["Training"]["Hooks"].pop(1)) == [("Training.Hooks[1] (Stop) was removed", True)]


def test_phases_that_training_does_not_use_are_not_serious():
    found = changed(lambda new: new.update(Testing={"Metrics": [entry("a.Dice")]}))
    assert found == [("Testing.Metrics[0] (Dice) was added", False)]


def test_a_device_of_the_workflow_is_not_serious():
    def how(new):
        new["Training"]["Workflow"][0]["params"]["gpu"] = False

    assert changed(how) == [("Training.Workflow[0].params.gpu: True -> False", False)]


def test_versions_machine_seed_and_split_are_named():
    old = {"seed": 3, "versions": {"torch": "2.14"}, "machine": {"threads": 2}, "split": None}
    new = {"seed": 4, "versions": {"torch": "2.15"}, "machine": {"threads": 1}}
    new["split"] = {"file": "x.json", "fold": "0", "digest": "ab" * 32}
    found = changes(old, new)
    assert [str(change) for change in found] == [
        "seed: 3 -> 4",
        "split: none -> abababababab",
        "torch: 2.14 -> 2.15",
        "threads: 2 -> 1",
    ]
    assert [change.serious for change in found] == [True, True, False, False]
    assert [str(c) for c in changes(new, {**new, "split": {**new["split"], "fold": "1", "file": "y/x.json"}})] == [
        "split fold: '0' -> '1'"
    ]


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A module of a user that imports another one beside it."""
    (tmp_path / "my_helper_k3.py").write_text("FACTOR = 2\n")
    (tmp_path / "my_models_k3.py").write_text("import os\nfrom my_helper_k3 import FACTOR\n\nclass Net: ...\n")
    package = tmp_path / "my_package_k3"
    (package / "nets").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "nets" / "__init__.py").write_text("from ..parts import block\n")
    (package / "parts.py").write_text("def block(): ...\n")
    (package / "unused.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in [name for name in sys.modules if name.endswith("_k3")]:
        del sys.modules[name]


def test_a_changed_module_of_the_user_and_what_it_imports_are_named(module):
    names = {"General": {"Models": [entry("my_models_k3.Net"), entry("my_package_k3.nets.Net")]}}
    before = {"code": code_facts(names)}
    own = [name for name in before["code"]["files"] if not name.startswith("eisen")]
    assert own == [
        "my_helper_k3.py",
        "my_models_k3.py",
        "my_package_k3/__init__.py",
        "my_package_k3/nets/__init__.py",
        "my_package_k3/parts.py",
    ]
    (module / "my_helper_k3.py").write_text("FACTOR = 3\n")
    (module / "my_package_k3" / "parts.py").unlink()
    found = changes(before, {"code": code_facts(names)})
    assert [str(c) for c in found] == ["my_helper_k3.py changed", "my_package_k3/parts.py was removed"]
    assert all(change.serious for change in found)


def test_installed_libraries_count_with_their_version():
    facts = code_facts({"x": [entry("torch.nn.Linear"), entry("skimage.filters.gaussian")]})
    assert facts["packages"]["torch"] == torch.__version__.partition("+")[0] or facts["packages"]["torch"]
    newer = {**facts, "packages": {**facts["packages"], "torch": "99"}, "digest": "x"}
    (change,) = changes({"code": facts}, {"code": newer})
    assert (change.kind, change.serious, change.after) == ("environment", False, "99")


def test_a_changed_module_of_eisen_is_named_and_commands_are_not_serious():
    facts = code_facts({})
    files = {**facts["files"], "eisen/ops/losses/dice.py": "x", "eisen_cli/main.py": "x"}
    found = changes({"code": facts}, {"code": {**facts, "files": files, "digest": "x"}})
    assert [(str(c), c.serious) for c in found] == [
        ("eisen/ops/losses/dice.py changed", True),
        ("eisen_cli/main.py changed", False),
    ]


def test_resuming_is_refused_unless_forced_and_everything_is_said():
    old = {"seed": 3, "versions": {"torch": "2.14"}}
    new = {"seed": 4, "versions": {"torch": "2.15"}}
    said = []
    with pytest.raises(TrainingError, match="seed: 3 -> 4") as caught:
        check_resume(old, new, False, said.append)
    assert "--force" in caught.value.card.to_do
    assert "torch" not in caught.value.card.what
    forced = []
    check_resume(old, new, True, forced.append)
    assert forced == said
    assert len(said) == 2


def test_what_is_only_said_does_not_stop_a_resume():
    said = []
    check_resume({"versions": {"torch": "2.14"}}, {"versions": {"torch": "2.15"}}, False, said.append)
    assert said == ["the environment has changed since the checkpoint: torch: 2.14 -> 2.15"]


@pytest.mark.parametrize("old", [None, {}, Fingerprint()])
def test_checkpoints_without_a_fingerprint_can_be_continued(old):
    said = []
    check_resume(old, {"seed": 3}, False, said.append)
    assert len(said) == 1
    assert "cannot be noticed" in said[0]


def test_records_of_older_versions_are_compared_as_far_as_they_go():
    old = {"seed": 3, "config": config(), "data": {"Training": {"n_cases": 4, "digest": "old"}}}
    new = {"seed": 3, "config": config(), "data": {"Training": {"n_cases": 4, "digest": "new", "every": 1}}}
    assert changes(old, new) == []


def test_data_without_names_is_still_a_change():
    sides = [{"data": {"Training": {"n_cases": n, "digest": str(n), "every": 1}}} for n in (4, 5)]
    (change,) = changes(*sides)
    assert str(change).startswith("Training: 4 cases, now 5; which files is not known")
    assert change.serious


def test_a_fingerprint_is_plain_fast_and_names_nobody(tmp_path):
    import time

    cases = [{"image": f"anna_{i}.nii.gz"} for i in range(20)]
    for case in cases:
        (tmp_path / case["image"]).write_bytes(bytes(100_000))
    experiment = read_config({"General": {}})
    fingerprint(experiment, {}, tmp_path, 3)
    started = time.process_time()
    made = fingerprint(experiment, {"Training": cases}, tmp_path, 3)
    assert time.process_time() - started < 0.5
    text = json.dumps(made.facts)
    assert "anna" not in text
    assert str(tmp_path) not in text
    assert "anna_3.nii.gz" in made.names["Training"]["files"]


def test_names_are_used_only_with_the_data_they_belong_to(tmp_path):
    document = names_document({"Training": {"digest": "a", "files": {}, "cases": {}}}, tmp_path, tmp_path)
    (tmp_path / NAMES_FILE).write_text(json.dumps(document))
    assert is_alive(tmp_path)
    assert data_dir_of(tmp_path) == tmp_path
    assert "Training" in Fingerprint.of({"data": {"Training": {"digest": "a"}}}, tmp_path).names
    assert "Training" not in Fingerprint.of({"data": {"Training": {"digest": "b"}}}, tmp_path).names
    (tmp_path / NAMES_FILE).write_text("{")
    assert read_names(tmp_path) == {}
    assert is_alive(tmp_path) is None


def test_the_digest_of_weights_sees_name_type_shape_and_every_byte():
    state = {"w": torch.zeros(2, 3), "n": torch.tensor(3), "extra": {"a": 1}}
    first = weights_digest(state)
    assert weights_digest({k: v.clone() if k != "extra" else v for k, v in reversed(state.items())}) == first
    others = [
        {**state, "w": torch.zeros(3, 2)},
        {**state, "w": torch.zeros(2, 3, dtype=torch.float64)},
        {**state, "w": -torch.zeros(2, 3)},
        {**state, "extra": {"a": 2}},
        {"v": state["w"], "n": state["n"], "extra": state["extra"]},
    ]
    assert len({first, *map(weights_digest, others)}) == len(others) + 1
    assert weights_digest({"b": torch.ones(2, dtype=torch.bfloat16)}) != weights_digest({"b": torch.ones(2)})
