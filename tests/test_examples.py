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


# Reference experiments: docs/reference-experiments.md states their figures

SHORT = ["General.NumWorkers=0", "General.Threads=1", "General.Best=null"]
DRAWN = {"segment_shapes_2d": "dice", "denoise_shapes": "psnr", "regress_radius": "mae"}
"""Examples whose cases are drawn as they are read, and a metric of each."""


@pytest.fixture(scope="module")
def shapes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures in MedMNIST's format, as the example of classification writes them."""
    folder = tmp_path_factory.mktemp("shapes")
    subprocess.run([sys.executable, str(EXAMPLES / "classify_shapes_2d.py"), str(folder), "0"], check=True, timeout=200)
    return folder


@pytest.fixture(scope="module")
def small_membranes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty slices of walls, named like those of the EM stack."""
    from PIL import Image

    folder, rng = tmp_path_factory.mktemp("em"), np.random.default_rng(0)
    for kind in ("image", "label"):
        (folder / kind).mkdir()
    for number in range(20):
        inside = (np.add.outer(np.arange(64) + number, np.arange(64)) % 24 > 3) * np.uint8(255)
        noisy = np.clip(inside * 0.5 + rng.normal(60, 20, inside.shape), 0, 255).astype("uint8")
        Image.fromarray(inside).save(folder / "label" / f"{number:02d}.png")
        Image.fromarray(noisy).save(folder / "image" / f"{number:02d}.png")
    return folder


def few(name: str, n: int = 16) -> list[str]:
    """Return overrides that leave so many cases of an example whose cases are drawn."""
    return [*SHORT, *(f"{phase}.Datasets[0].params.n_cases={n}" for phase in ("Training", "Validation", "Testing"))]


@pytest.mark.parametrize("name", sorted(DRAWN))
def test_examples_that_draw_their_cases_train(name: str, tmp_path: Path) -> None:
    rows = Run(read_config(EXAMPLES / f"{name}.json", few(name)), tmp_path, tmp_path / "run").train(epochs=1).rows
    assert [row.phase for row in rows] == ["Training", "Validation"]
    assert np.isfinite(rows[-1].metrics[DRAWN[name]])


def test_the_example_of_classification_trains(shapes: Path, tmp_path: Path) -> None:
    rows = Run(read_config(EXAMPLES / "classify_shapes_2d.json", SHORT), shapes, tmp_path).train(epochs=1).rows
    assert rows[-1].metrics["accuracy"] > 0.25


def test_the_pneumonia_example_trains(shapes: Path, tmp_path: Path) -> None:
    experiment = read_config(EXAMPLES / "pneumonia.json", SHORT)
    rows = Run(experiment, two_kinds(shapes, tmp_path), tmp_path / "run").train(epochs=1).rows
    assert {*rows[-1].metrics} >= {"auroc", "accuracy"}


SMALLER = ["General.Models[0].params.n_filters=4"]
SMALLER += ["Training.Transforms[4].params.size=[48, 48]", "Training.Transforms[6].params.size=[32, 32]"]
SMALLER += ["Training.Transforms[5].params.elastic_mm=1"]


def test_the_membrane_example_trains_on_the_slices_of_its_fold(small_membranes: Path, tmp_path: Path) -> None:
    experiment = read_config(EXAMPLES / "em_membrane.json", [*SHORT, *SMALLER])
    rows = Run(experiment, small_membranes, tmp_path).train(epochs=1).rows
    assert [*rows[-1].metrics] == ["dice", "dice[membrane]", "v_rand"]


def test_the_slices_that_are_held_out_are_neighbours() -> None:
    from eisen.experiments.splits import Splits

    splits = Splits.load(EXAMPLES / "em_membrane.split.json")
    assert [fold.validation for fold in splits.folds] == [
        tuple(f"{number:02d}" for number in range(first, first + 5)) for first in (0, 5, 10, 15)
    ]


SCRIPTS = {"segment_shapes_2d": "dice[shape]", "denoise_shapes": "psnr_before", "regress_radius": "r2"}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SCRIPTS))
def test_scripts_that_draw_their_cases_run(name: str) -> None:
    done = run_script(name, "1")
    assert SCRIPTS[name] in done


def test_a_model_is_packed_served_and_asked() -> None:
    done = run_script("serve_model")
    assert "2 golden cases" in done
    assert "same as eisen predict: True labels: 0 1" in done


@pytest.mark.slow
def test_the_other_scripts_run(shapes: Path, small_membranes: Path, phantom_folder: Path, tmp_path: Path) -> None:
    assert "accuracy" in run_script("classify_shapes_2d", str(shapes), "1")
    assert "auroc[pneumonia]" in run_script("pneumonia", str(two_kinds(shapes, tmp_path)), "1")
    assert "v_rand" in run_script("em_membrane", str(small_membranes), "1", str(tmp_path / "slice.png"))
    assert (tmp_path / "slice.png").stat().st_size > 10_000
    assert "dice[kidneys]" in run_script("phantom", str(phantom_folder), "1")


def two_kinds(shapes: Path, folder: Path) -> Path:
    """Write pictures of two kinds instead of three, under the name of the radiographs."""
    with np.load(shapes / "shapes.npz") as arrays:
        known = dict(arrays)
    np.savez(
        folder / "pneumoniamnist_trainval.npz",
        **{k: np.minimum(v, 1) if "labels" in k else v for k, v in known.items()},
    )
    return folder


def run_script(name: str, *arguments: str) -> str:
    command = [sys.executable, str(EXAMPLES / f"{name}.py"), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=400).stdout


def reached(name: str, data: Path, folder: Path, seed: int = 0) -> dict[str, float]:
    """Return the metrics of the last epoch of an example in full length."""
    rows = Run(read_config(EXAMPLES / f"{name}.json", [f"General.Seed={seed}"]), data, folder).train().rows
    assert rows[-1].phase == "Validation"
    return dict(rows[-1].metrics)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_figures_on_shapes_are_reached(shapes: Path, tmp_path: Path) -> None:
    assert reached("segment_shapes_2d", tmp_path, tmp_path / "2d")["dice"] >= 0.94
    assert reached("classify_shapes_2d", shapes, tmp_path / "classes")["accuracy"] >= 0.95
    restored = reached("denoise_shapes", tmp_path, tmp_path / "restored")
    assert restored["psnr"] >= restored["psnr_before"] + 13
    assert restored["ssim"] >= 0.82
    radius = reached("regress_radius", tmp_path, tmp_path / "radius")
    assert radius["mae"] <= 0.2
    assert radius["r2"] >= 0.95


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_pneumonia_is_found_on_real_radiographs(realdata: Path, tmp_path: Path, seed: int) -> None:
    assert reached("pneumonia", realdata / "pneumoniamnist", tmp_path, seed)["auroc"] >= 0.98


@pytest.mark.slow
@pytest.mark.realdata
@pytest.mark.timeout(3600)
def test_cells_are_divided_on_real_micrographs(realdata: Path, tmp_path: Path) -> None:
    found = reached("em_membrane", realdata / "em_membrane", tmp_path)
    assert found["dice"] >= 0.78
    assert found["v_rand"] >= 0.85
