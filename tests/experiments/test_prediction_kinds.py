"""Every task: classes and values in a table, images and label maps on the grid of volumes and pictures."""

from __future__ import annotations

import csv
import json

import nibabel
import numpy as np
import pytest
import torch
from experiment_parts import entry, save
from PIL import Image

from eisen._core.errors import ArgumentError, GeometryError
from eisen.config import build, read_config
from eisen.experiments.prediction.links import Link, declared_activation, link_of
from eisen.experiments.prediction.table import ClassNames

WIRES = {"input_names": ["image"], "output_names": ["predictions"]}


def table_of(result):
    with result.table.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def predict(make_run, tmp_path):
    """Return a function that saves the model of a configuration as it was built and predicts with it."""

    def run(config, **options):
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config))
        model = build(read_config(path).models[0], "Models")
        (tmp_path / "artifacts/models").mkdir(parents=True, exist_ok=True)
        torch.save(model.state_dict(), tmp_path / "artifacts/models/best.pt")
        return make_run(config).predict(**options)

    return run


def config_of(model, dataset, *, steps=(), readers=(), losses=(), labels=None):
    settings = {".BatchSize": 2, ".NumWorkers": 0, ".Seed": 3, ".Device": "cpu", ".Labels": labels}
    hyper = [entry(name, value=value) for name, value in settings.items() if value is not None]
    return {
        "General": {"Hyperparameters": hyper, "Models": [model]},
        "Prediction": {"Datasets": [dataset], "Readers": list(readers), "Transforms": list(steps)},
        "Validation": {"Datasets": [dataset], "Readers": list(readers), "Losses": list(losses)},
    }


def loss(name):
    return entry(name, input_names=["predictions", "label"], output_names=["loss"])


def mean(**params):
    return entry("prediction_parts.Mean", **WIRES, **params)


GREY = entry("prediction_parts.Grey")


def test_classes_get_names_and_probabilities_in_a_table(predict):
    rows = table_of(predict(config_of(mean(sharpness=4.0), GREY, labels={"1": "bright"})))
    assert [row["case"] for row in rows] == [f"case_{i:04d}" for i in range(8)]
    assert [row["predicted"] for row in rows] == ["0"] * 4 + ["bright"] * 4
    likely = 1 / (1 + np.exp(-4 * ((np.arange(8) + 0.5) / 8 - 0.5)))
    np.testing.assert_allclose([float(row["probability[bright]"]) for row in rows], likely, atol=1e-5)
    np.testing.assert_allclose([float(row["probability[0]"]) for row in rows], 1 - likely, atol=1e-5)
    entropy = -likely * np.log(likely) - (1 - likely) * np.log(1 - likely)
    np.testing.assert_allclose([float(row["entropy"]) for row in rows], entropy, atol=1e-5)
    assert "disagreement" not in rows[0], "one model agrees with itself"


def test_a_single_score_is_one_class_against_none(predict):
    rows = table_of(predict(config_of(mean(classes=1), GREY, labels={"0": "dark", "1": "bright"})))
    assert [row["predicted"] for row in rows] == ["dark"] * 4 + ["bright"] * 4
    assert [name for name in rows[0] if "probability" in name] == ["probability[bright]"]


def test_logits_between_0_and_1_are_still_logits(predict):
    rows = table_of(predict(config_of(mean(sharpness=0.1), GREY)))
    assert all(0.4 < float(row["probability[0]"]) < 0.6 for row in rows)


def test_a_regression_writes_values(predict):
    model = entry("prediction_parts.MeanValue", **WIRES, sharpness=2.0)
    rows = table_of(predict(config_of(model, GREY, losses=[loss("torch.nn.MSELoss")])))
    np.testing.assert_allclose([float(row["value"]) for row in rows], 2 * (np.arange(8) + 0.5) / 8, atol=1e-6)
    assert list(rows[0]) == ["case", "value"]
    assert "value" in table_of(predict(config_of(model, GREY), kind="values"))[0]


