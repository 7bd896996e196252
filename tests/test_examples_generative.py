"""The examples that make images, and that of VGG3D: a short run each, and their figures in `make test-all`."""

from __future__ import annotations

import runpy
import subprocess
import sys
from pathlib import Path

import nibabel
import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from eisen.config import read_config
from eisen.experiments import Run
from eisen.experiments.generate import generate

EXAMPLES = Path(__file__).parents[1] / "examples"
GANS = ("gan_phantom_2d", "gan_phantom_2d_wgan_gp", "gan_phantom_3d")
SMALL = [
    "General.Threads=1",
    "Training.Datasets[0].params.n_cases=48",
    "Training.BatchSize=16",
    "Validation.Datasets[0].params.n_cases=16",
]


def voxels(path: Path) -> np.ndarray:
    """Return a generated image, positive where it is bright."""
    if path.suffix == ".png":
        return np.asarray(Image.open(path)) - 127.5
    return np.asarray(nibabel.load(path).dataobj)


def is_one_shape(image: np.ndarray) -> bool:
    """Tell whether there is exactly one bright piece, of a size that occurs among the real images."""
    unit = np.pi if image.ndim == 2 else 4 / 3 * np.pi
    smallest, largest = (unit * (share * image.shape[0]) ** image.ndim for share in (0.14, 0.26))
    inside = image > 0
    return bool(ndimage.label(inside)[1] == 1 and 0.75 * smallest <= inside.sum() <= 1.25 * largest)


@pytest.mark.parametrize("name", GANS)
def test_a_gan_trains_and_generates(name: str, tmp_path: Path) -> None:
    experiment = read_config(EXAMPLES / f"{name}.json", SMALL)
    rows = Run(experiment, tmp_path, tmp_path / "run").train(epochs=1).rows
    assert set(rows[0].losses) == {"generator_loss", "discriminator_loss"}
    assert rows[1].metrics["distance"] > 0
    made = generate(experiment, tmp_path / "run/models/best.pt", tmp_path / "images", n=2)
    assert len(made.images) == 2
    assert made.grid.exists()


def test_vgg_learns_to_tell_balls_from_cubes(tmp_path: Path) -> None:
    small = ["General.Threads=1", "Training.Datasets[0].params.n_cases=64", "Validation.Datasets[0].params.n_cases=16"]
    run = Run(read_config(EXAMPLES / "classify_shapes_3d.json", small), tmp_path, tmp_path / "run")
    assert {row.phase for row in run.train(epochs=1).rows} == {"Training", "Validation"}


@pytest.mark.parametrize(
    ("script", "words", "last"),
    [
        ("gan_phantom_2d.py", ["gan", "0"], " of 100"),
        ("gan_phantom_2d.py", ["wgan-gp", "0"], " of 100"),
        ("gan_phantom_3d.py", ["0"], " of 100"),
        ("classify_shapes_3d.py", ["0"], "accuracy on volumes not seen before"),
    ],
)
def test_the_scripts_go_through_without_training(
    script: str,
    words: list[str],
    last: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [script, *words])
    runpy.run_path(str(EXAMPLES / script), run_name="__main__")
    assert last in capsys.readouterr().out
    if script.startswith("gan"):
        assert list((tmp_path / "artifacts").iterdir())


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", GANS)
def test_at_least_eighty_of_a_hundred_generated_images_hold_one_shape(name: str, tmp_path: Path) -> None:
    experiment = read_config(EXAMPLES / f"{name}.json")
    rows = Run(experiment, tmp_path, tmp_path / "run").train().rows
    assert min(row.metrics["distance"] for row in rows if row.phase == "Validation") < 0.2
    made = generate(experiment, tmp_path / "run/models/best.pt", tmp_path / "images", n=100)
    assert sum(is_one_shape(voxels(path)) for path in made.images) >= 80


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("script", "words", "least"),
    [
        ("gan_phantom_2d.py", [], 80),
        ("gan_phantom_2d.py", ["wgan-gp"], 80),
        ("gan_phantom_3d.py", [], 80),
        ("classify_shapes_3d.py", [], 0.95),
    ],
)
def test_the_scripts_reach_their_figures(script: str, words: list[str], least: float, tmp_path: Path) -> None:
    figure = said(script, words, tmp_path).splitlines()[-1].rpartition(": ")[2]
    assert float(figure.removesuffix(" of 100")) >= least


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_balls_and_cubes_are_told_apart(tmp_path: Path) -> None:
    run = Run(read_config(EXAMPLES / "classify_shapes_3d.json"), tmp_path, tmp_path / "run")
    run.train()
    assert run.test().rows[-1].metrics["accuracy"] >= 0.95


def said(script: str, words: list[str], folder: Path) -> str:
    command = [sys.executable, str(EXAMPLES / script), *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=1700).stdout
