"""JSON Schema of a configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from eisen.config import config_schema

ROOT = Path(__file__).parents[2]
EXAMPLES = [path for path in sorted((ROOT / "examples").glob("*.json")) if not path.name.endswith(".split.json")]
FILES = [*EXAMPLES, ROOT / "tests" / "legacy" / "cli_example.json"]

ENTRIES = {
    "Models": ("eisen.models.VNet", {"input_names": ["image"], "output_names": ["predictions"]}),
    "Datasets": ("eisen.datasets.MSDDataset", {"json_file": "dataset.json", "phase": "training"}),
    "Transforms": ("eisen.transforms.CropCenteredSubVolumes", {"fields": ["image"], "size": [8, 8, 8]}),
    "Optimizer": ("torch.optim.Adam", {"lr": 0.001}),
}


@pytest.fixture(scope="module")
def schema() -> Draft202012Validator:
    document = json.loads(json.dumps(config_schema()))
    Draft202012Validator.check_schema(document)
    return Draft202012Validator(document)


def config(section: str, kind: str, params: Any) -> dict[str, Any]:
    return {"General" if section == "Models" else "Training": {section: [{"type": kind, "params": params}]}}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_example_files_are_valid(schema: Draft202012Validator, path: Path) -> None:
    assert [error.message for error in schema.iter_errors(json.loads(path.read_text(encoding="utf-8")))] == []


@pytest.mark.parametrize("section", ENTRIES)
def test_good_entries_are_valid(schema: Draft202012Validator, section: str) -> None:
    assert schema.is_valid(config(section, *ENTRIES[section]))


@pytest.mark.parametrize("section", ENTRIES)
@pytest.mark.parametrize("fault", ["typo", "missing", "wrong", "class"])
def test_faults_are_refused(schema: Draft202012Validator, section: str, fault: str) -> None:
    kind, params = ENTRIES[section]
    name = next(iter(params))
    rest = {key: value for key, value in params.items() if key != name}
    broken: Any = {
        "typo": {**params, f"{name}x": 1},
        "missing": rest,
        "wrong": {**params, name: {"no": "value"}},
        "class": params,
    }[fault]
    if (section, fault) == ("Optimizer", "missing"):  # the learning rate has a default
        broken = None
    kind = f"{kind}x" if fault == "class" and kind.startswith("eisen") else kind
    if (section, fault) == ("Optimizer", "class"):  # a class of somebody else that we cannot know
        return
    assert not schema.is_valid(config(section, kind, broken))


def test_classes_of_others_are_allowed(schema: Draft202012Validator) -> None:
    assert schema.is_valid(config("Transforms", "monai.transforms.Something", {"anything": 1}))
    assert schema.is_valid(
        config("Models", "torchvision.models.resnet18", {"input_names": ["a"], "output_names": ["b"]})
    )
    assert not schema.is_valid(config("Models", "torchvision.models.resnet18", {}))
    assert not schema.is_valid(config("Transforms", "no dotted path", {}))


@pytest.mark.parametrize("broken", [{"Trainig": {}}, {"Training": {"Optimiser": []}}, {"Training": []}, []])
def test_unknown_sections_are_refused(schema: Draft202012Validator, broken: Any) -> None:
    assert not schema.is_valid(broken)


def test_old_spellings_are_valid(schema: Draft202012Validator) -> None:
    for kind in ("eisen.io.imaging.LoadNiftyFromFilename", "eisen.io.LoadNiftiFromFilename"):
        assert schema.is_valid({"Training": {"Readers": [{"type": kind, "params": {"fields": ["image"]}}]}})


def test_hyperparameters_have_types(schema: Draft202012Validator) -> None:
    def valid(name: str, value: Any) -> bool:
        return schema.is_valid({"General": {"Hyperparameters": [{"type": name, "params": {"value": value}}]}})

    assert all([valid(".BatchSize", 2), valid(".NumWorker", 0), valid(".Labels", {"1": "liver"})])
    assert not any([valid(".BatchSize", 0), valid(".Batchsize", 2), valid(".Labels", {"a": "b"}), valid(".Seed", "1")])


def test_modules_of_the_user_are_in_the_schema() -> None:
    definitions = config_schema(["toys"])["$defs"]
    params = definitions["Transforms.toys.Crop"]["properties"]["params"]
    assert params["required"] == ["fields"]
    assert params["properties"]["size"]["description"] == "Voxels per axis, three numbers."
    assert params["properties"]["interpolation"]["enum"] == ["linear", "nearest", "cubic"]
    assert params["properties"]["scale"]["default"] == 1.0
    assert params["properties"]["repeat"]["type"] == "integer"
    assert definitions["Transforms.toys.Rename"]["properties"]["params"]["properties"]["mode"]["enum"]
    assert "data_dir" not in definitions["Readers.toys.Load"]["properties"]["params"]["properties"]
    assert "model" not in definitions["Workflow.toys.Run"]["properties"]["params"]["properties"]


def test_entries_inside_of_entries_are_checked(schema: Draft202012Validator) -> None:
    noise = {"type": "eisen.transforms.RandomNoise", "params": {"fields": ["image"]}}
    chosen = config("Transforms", "eisen.transforms.OneOf", {"transforms": [noise], "p": 0.5})
    assert schema.is_valid(chosen)
    noise["params"]["feilds"] = 1
    assert not schema.is_valid(chosen)
    parameters = schema.schema["$defs"]["Transforms.eisen.transforms.OneOf"]["properties"]["params"]["properties"]
    assert list(parameters) == ["transforms", "weights", "p"]
