"""What cannot be packed is refused, says why, and leaves nothing behind."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from eisen._core.errors import ArgumentError, ArtifactError, ConfigError, MissingFileError, TrainingError
from eisen_deploy.packaging import PackReport, pack_run
from tests.deploy.trained_runs import step, trained, volume_config


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, phantom_folder: Path) -> Path:
    """A training on volumes with labels in every step of its Validation."""
    return trained(tmp_path_factory.mktemp("volumes"), volume_config(), phantom_folder)


def light(run: Path, path: Path, **wishes: Any) -> PackReport:
    return pack_run(run, path, graph=False, **wishes)


def test_random_steps_are_refused_by_name(phantom_folder: Path, tmp_path: Path) -> None:
    config = volume_config()
    config["Validation"]["Transforms"].append(step("RandomNoise", ["image"]))
    run = trained(tmp_path / "t", config, phantom_folder)
    with pytest.raises(ConfigError, match=r"Validation\.Transforms\[4\]: RandomNoise is random"):
        light(run, tmp_path / "x.mar")


def test_a_step_that_needs_labels_is_named(phantom_folder: Path, tmp_path: Path) -> None:
    config = volume_config()
    config["Validation"]["Transforms"].append(step("CropForeground", ["image", "label"], source="label"))
    run = trained(tmp_path / "t", config, phantom_folder)
    with pytest.raises(ConfigError, match=r"Transforms\[4\]: CropForeground needs 'label'.*a phase Prediction"):
        light(run, tmp_path / "x.mar")


def test_a_step_that_reads_a_file_is_refused(phantom_folder: Path, tmp_path: Path, run: Path) -> None:
    config = volume_config()
    landmarks = step("HistogramStandardization", ["image"], landmarks="landmarks.json")
    (tmp_path / "serve.json").write_text(
        json.dumps(config | {"Validation": config["Validation"] | {"Transforms": [landmarks]}}), encoding="utf-8"
    )
    with pytest.raises(ConfigError, match=r"it names the file 'landmarks\.json'"):
        light(run, tmp_path / "x.mar", config=tmp_path / "serve.json")


def test_a_full_disk_leaves_nothing_half_written(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from eisen._core import atomic

    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic._RawFile, "write", full)
    with pytest.raises(ArtifactError, match=r"x\.mar could not be written: the disk is full"):
        light(run, tmp_path / "x.mar")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("wish", "complaint"),
    [
        ({"name": "../x"}, "the name of the model"),
        ({"version": ""}, "the version"),
        ({"gate": "maybe"}, "gate is 'maybe'"),
        ({"golden": 99}, "golden is 99"),
        ({"tta": "twists"}, "twists"),
        ({"licences": ["nowhere.txt"]}, "there is no licence"),
        ({"sign": "nowhere.key"}, "there is no key"),
        ({"data_dir": "nowhere"}, "there is no folder"),
        ({"evaluation": "nowhere"}, "there are no results"),
        ({"golden_cases": ["nowhere.nii"]}, r"there is no nowhere\.nii"),
        ({"models": ["nowhere.pt"]}, "there is no saved model"),
    ],
)
def test_what_cannot_be_is_said(run: Path, tmp_path: Path, wish: dict[str, Any], complaint: str) -> None:
    with pytest.raises((ArgumentError, MissingFileError), match=complaint):
        light(run, tmp_path / "x.mar", **wish)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="there is no run in"):
        light(tmp_path, tmp_path / "x.mar")


def test_a_run_without_a_model_is_refused(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    (tmp_path / "run" / "models" / "best.pt").unlink()
    with pytest.raises(MissingFileError, match="there is no saved model"):
        light(tmp_path / "run", tmp_path / "x.mar")


def test_weights_of_another_model_are_refused(run: Path, tmp_path: Path) -> None:
    torch.save(torch.nn.Conv3d(2, 4, 3).state_dict(), tmp_path / "other.pt")
    with pytest.raises(TrainingError, match="do not fit the model"):
        light(run, tmp_path / "x.mar", models=[tmp_path / "other.pt"])


def test_a_class_that_is_not_there_is_named(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    record["config"]["General"]["Models"][0]["type"] = "mynets.Net"
    (tmp_path / "run" / "run.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(ConfigError, match="there is no package 'mynets'"):
        light(tmp_path / "run", tmp_path / "x.mar")


def test_generators_cannot_be_packed(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    record = json.loads((run / "run.json").read_text(encoding="utf-8"))
    record["config"] = json.loads(Path("examples/gan_phantom_2d.json").read_text(encoding="utf-8"))
    (tmp_path / "run" / "run.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(ArgumentError, match="makes images from random numbers"):
        light(tmp_path / "run", tmp_path / "x.mar")


def test_a_field_that_is_no_image_is_refused(run: Path, tmp_path: Path) -> None:
    from eisen_deploy.packaging.given import given_inputs

    with pytest.raises(ArgumentError, match="the field 'age' holds int: no request can bring it"):
        given_inputs(["age"], [], 3, {"age": 61})
