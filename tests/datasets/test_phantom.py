from __future__ import annotations

import json

import nibabel
import numpy as np
import pytest

from eisen._core.errors import ArgumentError, ArtifactError
from eisen.datasets import MSDDataset, make_phantoms
from eisen.datasets.phantom import phantom
from eisen.datasets.phantom_anatomy import Anatomy


@pytest.fixture(scope="module")
def drawn():
    return [phantom(np.random.default_rng([0, n])) for n in range(6)]


def test_the_layout_is_that_of_the_decathlon(phantom_folder):
    content = json.loads((phantom_folder / "dataset.json").read_text(encoding="utf-8"))
    assert set(content["labels"]) == {"0", "1", "2", "3"}
    assert (content["numTraining"], content["numTest"]) == (6, 1)
    train = json.loads((phantom_folder / "dataset_train.json").read_text(encoding="utf-8"))["training"]
    held_out = json.loads((phantom_folder / "dataset_val.json").read_text(encoding="utf-8"))["training"]
    assert (len(train), len(held_out)) == (4, 2)
    assert train + held_out == content["training"]
    assert len(MSDDataset(phantom_folder, "dataset.json", "test")) == 1
    for case in content["training"]:
        image, label = (nibabel.load(phantom_folder / case[field]) for field in ("image", "label"))
        assert image.get_data_dtype() == "int16"
        assert label.get_data_dtype() == "uint8"
        assert image.shape == label.shape
        assert np.array_equal(image.affine, label.affine)
        assert set(np.unique(np.asanyarray(label.dataobj))) == {0, 1, 2, 3}


def test_the_same_seed_gives_the_same_bytes(tmp_path):
    for name in ("a", "b"):
        make_phantoms(tmp_path / name, 1, 1, 1, seed=3, size=16)
    make_phantoms(tmp_path / "c", 1, 1, 1, seed=4, size=16)
    files = sorted(path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*.*"))
    assert len(files) == 8
    assert all((tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes() for file in files)
    image = "imagesTr/phantom_000.nii.gz"
    assert (tmp_path / "a" / image).read_bytes() != (tmp_path / "c" / image).read_bytes()


def test_every_case_has_its_own_size_place_and_scale(drawn):
    assert len({image.shape for image, _, _ in drawn}) >= len(drawn) - 1
    tops = [np.percentile(image, 99) for image, _, _ in drawn]
    assert max(tops) > 3 * min(tops)
    for image, _, affine in drawn:
        assert 24 <= image.shape[2] <= 36
        assert all(36 <= n <= 60 for n in image.shape[:2])
        assert nibabel.aff2axcodes(affine) == ("R", "A", "S")
        assert not np.allclose(affine[:3, :3], np.diag(np.diag(affine[:3, :3])))
        spacing = nibabel.affines.voxel_sizes(affine)
        assert spacing[2] > 1.4 * spacing[0]


def test_brightness_does_not_tell_the_organs(drawn):
    """The best window for an organ finds it, with all its look-alikes, at a Dice far below what shape gives."""
    for image, label, _ in drawn:
        for organ in (1, 2, 3):
            inside = label == organ
            windows = np.percentile(image[inside], [[5, 95], [10, 90], [20, 80]])
            for low, high in windows:
                found = (image >= low) & (image <= high)
                assert 2 * (found & inside).sum() / (found.sum() + inside.sum()) < 0.6


def test_organs_are_where_they_belong(drawn):
    for _, label, affine in drawn:
        middles = {}
        for organ in (1, 2, 3):
            index = np.argwhere(label == organ).mean(0)
            middles[organ] = affine[:3, :3] @ index + affine[:3, 3]
        assert middles[1][0] > 3  # liver: right
        assert middles[2][0] < -6  # spleen: left
        assert middles[3][1] < middles[1][1]  # kidneys: behind
        assert middles[3][2] < middles[1][2]  # and below


def test_organs_are_large_enough_to_learn(drawn):
    for _, label, _ in drawn:
        assert all((label == organ).sum() > 150 for organ in (1, 2, 3))


def test_shapes_are_distances_in_mm():
    body = Anatomy(np.random.default_rng(0), np.diag([1.0, 1.0, 1.0, 1.0]), (41, 41, 41))
    body.points -= body.points[:, 20:21, 20:21, 20:21]
    ball = body.ellipsoid((0, 0, 0), (10, 10, 10))
    assert ball[20, 20, 20] == pytest.approx(10)
    assert (ball > 0).sum() == pytest.approx(4 / 3 * np.pi * 1000, rel=0.03)
    body.paint(ball, 0.5, 2)
    assert body.image[20, 20, 20] == 0.5
    assert np.array_equal(body.label == 2, ball > 0)
    body.paint(ball - 5, 1.0)
    assert body.label[20, 20, 20] == 0


def test_size_keeps_the_body_and_changes_the_voxels():
    small, large = (phantom(np.random.default_rng(0), size) for size in (24, 48))
    assert small[0].size * 6 < large[0].size
    volumes = [(label > 0).sum() * abs(np.linalg.det(affine)) for _, label, affine in (small, large)]
    assert volumes[0] == pytest.approx(volumes[1], rel=0.25)


@pytest.mark.parametrize(
    "arguments", [{"n_training": 0}, {"n_validation": -1}, {"n_test": 1.5}, {"seed": -1}, {"size": 8}]
)
def test_wrong_arguments_are_refused(tmp_path, arguments):
    with pytest.raises(ArgumentError, match=next(iter(arguments))):
        make_phantoms(tmp_path, **arguments)


def test_a_folder_that_cannot_be_made_is_an_artifact_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ArtifactError, match="could not be written"):
        make_phantoms(tmp_path / "file" / "phantoms", 1, 0, 0, size=16)
