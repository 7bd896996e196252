"""Ensembles and test-time augmentation through a run: means, disagreement, and what does not belong together."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch
from experiment_parts import entry

from eisen._core.errors import ArgumentError, CorruptFileError, MissingFileError, ShapeError, TrainingError
from eisen.config import build, read_config
from eisen.experiments.prediction import Committee, Ensemble, Link, weights_digest
from eisen.experiments.prediction.kinds import Meaning
from eisen.utils import EisenModuleWrapper

WIRES = {"input_names": ["image"], "output_names": ["predictions"]}
GREYS = (np.arange(8) + 0.5) / 8


def bright(threshold, sharpness=4.0):
    return 1 / (1 + np.exp(-sharpness * (GREYS - threshold)))


def column(result, name):
    with result.table.open(encoding="utf-8", newline="") as file:
        return np.array([float(row[name]) for row in csv.DictReader(file)])


@pytest.fixture
def config():
    hyper = [entry(name, value=value) for name, value in {".NumWorkers": 0, ".Seed": 3, ".Device": "cpu"}.items()]
    model = entry("prediction_parts.Mean", **WIRES, sharpness=4.0)
    return {
        "General": {"Hyperparameters": hyper, "Models": [model]},
        "Prediction": {"Datasets": [entry("prediction_parts.Grey")]},
    }


@pytest.fixture
def save(config, tmp_path):
    """Return a function that saves the model with other weights and returns the file."""

    def write(name, **params):
        path = tmp_path / "config.json"
        model = {**config["General"]["Models"][0], "params": {**config["General"]["Models"][0]["params"], **params}}
        path.write_text(json.dumps({**config, "General": {**config["General"], "Models": [model]}}))
        file = tmp_path / name
        torch.save(build(read_config(path).models[0], "Models").state_dict(), file)
        return file

    return write


def ensemble_file(folder, members, **more):
    path = folder / "ensemble.json"
    content = {"format": "eisen-ensemble", "version": 1, "config": "config.json", "members": members, **more}
    path.write_text(json.dumps(content))
    return path


def test_models_together_give_the_mean_of_their_probabilities(make_run, config, save):
    files = [save("a.pt", threshold=0.4), save("b.pt", threshold=0.7), save("c.pt", threshold=0.5, sharpness=9.0)]
    result = make_run(config).predict(models=files)
    each = np.stack([bright(0.4), bright(0.7), bright(0.5, 9.0)])
    np.testing.assert_allclose(column(result, "probability[1]"), each.mean(0), atol=1e-5)
    np.testing.assert_allclose(column(result, "disagreement"), each.std(0), atol=1e-5)


def test_an_ensemble_file_is_the_same_as_its_members(make_run, config, save, tmp_path):
    files = [save("a.pt", threshold=0.4), save("b.pt", threshold=0.7)]
    one_by_one = make_run(config).predict(tmp_path / "x", models=files).table.read_bytes()
    listed = ensemble_file(tmp_path, ["a.pt", "b.pt"], temperature=None)
    assert make_run(config).predict(tmp_path / "y", models=[listed]).table.read_bytes() == one_by_one
    assert make_run(config, model=listed).predict(tmp_path / "z").table.read_bytes() == one_by_one


def test_the_temperature_of_an_ensemble_acts_on_the_mean(make_run, config, save, tmp_path):
    save("a.pt", threshold=0.4)
    save("b.pt", threshold=0.7)
    listed = ensemble_file(tmp_path, ["a.pt", "b.pt"], temperature=2.0)
    run = make_run(config)
    mean = (bright(0.4) + bright(0.7)) / 2
    cooled = np.sqrt(mean) / (np.sqrt(mean) + np.sqrt(1 - mean))
    result = run.predict(models=[listed])
    np.testing.assert_allclose(column(result, "probability[1]"), cooled, atol=1e-5)
    assert any("temperature 2" in message for message in run.observer.messages)
    without = make_run(config).predict(models=[listed], calibration=None)
    np.testing.assert_allclose(column(without, "probability[1]"), mean, atol=1e-5)


def test_augmentation_works_for_classes_and_shows_how_far_views_are_apart(make_run, config, save):
    file = save("a.pt")
    plain = make_run(config, model=file).predict().table.read_text(encoding="utf-8")
    result = make_run(config, model=file).predict(tta="flips")
    np.testing.assert_allclose(column(result, "probability[1]"), bright(0.5), atol=1e-5)
    np.testing.assert_allclose(column(result, "disagreement"), 0, atol=1e-6)
    assert "disagreement" not in plain


def test_augmentation_of_label_maps_is_the_mean_of_flipped_predictions(save, config):
    class LooksUp(torch.nn.Module):
        def forward(self, image):
            return image.roll(1, dims=2)

    net = LooksUp()
    committee = Committee(
        [EisenModuleWrapper(net, ["image"], ["p"])], lambda *_: Meaning("labels", Link("sigmoid")), "flips:0"
    )
    image = torch.randn(2, 1, 5, 4)
    mean, entropy, apart = committee(image)
    both = torch.stack([net(image).sigmoid(), net(image.flip(2)).flip(2).sigmoid()])
    torch.testing.assert_close(mean, both.mean(0))
    torch.testing.assert_close(apart, both.std(0, correction=0).mean((1, 2, 3)))
    p = both.mean(0)
    torch.testing.assert_close(entropy, (-p * p.log() - (1 - p) * (1 - p).log()).mean((1, 2, 3)))


def test_members_and_views_together_weigh_every_member_the_same():
    nets = [EisenModuleWrapper(torch.nn.Conv2d(1, 2, 3, padding=1), ["image"], ["p"]) for _ in range(3)]
    link = Link("softmax")
    committee = Committee(nets, lambda *_: Meaning("labels", link), "flips")
    image = torch.randn(1, 1, 6, 6)
    mean, _, apart = committee(image)
    axes = [[], [2], [3], [2, 3]]
    each = torch.stack([sum(net.module(image.flip(a)).softmax(1).flip(a) for a in axes) / 4 for net in nets])
    torch.testing.assert_close(mean, each.mean(0))
    torch.testing.assert_close(apart, each.std(0, correction=0).mean((1, 2, 3)))


def test_models_of_different_classes_have_no_mean():
    nets = [EisenModuleWrapper(torch.nn.Conv2d(1, n, 1), ["image"], ["p"]) for n in (2, 3)]
    with pytest.raises(ShapeError, match="no mean") as caught:
        Committee(nets, lambda *_: Meaning("labels", Link("softmax")))(torch.zeros(1, 1, 4, 4))
    assert "number of classes" in caught.value.card.expected


def test_a_member_of_another_model_is_named(make_run, config, save, tmp_path):
    good, other = save("a.pt"), tmp_path / "other.pt"
    torch.save(torch.nn.Conv2d(1, 3, 1).state_dict(), other)
    with pytest.raises(TrainingError, match=r"other\.pt do not fit"):
        make_run(config).predict(models=[good, other])


def test_a_missing_member_is_named_before_anything_is_computed(make_run, config, save, tmp_path):
    save("a.pt")
    with pytest.raises(MissingFileError, match=r"no model .*gone\.pt of the ensemble") as caught:
        make_run(config).predict(models=[ensemble_file(tmp_path, ["a.pt", "gone.pt"])])
    assert "all 2 members" in caught.value.card.expected


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "zip"}, "format"),
        ({"version": 2}, "version is 2"),
        ({"members": []}, "members"),
        ({"members": "a.pt"}, "members"),
        ({"temperature": 0}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
    ],
)
def test_a_wrong_ensemble_file_is_named(change, message, tmp_path):
    path = ensemble_file(tmp_path, ["a.pt"])
    path.write_text(json.dumps({**json.loads(path.read_text(encoding="utf-8")), **change}))
    with pytest.raises(CorruptFileError, match=message):
        Ensemble.of([path])


def test_files_that_cannot_be_one_ensemble(tmp_path, save):
    file, listed = save("a.pt"), ensemble_file(tmp_path, ["a.pt"])
    with pytest.raises(ArgumentError, match="stands beside other models"):
        Ensemble.of([file, listed])
    with pytest.raises(ArgumentError, match="named twice"):
        Ensemble.of([file, file])
    listed.write_text("{")
    with pytest.raises(CorruptFileError, match="cannot be read"):
        Ensemble.of([listed])
    with pytest.raises(MissingFileError, match="no ensemble"):
        Ensemble.of([tmp_path / "none.json"])


def test_a_wrong_augmentation_is_named_before_the_run(make_run, config, save, tmp_path):
    with pytest.raises(ArgumentError, match="no test-time augmentation 'mirror'"):
        make_run(config, model=save("a.pt")).predict(tta="mirror")
    assert not (tmp_path / "artifacts/predict.json").exists()


def test_the_digest_is_that_of_the_numbers():
    net = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
    same = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 3), torch.nn.BatchNorm2d(2))
    assert weights_digest([net]) != weights_digest([same])
    same.load_state_dict(net.state_dict())
    assert weights_digest([EisenModuleWrapper(same, ["image"], ["p"])]) == weights_digest([net])
    with torch.no_grad():
        same[1].bias[0] += 1e-7
    assert weights_digest([net]) != weights_digest([same])
    assert weights_digest([net, net]) != weights_digest([net])
