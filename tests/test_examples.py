"""Every example runs: for one epoch on small phantoms here, to its full length on real scans in `make test-all`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest

from eisen.config import read_config
from eisen.experiments import Run

EXAMPLES = Path(__file__).parents[1] / "examples"
SMALL = ["General.NumWorkers=0", "General.Threads=1"]
SPLIT_FILES = [
    'Training.Datasets[0].params={"json_file": "dataset_train.json", "phase": "training"}',
    'Validation.Datasets[0].params={"json_file": "dataset_val.json", "phase": "training"}',
]


@pytest.fixture(scope="module")
def two_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Phantoms with the labels of the hippocampus task: 0, 1, 2."""
    from eisen.datasets import make_phantoms

    folder = make_phantoms(tmp_path_factory.mktemp("task"), 4, 2, 1, size=24)
    for path in (folder / "labelsTr").iterdir():
        label = nibabel.load(path)
        voxels = np.minimum(np.asarray(label.dataobj), 2)
        nibabel.save(nibabel.Nifti1Image(voxels, label.affine), path)
    return folder


def test_the_phantom_example_trains_and_predicts(phantom_folder: Path, tmp_path: Path) -> None:
    run = Run(read_config(EXAMPLES / "phantom.json", SMALL), phantom_folder, tmp_path)
    assert {row.phase for row in run.train(epochs=1).rows} == {"Training", "Validation"}
    run.predict()
    assert len(list((tmp_path / "predictions").glob("*.nii.gz"))) == 1


def test_the_example_with_batch_transforms_trains_and_predicts(phantom_folder: Path, tmp_path: Path) -> None:
    run = Run(read_config(EXAMPLES / "phantom_gpu_augmentation.json", SMALL), phantom_folder, tmp_path)
    assert {row.phase for row in run.train(epochs=1).rows} == {"Training", "Validation"}
    run.predict()
    assert len(list((tmp_path / "predictions").glob("*.nii.gz"))) == 1


def test_the_example_with_deep_supervision_trains_and_predicts(phantom_folder: Path, tmp_path: Path) -> None:
    pytest.importorskip("batchgeneratorsv2")
    run = Run(read_config(EXAMPLES / "phantom_deep_supervision.json", SMALL), phantom_folder, tmp_path)
    rows = run.train(epochs=1).rows
    assert [list(row.metrics) for row in rows] == [["f1"], ["f1"]]
    run.predict()
    assert len(list((tmp_path / "predictions").glob("*.nii.gz"))) == 1


@pytest.mark.parametrize("overrides", [[], SPLIT_FILES], ids=["seeded split", "split files"])
def test_the_hippocampus_example_trains(two_classes: Path, tmp_path: Path, overrides: list[str]) -> None:
    experiment = read_config(EXAMPLES / "msd_hippocampus.json", [*SMALL, *overrides])
    rows = Run(experiment, two_classes, tmp_path).train(epochs=1).rows
    assert [*rows[-1].metrics] == ["dice", "dice[anterior]", "dice[posterior]"]


def test_the_hippocampus_script_runs(two_classes: Path) -> None:
    command = [sys.executable, str(EXAMPLES / "msd_hippocampus.py"), str(two_classes), "1"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=200)
    assert "dice[anterior]" in done.stdout


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.timeout(1800)
def test_the_hippocampus_is_found_on_real_scans(realdata: Path, tmp_path: Path) -> None:
    experiment = read_config(EXAMPLES / "msd_hippocampus.json", SPLIT_FILES)
    rows = Run(experiment, realdata / "msd_hippocampus", tmp_path).train().rows
    assert rows[-1].phase == "Validation"
    assert rows[-1].metrics["dice"] >= 0.87
