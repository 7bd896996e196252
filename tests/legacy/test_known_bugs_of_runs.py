"""Section 6 of the contract, items 23 to 27: what was wrong with whole runs is right here."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from eisen._core.errors import EisenError
from eisen.config import read_config
from eisen.experiments import Run, RunResult

EXAMPLE = json.loads((Path(__file__).parents[2] / "examples" / "phantom.json").read_text(encoding="utf-8"))
SMALL = [
    "General.NumWorkers=0",
    "General.Threads=1",
    "General.Models[0].params.n_filters=2",
    "Training.Transforms[5].params.size=[16, 16, 16]",
    "Training.Scheduler=[]",
    "Validation.Losses=[]",
]


@pytest.fixture(scope="module")
def trained(phantom_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, RunResult]:
    """A run of one epoch of the phantom example, with its result, in a folder that was not there before."""
    folder = tmp_path_factory.mktemp("runs") / "not" / "there"
    run = Run(read_config(EXAMPLE, SMALL), phantom_folder, folder)
    return run, run.train(1)


def test_23_24_25_one_model_is_trained_validated_and_tested(trained: tuple[Run, RunResult]) -> None:
    run, result = trained
    assert [row.phase for row in result.rows] == ["Training", "Validation"]
    assert run.validate().rows[0].metrics == result.rows[1].metrics
    assert run.test().rows[0].phase == "Testing"


def test_26_resume_and_folder_and_the_spelling_of_the_builder_are_honoured(
    trained: tuple[Run, RunResult], tmp_path: Path
) -> None:
    run, _ = trained
    copied = shutil.copytree(run.artifacts.root, tmp_path / "copy")
    resumed = Run(run.experiment, run.data_dir, copied, resume=True).train(2)
    assert [row.epoch for row in resumed.rows if row.phase == "Training"] == [1]
    hyper = [entry for entry in EXAMPLE["General"]["Hyperparameters"] if entry["type"] != ".NumWorkers"]
    hyper = [*hyper, {"type": ".NumWorker", "params": {"value": 7}}]
    assert read_config({**EXAMPLE, "General": {**EXAMPLE["General"], "Hyperparameters": hyper}}).hyper.n_workers == 7


def test_27_a_configuration_without_training_validates(trained: tuple[Run, RunResult]) -> None:
    run, _ = trained
    only = {name: EXAMPLE[name] for name in ("General", "Validation")}
    alone = Run(read_config(only, [s for s in SMALL if "Training" not in s]), run.data_dir, run.artifacts.root)
    assert alone.validate().rows[0].phase == "Validation"
    with pytest.raises(EisenError, match="'Training' is missing"):
        alone.train()
