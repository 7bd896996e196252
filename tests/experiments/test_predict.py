"""Predictions lie on the grid of their input, voxel by voxel."""

from __future__ import annotations

import json

import nibabel
import numpy as np
import pytest
from experiment_parts import entry, oblique, phase, save, scan, set_hyper

from eisen._core.errors import ConfigError, GeometryError, VoxelValueError
from eisen._core.types import Geometry
from eisen.transforms.functional import restore_label_map

IDENTITY = np.eye(4)


@pytest.fixture
def predict_config(config, data_dir):
    """Predict bright voxels of the six cases, images only."""
    cases = [{"image": case["image"]} for case in json.loads((data_dir / "all.json").read_text(encoding="utf-8"))]
    (data_dir / "images.json").write_text(json.dumps(cases))
    net = entry("tiny_parts.Brightness", input_names=["image"], output_names=["predictions"])
    config["General"]["Models"] = [net]
    steps = [
        entry("eisen.transforms.NiftiToNumpy", fields=["image"]),
        entry("eisen.transforms.CropCenteredSubVolumes", fields=["image"], size=[16, 8, 8]),
        entry("eisen.transforms.AddChannelDimension", fields=["image"]),
    ]
    reader = entry("eisen.io.imaging.LoadNiftiFromFilename", fields=["image"])
    config["Prediction"] = phase("images.json", Transforms=steps, Readers=[reader])
    del config["Validation"]
    return config


@pytest.fixture
def predicted(make_run, predict_config, tmp_path):
    """Return a function that predicts with a saved model."""

    def predict(**options):
        import torch

        from eisen.config import build, read_config

        net = build(read_config(predict_config).models[0], "Models")
        (tmp_path / "artifacts/models").mkdir(parents=True, exist_ok=True)
        torch.save(net.state_dict(), tmp_path / "artifacts/models/best.pt")
        return make_run(predict_config).predict(**options)

    return predict


def truth(data_dir, path):
    return nibabel.load(data_dir / "labels" / path.name)


def dice(a, b):
    return 2 * np.logical_and(a, b).sum() / (a.sum() + b.sum())


def test_every_case_gets_a_label_map_on_its_own_grid(predicted, data_dir):
    result = predicted()
    assert [path.name for path in result.predictions] == [f"case_{i}.nii.gz" for i in range(6)]
    for path in result.predictions:
        made, reference = nibabel.load(path), truth(data_dir, path)
        assert made.shape == reference.shape
        np.testing.assert_allclose(made.affine, reference.affine, atol=1e-5)
        assert made.get_data_dtype() == np.uint8
        bright = np.asarray(nibabel.load(data_dir / "images" / path.name).dataobj) >= 0.5
        bright[:, :1], bright[:, 9:] = False, False  # outside the crop of 8 of 10 rows
        np.testing.assert_array_equal(np.asarray(made.dataobj), bright)


@pytest.mark.parametrize("affine", [np.diag([1.0, 1.0, 3.0, 1.0]), oblique()], ids=["anisotropic", "oblique"])
def test_resampled_scans_come_back_too(predicted, predict_config, data_dir, affine):
    for i in range(6):
        _, label = scan((14, 16, 12), i)
        save(data_dir / f"images/case_{i}.nii.gz", 0.8 * label.astype(np.float32), affine)
        save(data_dir / f"labels/case_{i}.nii.gz", label, affine)
    resample = entry("eisen.transforms.ResampleNiftiVolumes", fields=["image"], resolution=[0.7, 0.7, 0.7])
    steps = predict_config["Prediction"]["Transforms"]
    predict_config["Prediction"]["Transforms"] = [resample, steps[0], steps[2]]
    for path in predicted().predictions:
        made, reference = nibabel.load(path), truth(data_dir, path)
        assert made.shape == reference.shape
        np.testing.assert_allclose(made.affine, reference.affine, atol=1e-5)
        assert dice(np.asarray(made.dataobj), np.asarray(reference.dataobj)) > 0.95