def volumes(data_dir, model, **more):
    steps = [
        entry("eisen.transforms.NiftiToNumpy", fields=["image"]),
        entry("eisen.transforms.CropCenteredSubVolumes", fields=["image"], size=[16, 8, 8]),
        entry("eisen.transforms.AddChannelDimension", fields=["image"]),
    ]
    cases = [{"image": f"images/case_{i}.nii.gz"} for i in range(3)]
    (data_dir / "images.json").write_text(json.dumps(cases))
    reader = entry("eisen.io.LoadNiftiFromFilename", fields=["image"])
    dataset = entry("eisen.datasets.JsonDataset", json_file="images.json")
    return config_of(model, dataset, steps=steps, readers=[reader], **more)


def test_a_reconstruction_writes_images_on_the_native_grid(predict, data_dir):
    model = entry("prediction_parts.Twice", **WIRES)
    result = predict(volumes(data_dir, model, losses=[loss("torch.nn.L1Loss")]))
    assert "images" in [what for _, what in result.artifacts]
    for path, row in zip(result.predictions, table_of(result), strict=True):
        made, source = nibabel.load(path), nibabel.load(data_dir / "images" / path.name)
        np.testing.assert_allclose(made.affine, source.affine, atol=1e-5)
        twice = 2 * np.asarray(source.dataobj)
        twice[:, :1], twice[:, 9:] = 0, 0  # outside of the crop of 8 of 10 rows
        np.testing.assert_allclose(np.asarray(made.dataobj), twice, atol=1e-5)
        assert made.get_data_dtype() == np.float32
        assert row["file"] == path.name


def test_probability_maps_lie_on_the_native_grid(predict, data_dir):
    model = entry("prediction_parts.Threshold", **WIRES, sharpness=5.0, classes=2)
    labels, likely = predict(volumes(data_dir, model), probabilities=True).predictions[:2]
    assert likely.name == "case_0_probabilities.nii.gz"
    values = np.asarray(nibabel.load(likely).dataobj)
    assert values.shape == (*nibabel.load(labels).shape, 2)
    image = np.asarray(nibabel.load(data_dir / "images/case_0.nii.gz").dataobj)[:, 1:9]
    np.testing.assert_allclose(values[:, 1:9, :, 1], 1 / (1 + np.exp(-5 * (image - 0.5))), atol=1e-5)
    assert not values[:, :1].any(), "nothing is known about what the model has not seen"


@pytest.fixture
def pictures(data_dir):
    for i, shape in enumerate([(12, 20), (16, 8)]):
        pixels = np.zeros(shape, np.uint8)
        pixels[2:5, 3:7] = 200
        (data_dir / "photos").mkdir(exist_ok=True)
        Image.fromarray(pixels).save(data_dir / f"photos/{i}.png")
    cases = [{"image": f"photos/{i}.png"} for i in range(2)]
    (data_dir / "photos.json").write_text(json.dumps(cases))
    model = entry("prediction_parts.Threshold", **WIRES, threshold=100.0, classes=2)
    return config_of(
        model,
        entry("eisen.datasets.JsonDataset", json_file="photos.json"),
        readers=[entry("eisen.io.LoadPILImageFromFilename", fields=["image"])],
        steps=[entry("eisen.transforms.PilToNumpy", fields=["image"], multichannel=True)],
    )


def test_pictures_get_png_label_maps_of_their_size(predict, pictures, data_dir):
    result = predict(pictures, probabilities=True)
    assert [path.name for path in result.predictions] == [
        "0.png",
        "0_probabilities.npy",
        "1.png",
        "1_probabilities.npy",
    ]
    for path in result.predictions[::2]:
        source = np.asarray(Image.open(data_dir / "photos" / path.name))
        np.testing.assert_array_equal(np.asarray(Image.open(path)), source > 100)
    assert np.load(result.predictions[1]).shape == (2, 12, 20)


def test_a_picture_that_was_scaled_is_refused(predict, pictures):
    pictures["Prediction"]["Transforms"].append(
        entry("eisen.transforms.Resize", fields=["image"], size=[8, 8], spatial_dims=2)
    )
    with pytest.raises(GeometryError, match="8 x 8 pixels of a picture of 12 x 20") as caught:
        predict(pictures)
    assert "0.png" in caught.value.card.case


