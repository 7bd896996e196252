"""Golden cases: the same model passes on any number of threads, another one does not."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from eisen._core.errors import CorruptFileError, DataError
from eisen_deploy.packaging import pack_run
from eisen_deploy.packaging.golden import replay
from eisen_deploy.packaging.looks import Look
from eisen_deploy.packaging.synthetic import draw, sizes_to_try
from tests.deploy.trained_runs import member, opened, picture_config, said, trained, volume_config


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, phantom_folder: Path) -> Path:
    """An unpacked package that segments volumes. Not to be changed."""
    root = tmp_path_factory.mktemp("golden")
    run = trained(root, volume_config(), phantom_folder)
    opened(pack_run(run, root / "organs.mar", graph=False).path, root)
    return root / "package"


@pytest.fixture
def model(folder: Path, tmp_path: Path) -> Any:
    """Return a function that opens a copy of the package, changed before."""
    from eisen_deploy.serving.packaged import PackagedModel

    shutil.copytree(folder, tmp_path / "package")
    (tmp_path / "scratch").mkdir()
    return lambda **how: PackagedModel(tmp_path / "package", tmp_path / "scratch", "cpu", **how)


def changed_weights(folder: Path, change: Any) -> None:
    file = folder / "weights" / "0.safetensors"
    state = {name: change(value) for name, value in load_file(file).items()}
    save_file(state, file, {"format": "pt"})


@pytest.mark.parametrize("threads", [1, 2])
def test_the_model_itself_passes(model: Any, threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        opened_model = model()
        replay(opened_model)
        replay(opened_model)
    finally:
        torch.set_num_threads(before)


def test_other_weights_are_noticed_and_told(model: Any, tmp_path: Path) -> None:
    generator = torch.Generator().manual_seed(0)
    changed_weights(tmp_path / "package", lambda value: torch.randn(value.shape, generator=generator))
    with pytest.raises(DataError, match=r"golden case 1 of 2 of organs 1\.0 drifted: .* % of the voxels") as caught:
        replay(model())
    assert caught.value.card.expected == "at most 0.2 %, as package.json says"
    assert "requirements.txt (torch" in caught.value.card.to_do


def test_drift_is_seen_before_labels_flip(model: Any, tmp_path: Path) -> None:
    changed_weights(tmp_path / "package", lambda value: value * 1.5)  # which no label of a softmax notices
    with pytest.raises(DataError, match="of probability"):
        replay(model())


def test_another_preparation_is_noticed(model: Any, tmp_path: Path) -> None:
    path = tmp_path / "package" / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    steps = config["Prediction"]["Transforms"]
    steps[:] = [step for step in steps if not step["type"].endswith("ZScoreNormalization")]
    path.write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(DataError, match="drifted"):
        replay(model())


def test_a_damaged_case_is_refused(model: Any, tmp_path: Path) -> None:
    (tmp_path / "package" / "golden" / "1-output.npy").write_bytes(b"\x93NUMPY\x01\x00")
    with pytest.raises(CorruptFileError, match=r"1-output\.npy cannot be read"):
        replay(model())


def test_a_pickle_in_the_place_of_a_case_is_not_loaded(model: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "package" / "golden" / "0-output.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(CorruptFileError):
        replay(model())


def test_a_case_of_another_size_drifts(model: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "package" / "golden" / "0-output.npy", np.zeros((2, 2, 2), "uint8"))
    with pytest.raises(DataError, match="all of the voxels"):
        replay(model())


def test_no_file_of_a_case_stays(model: Any, tmp_path: Path) -> None:
    replay(model())
    assert list((tmp_path / "scratch").iterdir()) == []


def test_probabilities_of_a_classifier_are_replayed(tmp_path: Path) -> None:
    run = trained(tmp_path / "t", picture_config("kind"), tmp_path)
    packed = pack_run(run, tmp_path / "x.mar", graph=False)
    classifier = opened(packed.path, tmp_path)
    assert said(packed.path)["golden"][0]["certainty"] is None
    replay(classifier)
    changed_weights(tmp_path / "package", lambda value: value + 0.3 if value.is_floating_point() else value)
    from eisen_deploy.serving.packaged import PackagedModel

    with pytest.raises(DataError, match="of the largest value"):
        replay(PackagedModel(tmp_path / "package", tmp_path / "scratch", "cpu"))


def test_real_cases_travel_and_their_names_do_not(phantom_folder: Path, tmp_path: Path) -> None:
    import nibabel

    scan = next((phantom_folder / "imagesTr").glob("*.nii.gz"))
    run = trained(tmp_path / "t", volume_config(), phantom_folder)
    packed = pack_run(run, tmp_path / "x.mar", graph=False, golden=0, golden_cases=[str(scan)])
    (case,) = said(packed.path)["golden"]
    image = nibabel.load(scan)
    import io

    np.testing.assert_array_equal(
        np.load(io.BytesIO(member(packed.path, case["inputs"]["image"]))), np.asarray(image.dataobj)
    )
    np.testing.assert_allclose(case["affines"]["image"], image.affine, atol=1e-6)
    assert packed.notes == ["1 real case travels with the package"]
    assert "1 of real scans, which travel with this package" in member(packed.path, "MODEL_CARD.md").decode()
    assert scan.name.encode() not in packed.path.read_bytes()


def test_drawn_images_look_like_those_of_the_training() -> None:
    look = Look((20, 24, 18), (1.0, 1.0, 2.0), -1000.0, 1500.0, "int16")
    one, same, other = (draw(look, look.shape, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    assert one.dtype == np.int16
    assert -1000 <= one.min() < -800
    assert 300 < one.max() <= 1500
    assert np.abs(np.diff(one.astype(float), axis=0)).max() < 1250  # smooth
    assert draw(replace(look, channels=3), (8, 8, 8), 0).shape == (3, 8, 8, 8)


def test_drawn_images_are_small() -> None:
    for shape in ((512, 512, 300), (2000, 2000), (100, 100, 100), (3000, 3000, 2)):
        first = next(iter(sizes_to_try(shape)))
        assert np.prod(first) <= 2**18 or min(first) <= 8
        assert len(first) == len(shape)