def test_several_channels_are_compared(predicted, predict_config, data_dir):
    predict_config["General"]["Models"][0]["type"] = "tiny_parts.TwoClasses"
    path = predicted().predictions[2]
    assert dice(np.asarray(nibabel.load(path).dataobj), np.asarray(truth(data_dir, path).dataobj)) > 0.8


def test_channels_of_one_hot_training_mean_its_classes(predicted, predict_config):
    one_hot = entry("eisen.transforms.LabelMapToOneHot", fields=["label"], classes=[3])
    predict_config["Training"]["Transforms"].append(one_hot)
    labels = np.asarray(nibabel.load(predicted().predictions[0]).dataobj)
    assert set(np.unique(labels)) == {0, 3}


def test_workers_make_no_difference_to_predictions(predicted, predict_config, tmp_path):
    alone = [np.asarray(nibabel.load(path).dataobj) for path in predicted(output=tmp_path / "a").predictions]
    set_hyper(predict_config, ".NumWorkers", 2)
    many = [np.asarray(nibabel.load(path).dataobj) for path in predicted(output=tmp_path / "b").predictions]
    assert all(map(np.array_equal, alone, many))


def test_cases_of_one_name_get_their_folders_in_front(predicted, data_dir):
    image, _ = scan((12, 10, 8), 0)
    for folder in ("p1", "p2"):
        save(data_dir / folder / "t1.nii.gz", image)
    (data_dir / "images.json").write_text(json.dumps([{"image": f"{p}/t1.nii.gz"} for p in ("p1", "p2")]))
    assert [path.name for path in predicted().predictions] == ["p1_t1.nii.gz", "p2_t1.nii.gz"]


def test_a_step_that_loses_the_geometry_is_named(predicted, predict_config):
    predict_config["Prediction"]["Transforms"].insert(1, entry("tiny_parts.DropGeometry", fields=["image"]))
    with pytest.raises(GeometryError, match="it is not known where the voxels of 'image' are") as caught:
        predicted()
    card = caught.value.card
    assert card.step == "step 4 of 7: DropGeometry"
    assert card.config == "Prediction.Transforms[1]"
    assert card.case == "#0 (case_0.nii.gz)"
    assert "--phase Prediction --case 0" in card.reproduce


def test_filter_fields_is_told_which_field_to_keep(predicted, predict_config):
    predict_config["Prediction"]["Transforms"].append(entry("eisen.transforms.FilterFields", fields=["image"]))
    with pytest.raises(GeometryError) as caught:
        predicted()
    assert "add 'image_meta'" in caught.value.card.to_do


def test_without_a_prediction_phase_testing_is_used(predicted, predict_config):
    predict_config["Testing"] = predict_config.pop("Prediction")
    assert len(predicted().predictions) == 6


def test_without_any_phase_to_predict_the_configuration_is_wrong(predicted, predict_config):
    del predict_config["Prediction"]
    with pytest.raises(ConfigError, match="Prediction"):
        predicted()


def test_a_label_map_away_from_its_input_is_not_kept(predicted, monkeypatch, tmp_path):
    monkeypatch.setattr("eisen.io.write_nifti", lambda path, labels, affine: save(path, labels, affine + np.eye(4)))
    with pytest.raises(GeometryError, match="mm away from its input"):
        predicted()
    assert not list((tmp_path / "artifacts/predictions").iterdir())


def test_voxels_the_model_has_not_seen_are_background():
    grid = Geometry.of(IDENTITY, (6, 4, 4))
    cropped = grid.moved(IDENTITY, (3, 4, 4), "Crop")
    background_last = np.stack([np.full((3, 4, 4), 0.9), np.full((3, 4, 4), 0.1)])
    labels = restore_label_map(background_last, cropped, [7, 0])
    np.testing.assert_array_equal(labels[:3], 7)
    np.testing.assert_array_equal(labels[3:], 0)


def test_a_model_that_returns_nan_is_an_error(predicted, predict_config):
    predict_config["General"]["Models"][0]["type"] = "tiny_parts.NotANumber"
    with pytest.raises(VoxelValueError, match="NaN") as caught:
        predicted()
    assert "case_0" in caught.value.card.case
