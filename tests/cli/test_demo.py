"""The demonstration: it ships with the package, it works when it is tiny, and it is good when it is not."""

from __future__ import annotations

import json
import shlex
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from eisen_cli.demo.slices import PLANES, Volume, dice_per_class, informative_slices, read_canonical

from .conftest import ROOT, Invoke


def shipped() -> str:
    return resources.files("eisen_cli.demo").joinpath("phantom.json").read_text(encoding="utf-8")


def test_the_example_is_the_file_that_ships() -> None:
    assert (ROOT / "examples" / "phantom.json").read_text(encoding="utf-8") == shipped()


def test_a_tiny_demonstration_leaves_everything_it_speaks_of(invoke: Invoke, tmp_path: Path) -> None:
    from PIL import Image

    folder = tmp_path / "demo"
    done = invoke("demo", folder, "--epochs", 1, "--cases", 2, "--size", 16, "--json")
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert 0 <= document["mean_dice"] <= 1
    assert len(document["dice"]) == 1
    with Image.open(folder / "overlay.png") as picture:
        assert min(picture.size) > 500
    for command in document["try_next"]:
        words = shlex.split(command)
        assert words[0] == "eisen"
        assert Path(words[2]).is_file()
        assert Path(words[words.index("--data_dir") + 1]).is_dir()
    assert "Three commands to try next" in done.stderr


@pytest.mark.slow
def test_the_commands_to_try_next_work(invoke: Invoke, tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    done = invoke("demo", folder, "--epochs", 1, "--cases", 2, "--size", 16, "--json")
    for command in json.loads(done.stdout)["try_next"]:
        words = ["1" if word == "10" else word for word in shlex.split(command)[1:]]
        again = invoke(*words)
        assert again.exit_code == 0, again.output


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_the_whole_demonstration_segments_well(invoke: Invoke, tmp_path: Path) -> None:
    done = invoke("demo", tmp_path, "--json")
    assert json.loads(done.stdout)["mean_dice"] >= 0.85


def write_nifti(path: Path, values: np.ndarray, affine: np.ndarray) -> Path:
    import nibabel

    nibabel.save(nibabel.Nifti1Image(values, affine), path)
    return path


def test_patient_right_is_on_the_left_and_front_and_head_are_up(tmp_path: Path) -> None:
    values = np.zeros((4, 6, 8), np.int16)
    values[-1, -1, -1] = 7  # the most right, anterior and superior voxel
    volume = read_canonical(write_nifti(tmp_path / "a.nii", values, np.diag([1.0, 2.0, 3.0, 1.0])))
    axial, coronal, sagittal = (plane.cut(volume.values, volume.values.shape[plane.axis] - 1) for plane in PLANES)
    assert axial.shape == (6, 4)
    assert coronal.shape == (8, 4)
    assert sagittal.shape == (8, 6)
    for picture in (axial, coronal, sagittal):
        assert picture[0, 0] == 7


def test_flipped_files_show_the_same_picture(tmp_path: Path) -> None:
    values = np.arange(4 * 6 * 8, dtype=np.int16).reshape(4, 6, 8)
    straight = write_nifti(tmp_path / "a.nii", values, np.diag([1.0, 2.0, 3.0, 1.0]))
    turned = np.diag([-1.0, 2.0, 3.0, 1.0])
    turned[0, 3] = 3.0
    flipped = write_nifti(tmp_path / "b.nii", values[::-1], turned)
    first, second = read_canonical(straight), read_canonical(flipped)
    np.testing.assert_array_equal(first.values, second.values)
    assert first.spacing_mm == second.spacing_mm == (1.0, 2.0, 3.0)
    assert first.extent_mm(2) == 24.0


def test_slices_show_as_many_organs_as_possible() -> None:
    labels = np.zeros((10, 10, 10), np.uint8)
    labels[2:5, 2:5, 1:7] = 1
    labels[6:9, 6:9, 5:9] = 2
    assert informative_slices(labels)[2] in (5, 6)
    assert informative_slices(np.zeros((4, 6, 8), np.uint8)) == (2, 3, 4)


def test_dice_of_an_organ_that_was_missed_is_zero() -> None:
    assert dice_per_class(np.array([1, 1, 0]), np.array([0, 0, 0])) == {1: 0.0}
    assert dice_per_class(np.array([0]), np.array([1])) == {}


def test_an_overlay_without_any_label_is_still_a_picture(tmp_path: Path) -> None:
    from eisen_cli.demo.overlay import draw_overlay

    random = np.random.default_rng(0)
    image = write_nifti(tmp_path / "i.nii", random.random((8, 9, 5)).astype(np.float32), np.diag([1.0, 1.0, 4.0, 1.0]))
    empty = write_nifti(tmp_path / "l.nii", np.zeros((8, 9, 5), np.uint8), np.diag([1.0, 1.0, 4.0, 1.0]))
    mean = draw_overlay(image, empty, empty, {1: "liver"}, tmp_path / "o.png", "nothing")
    assert np.isnan(mean)
    assert (tmp_path / "o.png").stat().st_size > 10_000


def test_a_volume_knows_its_size_in_millimetres() -> None:
    assert Volume(np.zeros((2, 3, 4)), (1.0, 1.5, 2.0)).extent_mm(1) == 4.5
