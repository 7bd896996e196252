"""Whole runs on a tiny task: train, resume, interrupt, validate, test, predict, check."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest

from .conftest import ROOT, Invoke, start, tiny_config, write_task


def train(invoke: Invoke, config: Path, task: Path, folder: Path, *words: object) -> Any:
    return invoke("train", config, *words, "--data_dir", task, "--artifact_dir", folder)


@pytest.fixture(scope="module")
def trained(task: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A configuration and the artifacts of two epochs of it."""
    from eisen_cli.train import eisen_training

    folder = tmp_path_factory.mktemp("trained")
    (folder / "tiny.json").write_text(json.dumps(tiny_config()))
    eisen_training(folder / "tiny.json", 2, task, folder / "artifacts", False)
    return folder / "tiny.json", folder / "artifacts"


def test_train_shows_one_line_per_epoch_and_phase_and_says_where_everything_is(
    invoke: Invoke, config: Path, task: Path, tmp_path: Path
) -> None:
    done = train(invoke, config, task, tmp_path / "artifacts", 2)
    assert done.exit_code == 0, done.output
    rows = [line for line in done.stdout.splitlines() if line.startswith("epoch ")]
    assert [row.split("  ")[:2] for row in rows] == [
        ["epoch 1/2", "Training"],
        ["epoch 1/2", "Validation"],
        ["epoch 2/2", "Training"],
        ["epoch 2/2", "Validation"],
    ]
    assert all("loss " in row and "dice " in row for row in rows)
    for name in ("best.pt", "checkpoint.pt", "run.json", "log.jsonl"):
        assert name in done.stdout
    assert (tmp_path / "artifacts" / "models" / "best.pt").exists()


def test_json_is_the_only_thing_on_stdout(invoke: Invoke, config: Path, task: Path, tmp_path: Path) -> None:
    done = train(invoke, config, task, tmp_path / "artifacts", 1, "--json")
    document = json.loads(done.stdout)
    assert document["status"] == "ok"
    assert document["n_epochs"] == 1
    assert [row["phase"] for row in document["rows"]] == ["Training", "Validation"]
    assert "epoch 1/1" in done.stderr


def test_set_and_seed_override_the_configuration(invoke: Invoke, config: Path, task: Path, tmp_path: Path) -> None:
    where = tmp_path / "artifacts"
    done = train(invoke, config, task, where, 1, "--seed", 11, "--set", "Training.Optimizer[0].params.lr=0.5")
    assert done.exit_code == 0, done.output
    record = json.loads((where / "run.json").read_text(encoding="utf-8"))
    assert record["seed"] == 11
    assert record["config"]["Training"]["Optimizer"][0]["params"]["lr"] == 0.5


def test_resume_adds_the_missing_epochs(invoke: Invoke, trained: tuple[Path, Path], task: Path, tmp_path: Path) -> None:
    import shutil

    config, artifacts = trained
    copy = shutil.copytree(artifacts, tmp_path / "copy")
    done = train(invoke, config, task, copy, 3, "--resume", "--json")
    document = json.loads(done.stdout)
    assert document["n_epochs"] == 3
    assert [row["epoch"] for row in document["rows"]] == [2, 2]


@pytest.mark.parametrize(("command", "phase"), [("validate", "Validation"), ("test", "Testing")])
def test_evaluation_uses_the_best_model(
    command: str, phase: str, invoke: Invoke, trained: tuple[Path, Path], task: Path
) -> None:
    config, artifacts = trained
    done = invoke(command, config, "--data_dir", task, "--artifact_dir", artifacts, "--json")
    rows = json.loads(done.stdout)["rows"]
    assert [row["phase"] for row in rows] == [phase]
    assert "dice" in rows[0]["metrics"]
    assert "epoch" not in done.stderr, "one pass with a trained model is no epoch"


def test_predict_writes_label_maps_on_the_native_grid(
    invoke: Invoke, trained: tuple[Path, Path], task: Path, tmp_path: Path
) -> None:
    config, artifacts = trained
    done = invoke(
        "predict", config, "--data_dir", task, "--artifact_dir", artifacts, "--output", tmp_path / "maps", "--json"
    )
    (path,) = json.loads(done.stdout)["predictions"]
    found: Any = nibabel.load(path)
    source: Any = nibabel.load(task / "imagesTs" / Path(path).name)
    assert Path(path).parent == tmp_path / "maps"
    assert found.shape == source.shape
    np.testing.assert_allclose(found.affine, source.affine, atol=1e-5)
    assert set(np.unique(np.asarray(found.dataobj))) <= {0, 1}


def test_a_model_that_is_not_there_is_named(invoke: Invoke, config: Path, task: Path, tmp_path: Path) -> None:
    done = invoke("validate", config, "--data_dir", task, "--artifact_dir", tmp_path / "nothing", "--model", "no.pt")
    assert done.exit_code in (4, 5)
    assert "no.pt" in done.stderr
    assert "Traceback" not in done.stderr


def test_check_shows_every_field_after_every_step(invoke: Invoke, config: Path, task: Path) -> None:
    done = invoke("check", config, "--data_dir", task, "--case", "1")
    assert done.exit_code == 0, done.output
    for text in ("LoadNiftiFromFilename", "CropCenteredSubVolumes", "1×16×16×16", "VNet", "loss", "trained parameters"):
        assert text in done.stdout, text
    report = json.loads(invoke("check", config, "--data_dir", task, "--json").stdout)["report"]
    assert "AddChannelDimension" in [step["name"] for step in report["steps"]]
    assert report["gradient_norm"] > 0


def test_ctrl_c_leaves_a_checkpoint_that_resume_continues_from(
    invoke: Invoke, config: Path, task: Path, tmp_path: Path
) -> None:
    process = start("train", config, 500, "--data_dir", task, "--artifact_dir", "artifacts", "--json", folder=tmp_path)
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("epoch"):
            break
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=60)
    document = json.loads(stdout)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    assert document["status"] == "interrupted"
    done = train(invoke, config, task, tmp_path / "artifacts", document["n_epochs"] + 1, "--resume", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["n_epochs"] == document["n_epochs"] + 1


def test_the_example_of_the_original_runs_unchanged(invoke: Invoke, tmp_path: Path) -> None:
    example = ROOT / "tests" / "legacy" / "cli_example.json"
    task, where = write_task(tmp_path / "task", n_cases=2), tmp_path / "artifacts"
    done = invoke("train", example, 1, "--data_dir", task, "--artifact_dir", where, "--set", "General.NumWorkers=0")
    assert done.exit_code == 0, done.output
    said = [line for line in done.stdout.splitlines() if line.startswith(("understood: ", "note: "))]
    for word in ("LoadNiftyFromFilename", "data_parallel"):
        assert any(word in line for line in said), word
    assert (where / "models" / "best.pt").exists()
