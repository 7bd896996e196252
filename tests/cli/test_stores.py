"""``eisen data create`` and ``eisen data info``."""

from __future__ import annotations

import json
from typing import Any

import h5py
import pytest

from eisen.config import read_config
from eisen.experiments.storing import cases_to_store
from tests.cli.conftest import tiny_config

AUGMENT = {"type": "eisen.transforms.RandomFlip", "params": {"fields": ["image", "label"]}}


def made(result: Any) -> dict[str, Any]:
    assert result.exit_code == 0, result.output
    document: dict[str, Any] = json.loads(result.stdout)
    return document


def test_create_writes_training_and_validation_together(invoke, task, config, tmp_path):
    out = tmp_path / "store.h5"
    document = made(invoke("data", "create", config, out, "--data-dir", task, "--workers", 0, "--json"))
    assert document["status"] == "ok"
    assert document["phases"] == ["Training", "Validation"]
    assert document["kept"] == ["NiftiToNumpy", "AddChannelDimension", "CropCenteredSubVolumes"]
    assert document["store"]["cases"] == ["box_0", "box_1", "box_2", "box_3"]
    with h5py.File(out) as file:
        assert file["data/image/0"].shape == (1, 16, 16, 16)
        record = json.loads(file["meta/record"].asstr()[()])
    assert set(record["config"]) == {"Training", "Validation"}
    assert len(record["config"]["Training"]["Transforms"]) == 3
    assert [entry.name for entry in tmp_path.iterdir() if "store" in entry.name] == ["store.h5"]


def test_create_says_what_it_leaves_out(invoke, task, config, tmp_path):
    settings = tiny_config()
    settings["Training"]["Transforms"].insert(2, AUGMENT)
    config.write_text(json.dumps(settings), encoding="utf-8")
    result = invoke("data", "create", config, tmp_path / "s.h5", "--data-dir", task, "--workers", 0)
    assert result.exit_code == 0, result.output
    assert "4 cases of Training and Validation" in result.output
    assert "stored after: the readers, NiftiToNumpy, AddChannelDimension\n" in result.output
    assert "left out, for Training to do: RandomFlip, CropCenteredSubVolumes" in result.output
    assert "left out, for Validation to do: CropCenteredSubVolumes" in result.output
    assert "eisen data info" in result.output


def test_create_takes_one_phase(invoke, task, config, tmp_path):
    words = (
        "--data-dir",
        task,
        "--phase",
        "prediction",
        "--workers",
        0,
        "--json",
        "--form",
        "blosc2",
        "--fields",
        "image",
    )
    document = made(invoke("data", "create", config, tmp_path / "s.h5", *words, "--json"))
    assert document["store"]["cases"] == ["box_4"]
    assert [entry["name"] for entry in document["store"]["fields"]] == ["image"]
    assert document["store"]["fields"][0]["form"] == "blosc2"


@pytest.mark.parametrize(
    ("words", "check"),
    [
        (("--meta-only",), lambda store: not store["pixels"]),
        (("--anonymous",), lambda store: store["anonymous"] and store["cases"][0] == "case_0"),
        (("--anonymous", "--salt", "x"), lambda store: store["anonymous"] and store["cases"][0] != "case_0"),
        (("--layout", "pymia"), lambda store: store["layout"] == "pymia"),
        (("--fields", "label"), lambda store: [f["name"] for f in store["fields"]] == ["label"]),
        (("--executor", "threads", "--workers", 2), lambda store: len(store["cases"]) == 4),
    ],
)
def test_create_has_options(invoke, task, config, tmp_path, words, check):
    document = made(invoke("data", "create", config, tmp_path / "s.h5", "--data-dir", task, "--json", *words))
    assert check(document["store"])


def test_create_replaces_nothing_unasked(invoke, task, config, tmp_path):
    out = tmp_path / "s.h5"
    out.write_bytes(b"mine")
    result = invoke("data", "create", config, out, "--data-dir", task)
    assert result.exit_code == 5
    assert "is there already" in result.stderr
    assert out.read_bytes() == b"mine"
    made(invoke("data", "create", config, out, "--data-dir", task, "--force", "--json", "--workers", 0))
    assert h5py.is_hdf5(out)


