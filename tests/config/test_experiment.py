"""The typed configuration."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eisen._core.errors import ConfigError
from eisen.config import Entry, Experiment, Hyperparameters, Phase, read_config

GOOD: dict[str, Any] = json.loads((Path(__file__).parent / "good.json").read_text(encoding="utf-8"))
MODEL = GOOD["General"]["Models"]
DATASET = GOOD["Training"]["Datasets"]


@pytest.mark.parametrize("name", ["Validation", "Testing", "Prediction"])
def test_one_phase_is_enough(read: Callable[..., Experiment], name: str) -> None:
    experiment = read({"General": {"Models": MODEL}, name: {"Datasets": DATASET}})
    assert list(experiment.phases) == [name]
    assert experiment.phase("Training") is None


def test_absent_sections_are_empty_lists(read: Callable[..., Experiment]) -> None:
    phase = read({"General": {"Models": MODEL}, "Testing": {"Datasets": DATASET}}).phases["Testing"]
    for section in ("Readers", "Transforms", "Losses", "Metrics", "Workflow", "Hooks", "Optimizer", "Scheduler"):
        assert phase.entries(section) == []


def test_an_empty_configuration_has_nothing_to_do(read: Callable[..., Experiment]) -> None:
    experiment = read({})
    assert (experiment.models, experiment.phases, experiment.hyper) == ([], {}, Hyperparameters())


def test_phases_come_in_the_order_in_which_they_run(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    turned = {key: good[key] for key in ("Validation", "Training", "General")}
    assert list(read(turned).phases) == ["Training", "Validation"]


def test_hyperparameters_of_a_phase_win_over_general(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    good["Validation"]["Hyperparameters"] = [{"type": ".BatchSize", "params": {"value": 9}}]
    experiment = read(good)
    assert [phase.hyper.batch_size for phase in experiment.phases.values()] == [2, 9]
    assert [phase.hyper.seed for phase in experiment.phases.values()] == [42, 42]


def test_all_hyperparameters(read: Callable[..., Experiment]) -> None:
    values = {
        ".BatchSize": 1,
        ".NumWorkers": 0,
        ".Seed": 0,
        ".Epochs": 3,
        ".Device": "cuda:1",
        ".Precision": "bf16",
        ".Labels": {"0": "background", "1": "liver"},
        ".EmptyLabel": "warn",
    }
    entries = [{"type": name, "params": {"value": value}} for name, value in values.items()]
    hyper = read({"General": {"Hyperparameters": entries}}).hyper
    assert hyper == Hyperparameters(1, 0, 0, 3, "cuda:1", "bf16", {0: "background", 1: "liver"}, "warn")


@pytest.mark.parametrize(
    ("name", "value"),
    [(".Device", "gpu"), (".Precision", "fp8"), (".Labels", ["a"]), (".Labels", {"a": "b"}), (".EmptyLabel", "no")],
)
def test_wrong_hyperparameters(read: Callable[..., Experiment], name: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=f"\\{name} is"):
        read({"General": {"Hyperparameters": [{"type": name, "params": {"value": value}}]}})


def test_schema_and_later_parts_are_kept_out_of_the_way(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    plain = read(good)
    good |= {"$schema": "https://example.org/eisen.json"}
    assert read(good).digest == plain.digest
    good |= {"Serving": {"Readers": []}, "Evaluation": {}, "Packaging": {}}
    experiment = read(good)
    assert list(experiment.phases) == ["Training", "Validation"]
    assert experiment.resolved()["Serving"] == {"Readers": []}


def test_options_of_a_phase(read: Callable[..., Experiment]) -> None:
    config = {"General": {"Models": MODEL}, "Prediction": {"Datasets": DATASET, "Options": {"overlap": 0.5}}}
    assert read(config).phases["Prediction"].options == {"overlap": 0.5}


def test_the_digest_sees_content_not_layout(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    first = read(good)
    assert read(json.dumps(good, indent=7, sort_keys=True)).digest == first.digest
    good["Training"]["Optimizer"][0]["params"]["lr"] = 0.002
    assert read(good).digest != first.digest
    assert len(first.digest) == 64


def test_reading_does_not_change_what_it_was_given(good: dict[str, Any]) -> None:
    good["General"]["Hyperparameters"].append({"type": ".NumWorker", "params": {"value": 1}})
    before = deepcopy(good)
    experiment = read_config(good, ["BatchSize=9"])
    assert good == before
    experiment.resolved()["General"].clear()
    assert experiment.resolved()["General"]


def test_the_file_is_known(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    assert read(good).path.endswith("config.json")
    assert read_config(good).path == ""


def test_what_is_not_json_is_refused() -> None:
    with pytest.raises(ConfigError, match="not JSON"):
        read_config({"General": {"Models": [object()]}})


def test_entries_can_be_made_in_python() -> None:
    entry = Entry("torch.optim.Adam", {"lr": 0.1}, "here")
    assert (entry.name, entry.resolved()) == ("Adam", {"type": "torch.optim.Adam", "params": {"lr": 0.1}})
    assert Phase("Training", optimizer=[entry]).entries("Optimizer") == [entry]


def test_an_entry_resolves_to_what_the_file_says(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    entry = read(good).models[0]
    assert entry.resolved() == good["General"]["Models"][0]


PARAMS = st.fixed_dictionaries(
    {"fields": st.lists(st.text(min_size=1), max_size=3)},
    optional={
        "size": st.integers(1, 99) | st.lists(st.integers(1, 99), min_size=3, max_size=3) | st.just("[1, 2, 3]"),
        "interpolation": st.sampled_from(["linear", "cubic", "", None, ["linear", "nearest", "cubic"]]),
        "scale": st.none() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.just("2.5"),
        "names": st.none() | st.dictionaries(st.integers().map(str), st.text()),
        "options": st.none() | st.dictionaries(st.text(), st.text()) | st.just("{'a': 'b'}"),
        "skip": st.none() | st.lists(st.text()),
        "repeat": st.integers() | st.none() | st.just("") | st.just([]),
        "keep": st.booleans() | st.sampled_from(["true", "False", None]),
        "prefix": st.text(),
    },
)


@given(st.lists(PARAMS, max_size=3), st.integers(1, 64), st.integers(0, 2**40))
def test_a_configuration_survives_reading(steps: list[dict[str, Any]], batch: int, seed: int) -> None:
    config = deepcopy(GOOD)
    config["Training"]["Transforms"] = [{"type": "toys.Crop", "params": params} for params in steps]
    first = read_config(config, [f"BatchSize={batch}", f"Training.Seed={seed}"])
    second = read_config(first.resolved())
    assert second.repairs == []
    assert (second.resolved(), second.digest) == (first.resolved(), first.digest)
    assert (second.general, second.phases) == (first.general, first.phases)


def test_reading_sixty_modules_takes_milliseconds(good: dict[str, Any], read: Callable[..., Experiment]) -> None:
    good["Training"]["Transforms"] = good["Training"]["Transforms"] * 30
    read(good)
    durations = []
    for _ in range(5):
        start = time.process_time()
        read(good)
        durations.append(time.process_time() - start)
    assert min(durations) < 0.05


def test_the_room_does_not_import_torch() -> None:
    code = "import sys, eisen.config; from eisen.config import read_config, Experiment, build, locate, describe; "
    code += "read_config({}); assert not {'torch', 'scipy', 'matplotlib'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
