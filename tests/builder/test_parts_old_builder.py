"""The list of modules for the builder of the original Eisen (contract 4.2)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import eisen
from eisen_cli.main import cli

KEYS = [
    "transforms",
    "readers",
    "models",
    "losses",
    "metrics",
    "workflow",
    "datasets",
    "hooks",
    "optimizer",
    "hyperparameters",
]


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("list") / "new"
    ran = CliRunner().invoke(cli, ["modules", "--old-builder", str(folder)], prog_name="eisen")
    assert ran.exit_code == 0, ran.output
    return folder / f"eisen_modules_v{eisen.__version__}.json"


@pytest.fixture(scope="module")
def modules(file: Path) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = json.loads(file.read_text(encoding="utf-8"))
    return found


def params(modules: dict[str, list[dict[str, Any]]], key: str, path: str) -> dict[str, Any]:
    return {each["name"]: each for entry in modules[key] if entry["type"] == path for each in entry["params"]}


def test_keys_order_and_form_are_those_of_the_contract(file: Path, modules: dict[str, list[dict[str, Any]]]) -> None:
    assert list(modules) == KEYS
    assert file.read_text(encoding="utf-8").startswith('{\n    "transforms": [\n        {\n            "type"')
    for key, entries in modules.items():
        names = [entry["type"].rpartition(".")[2] for entry in entries]
        assert names == sorted(names) or key == "hyperparameters"
        for entry in entries:
            assert list(entry) == ["type", "params"]
            for each in entry["params"]:
                assert list(each) == ["name", "type", "value"]
                assert isinstance(each["value"], str) or all(isinstance(value, str) for value in each["value"])


def test_values_are_those_of_the_code(modules: dict[str, list[dict[str, Any]]]) -> None:
    assert params(modules, "models", "eisen.models.UNet")["n_filters"]["value"] == "64"
    assert params(modules, "optimizer", "torch.optim.SGD")["lr"] == {"name": "lr", "type": "float", "value": "0.001"}
    normalization = params(modules, "models", "eisen.models.UNet")["normalization"]["value"]
    assert normalization[0] == "groupnorm"
    assert "none" in normalization


def test_wires_come_first_and_what_is_filled_in_is_not_there(modules: dict[str, list[dict[str, Any]]]) -> None:
    dice = params(modules, "losses", "eisen.ops.losses.DiceLoss")
    assert list(dice)[:2] == ["input_names", "output_names"]
    assert dice["output_names"]["value"] == "['dice']"
    assert "data_dir" not in params(modules, "readers", "eisen.io.LoadNiftiFromFilename")
    assert not {"workflow_id", "phase"} & set(params(modules, "hooks", "eisen.utils.logging.LoggingHook"))


def test_hyperparameters_are_the_three_of_the_old_program(modules: dict[str, list[dict[str, Any]]]) -> None:
    values = {entry["type"]: entry["params"][0]["value"] for entry in modules["hyperparameters"]}
    assert values == {".NumWorker": "4", ".BatchSize": "4", ".Seed": "42"}


def test_a_name_beside_the_option_is_refused() -> None:
    ran = CliRunner().invoke(cli, ["modules", "UNet", "--old-builder", "here"], prog_name="eisen")
    assert ran.exit_code == 2
    assert "leave 'UNet' out" in ran.output
    assert not Path("here").exists()