def test_wrong_input_is_a_card(invoke, task, config, tmp_path):
    result = invoke("data", "create", config, tmp_path / "s.h5", "--data-dir", task, "--salt", "x")
    assert result.exit_code == 2
    result = invoke("data", "create", config, tmp_path / "absent" / "s.h5", "--data-dir", task)
    assert result.exit_code == 5
    assert "no folder" in result.stderr
    result = invoke("data", "create", config, tmp_path / "s.h5", "--data-dir", tmp_path)
    assert result.exit_code == 4
    assert not (tmp_path / "s.h5").exists()


def test_phases_that_read_differently_are_not_mixed(task, config):
    settings = tiny_config()
    settings["Validation"]["Readers"][0]["params"]["canonical"] = True
    with pytest.raises(ValueError, match="in different ways"):
        cases_to_store(read_config(settings), task)
    assert len(cases_to_store(read_config(settings), task, "Validation").dataset) == 2


def test_info_shows_what_is_in_a_store(invoke, task, config, tmp_path):
    out = tmp_path / "s.h5"
    made(invoke("data", "create", config, out, "--data-dir", task, "--workers", 0, "--json"))
    result = invoke("data", "info", out, "--verify", "--cases")
    assert result.exit_code == 0, result.output
    assert "4 cases" in result.output
    assert "1 × 16 × 16 × 16" in result.output
    assert "box_3" in result.output
    assert "all 8 arrays are what was written" in result.output


def test_info_finds_damage(invoke, task, config, tmp_path):
    out = tmp_path / "s.h5"
    made(invoke("data", "create", config, out, "--data-dir", task, "--workers", 0, "--json"))
    with h5py.File(out, "r+") as file:
        file["data/label/2"][0, 0, 0, 0] += 1
    result = invoke("data", "info", out, "--verify")
    assert result.exit_code == 4
    assert "damaged: box_2: label" in result.output
    document = json.loads(invoke("data", "info", out, "--verify", "--json").stdout)
    assert document["damaged"] == ["box_2: label"]


def test_info_refuses_what_is_no_store(invoke, tmp_path):
    (tmp_path / "text.h5").write_text("no")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["a"] = 1
    for name, words in (("text.h5", "cannot be opened"), ("other.h5", "but no store"), ("absent.h5", "does not exist")):
        result = invoke("data", "info", tmp_path / name)
        assert result.exit_code == 4
        assert words in result.stderr


def test_check_says_that_a_store_is_whole_or_what_is_wrong(invoke, task, config, tmp_path):
    out, report = tmp_path / "s.h5", tmp_path / "report.json"
    made(invoke("data", "create", config, out, "--data-dir", task, "--workers", 0, "--json"))
    result = invoke("data", "check", out, "--jobs", 2)
    assert result.exit_code == 0, result.output
    assert "whole: 8 arrays are what was written" in result.output
    with h5py.File(out, "r+") as file:
        file["data/label/2"][0, 0, 0, 0] += 1
        del file["data/image/0"]
    result = invoke("data", "check", out, "--json", report)
    assert result.exit_code == 4
    assert "damaged   box_2: label: its bytes are not those that were written" in result.output
    assert "missing   box_0: image: there is no such array" in result.output
    assert "2 findings: 1 missing, 1 damaged" in result.output
    document = json.loads(invoke("data", "check", out, "--json").stdout)
    assert document == json.loads(report.read_text(encoding="utf-8"))
    assert document["status"] == "damaged"
    assert [(f["kind"], f["case"], f["field"]) for f in document["findings"]] == [
        ("missing", "box_0", "image"),
        ("damaged", "box_2", "label"),
    ]


def test_check_of_a_truncated_store_is_a_card(invoke, task, config, tmp_path):
    out = tmp_path / "s.h5"
    made(invoke("data", "create", config, out, "--data-dir", task, "--workers", 0, "--json"))
    nameless = tmp_path / "copy"
    nameless.write_bytes(out.read_bytes()[:5000])
    result = invoke("data", "check", nameless)
    assert result.exit_code == 4
    assert "copy is truncated" in result.stderr


def test_check_of_a_store_has_no_use_for_options_of_folders(invoke, tmp_path):
    for words in (["--html", tmp_path / "a.html"], ["--group", "x"], ["--headers-only"], ["--data-dir", tmp_path]):
        result = invoke("data", "check", tmp_path / "s.h5", *words)
        assert result.exit_code == 2
        assert f"{words[0]} is for configurations and folders" in result.stderr
    result = invoke("data", "check", tmp_path / "s.h5")
    assert result.exit_code == 4
    assert "does not exist" in result.stderr