def test_a_volume_of_one_slice_is_a_picture_with_a_place(predict, data_dir):
    affine = np.diag([2.0, 2.0, 5.0, 1.0])
    pixels = np.zeros((10, 12, 1), np.float32)
    pixels[3:6, 2:9] = 1
    save(data_dir / "images/case_0.nii.gz", pixels, affine)
    (data_dir / "one.json").write_text(json.dumps([{"image": "images/case_0.nii.gz"}]))
    config = volumes(data_dir, entry("prediction_parts.Threshold", **WIRES))
    config["Prediction"]["Datasets"] = [entry("eisen.datasets.JsonDataset", json_file="one.json")]
    config["Prediction"]["Transforms"] = [
        entry("eisen.transforms.NiftiToNumpy", fields=["image"]),
        entry("eisen.transforms.AddChannelDimension", fields=["image"]),
        entry("prediction_steps.FirstSlice"),
    ]
    made = nibabel.load(predict(config).predictions[0])
    np.testing.assert_array_equal(np.asarray(made.dataobj), pixels)
    np.testing.assert_allclose(made.affine, affine)


@pytest.mark.parametrize(("kind", "message"), [("lables", "output kind"), ("labels", "cannot be written as labels")])
def test_kinds_that_do_not_fit_are_named(predict, kind, message):
    with pytest.raises(ArgumentError, match=message) as caught:
        predict(config_of(mean(), GREY), kind=kind)
    assert "labels" in caught.value.card.to_do or "classes" in caught.value.card.expected


def test_the_table_has_the_cases_before_an_error(predict, pictures, data_dir, tmp_path):
    (data_dir / "photos/1.png").write_bytes(b"no picture")
    with pytest.raises(Exception, match=r"1\.png"):
        predict(pictures)
    assert (
        (tmp_path / "artifacts/predictions/predictions.csv")
        .read_text(encoding="utf-8")
        .splitlines()[1]
        .startswith("0,0.png")
    )


def test_what_the_model_has_applied_already_is_not_applied_again():
    from eisen.models import UNet

    values = torch.tensor([[0.2, 0.9]])
    net = UNet(1, 1, n_filters=16, outputs_activation="sigmoid")
    link = link_of(values, declared=declared_activation(net))
    assert link == Link("sigmoid", applied=True)
    assert torch.equal(link.probabilities(values), values)
    assert declared_activation(UNet(1, 1, n_filters=16, outputs_activation="none")) == "none"
    assert declared_activation(torch.nn.Linear(1, 1)) is None


@pytest.mark.parametrize(
    ("values", "options", "link"),
    [
        ([[3.0, -1.0]], {}, Link("softmax")),
        ([[3.0]], {}, Link("sigmoid")),
        ([[0.25, 0.75]], {}, Link("softmax", applied=True)),
        ([[0.3]], {}, Link("sigmoid", applied=True)),
        ([[0.3]], {"declared": "none"}, Link("sigmoid")),
        ([[0.3]], {"trained": Link("sigmoid")}, Link("sigmoid")),
        ([[0.3, 0.3]], {"asked": "none"}, Link("sigmoid", applied=True)),
        ([[0.3, 0.7]], {"asked": "sigmoid"}, Link("sigmoid")),
        ([[3.0, 0.7]], {"trained": Link("sigmoid")}, Link("sigmoid")),
    ],
)
def test_how_outputs_become_probabilities(values, options, link):
    assert link_of(torch.tensor(values), **options) == link


def test_an_unknown_activation_is_named():
    with pytest.raises(ArgumentError, match="tanh"):
        link_of(torch.zeros(1, 1), "tanh")


@pytest.mark.parametrize("link", [Link("softmax"), Link("sigmoid")])
def test_logits_and_probabilities_belong_together(link):
    logits = torch.randn(5, 3, dtype=torch.float64)
    likely = link.probabilities(logits)
    torch.testing.assert_close(link.probabilities(link.logits(likely), 1.0), likely)
    applied = Link(link.kind, applied=True)
    torch.testing.assert_close(applied.probabilities(likely, 3.0), link.probabilities(logits, 3.0))


def test_overlapping_classes_are_all_named():
    names = ClassNames([0, 1, 2], {1: "oedema", 2: "effusion"}, exclusive=False)
    assert names.row([0.1, 0.7, 0.9])["predicted"] == "oedema;effusion"
    assert names.row([0.1, 0.2, 0.3])["predicted"] == ""
