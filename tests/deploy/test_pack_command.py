"""``eisen pack`` on the command line: its screen, its JSON, its errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from eisen_cli.main import cli
from tests.deploy.trained_runs import said, trained, volume_config


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, phantom_folder: Path) -> Path:
    return trained(tmp_path_factory.mktemp("volumes"), volume_config(), phantom_folder)


def test_one_command_makes_a_package_and_tells_what_is_next(run: Path, tmp_path: Path) -> None:
    target = tmp_path / "my organs.mar"
    done = CliRunner().invoke(cli, ["pack", str(run), str(target), "--no-graph", "--version", "2.0"])
    assert done.exit_code == 0, done.output
    assert "my_organs 2.0: 1 model, gives labels for image" in done.output
    assert "a real case gets the same prediction as from the run" in done.output
    assert f"serve it with: eisen serve '{target}'" in done.output
    assert said(target)["name"] == "my_organs"


def test_machines_read_json(run: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["pack", str(run), str(tmp_path / "x.mar"), "--no-graph", "--json"])
    found = json.loads(done.stdout)
    assert (found["status"], found["name"], found["verified"]) == ("ok", "x", True)
    assert "package.json" in found["members"]
    assert "trying the chain" in done.stderr


def test_errors_are_cards(run: Path, tmp_path: Path) -> None:
    (tmp_path / "x.mar").write_bytes(b"old")
    done = CliRunner().invoke(cli, ["pack", str(run), str(tmp_path / "x.mar")])
    assert done.exit_code == 5
    assert "is there already" in done.output
    assert "--overwrite" in done.output
    assert "Traceback" not in done.output
    done = CliRunner().invoke(cli, ["pack", str(tmp_path), str(tmp_path / "y.mar")])
    assert done.exit_code == 4
    assert "there is no run in" in done.output


@pytest.mark.slow
@pytest.mark.realdata
def test_a_hippocampus_model_is_packed_from_real_scans(realdata: Path, tmp_path: Path) -> None:
    import nibabel
    import numpy as np

    from eisen.config import read_config
    from eisen.experiments import Run
    from tests.deploy.trained_runs import opened

    config = json.loads(Path("examples/msd_hippocampus.json").read_text(encoding="utf-8"))
    data = realdata / "msd_hippocampus"
    listed = json.loads((data / "dataset.json").read_text(encoding="utf-8"))
    few = tmp_path / "data"
    few.mkdir()
    for folder in ("imagesTr", "labelsTr"):
        (few / folder).symlink_to(data / folder)
    listed |= {"training": listed["training"][:6], "test": [case["image"] for case in listed["training"][6:8]]}
    (few / "dataset.json").write_text(json.dumps(listed), encoding="utf-8")
    for phase in ("Training", "Validation"):
        params = config[phase]["Datasets"][0]["params"]
        for name in ("split", "validation_fraction", "split_seed"):
            del params[name]
    (tmp_path / "hippocampus.json").write_text(json.dumps(config), encoding="utf-8")
    experiment = read_config(tmp_path / "hippocampus.json", ["General.NumWorkers=0"], epochs=2)
    Run(experiment, few, tmp_path / "run").train()
    predicted = Run(experiment, few, tmp_path / "run").predict().predictions
    target = tmp_path / "hippocampus.mar"
    done = CliRunner().invoke(cli, ["pack", str(tmp_path / "run"), str(target), "--no-graph", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["verified"] is True
    model = opened(target, tmp_path)
    for path, image in zip(predicted, listed["test"], strict=True):
        labels = model.predict({"image": str((few / image).resolve())}).verdict.labels()
        np.testing.assert_array_equal(labels, np.asarray(nibabel.load(path).dataobj))
    assert b"hippocampus_" not in target.read_bytes()
