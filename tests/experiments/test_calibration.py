"""Temperature: recovered from drawn classes, no decision changed, and used for exactly the models it was fitted for."""

from __future__ import annotations

import csv
import json

import numpy as np
import pytest
import torch
from experiment_parts import entry

from eisen._core.errors import ArgumentError, ConfigError, CorruptFileError, MissingFieldError, ShapeError
from eisen.config import build, read_config
from eisen.experiments.prediction import fit_temperature, negative_log_likelihood, read_calibration, reliability
from eisen.experiments.prediction.links import Link
from eisen.experiments.prediction.temperature import LIMITS

WIRES = {"input_names": ["image"], "output_names": ["predictions"]}


def drawn(n=40_000, classes=4, seed=0):
    """Return logits and classes drawn with exactly these probabilities."""
    rng = np.random.default_rng(seed)
    logits = 2 * rng.normal(size=(n, classes))
    return logits, (logits + rng.gumbel(size=logits.shape)).argmax(1)


def likely(logits, kind="softmax"):
    return Link(kind).probabilities(torch.as_tensor(logits)).numpy()


@pytest.mark.parametrize("factor", [0.5, 1.0, 3.0])
def test_the_temperature_of_classes_is_recovered(factor):
    logits, classes = drawn()
    assert fit_temperature(factor * logits, classes) == pytest.approx(factor, rel=0.02)


@pytest.mark.parametrize("factor", [0.4, 2.5])
def test_the_temperature_of_things_that_are_there_or_not_is_recovered(factor):
    rng = np.random.default_rng(1)
    logits = 2 * rng.normal(size=(30_000, 2))
    there = (rng.random(logits.shape) < 1 / (1 + np.exp(-logits))).astype(float)
    assert fit_temperature(factor * logits, there) == pytest.approx(factor, rel=0.02)


def test_no_decision_changes_and_probabilities_become_honest():
    logits, classes = drawn()
    sure = 3 * logits
    temperature = fit_temperature(sure, classes)
    before, after = likely(sure), likely(sure / temperature)
    np.testing.assert_array_equal(before.argmax(1), after.argmax(1))
    assert reliability(before, classes).share_right == reliability(after, classes).share_right
    assert reliability(before, classes).error > 0.15
    assert reliability(after, classes).error < 0.01
    assert negative_log_likelihood(after, classes) < negative_log_likelihood(before, classes)


@pytest.mark.parametrize("right", [True, False])
def test_cases_that_leave_the_temperature_open_give_its_limit(right):
    logits = np.tile([[4.0, 0.0], [0.0, 4.0]], (20, 1))
    classes = np.tile([0, 1] if right else [1, 0], 20)
    assert fit_temperature(logits, classes) == pytest.approx(LIMITS[0 if right else 1])


@pytest.mark.parametrize("n_bins", [10, 15])
def test_the_calibration_error_is_that_of_torchmetrics(n_bins):
    from torchmetrics.functional.classification import multiclass_calibration_error

    logits, classes = drawn(2000)
    p = likely(2 * logits)
    reference = multiclass_calibration_error(torch.as_tensor(p), torch.as_tensor(classes), 4, n_bins)
    assert reliability(p, classes, n_bins).error == pytest.approx(float(reference), abs=1e-6)
    binary = multiclass_calibration_error(
        torch.as_tensor(np.stack([1 - p[:, 0], p[:, 0]], 1)), torch.as_tensor(classes == 0).long(), 2, n_bins
    )
    assert reliability(p[:, :1], (classes == 0)[:, None], n_bins).error == pytest.approx(float(binary), abs=1e-6)


def test_the_likelihood_is_that_of_scikit_learn():
    from sklearn.metrics import log_loss

    logits, classes = drawn(500)
    assert negative_log_likelihood(likely(logits), classes) == pytest.approx(log_loss(classes, likely(logits)))
    there = classes == 0
    assert negative_log_likelihood(likely(logits)[:, :1], there[:, None]) == pytest.approx(
        log_loss(there, likely(logits)[:, 0])
    )


def test_shapes_that_do_not_belong_together_are_named():
    with pytest.raises(ShapeError, match="do not belong together"):
        fit_temperature(np.zeros((4, 2)), np.zeros(3))
    with pytest.raises(ShapeError, match="do not belong together"):
        reliability(np.zeros((4, 2)), np.zeros((4, 3)))
    with pytest.raises(ArgumentError, match="not finite"):
        fit_temperature(np.full((4, 2), np.nan), np.zeros(4))
    with pytest.raises(ArgumentError, match="no case"):
        reliability(np.zeros((0, 2)), np.zeros(0))


# -- through a run ------------------------------------------------------------------------------------------------


@pytest.fixture
def config():
    """A classifier of grey values whose classes are drawn from the grey value, so far too sure of itself."""
    hyper = [entry(name, value=value) for name, value in {".NumWorkers": 0, ".Seed": 3, ".Device": "cpu"}.items()]
    data = {"Datasets": [entry("prediction_parts.Grey", n=200)]}
    loss = entry("torch.nn.CrossEntropyLoss", input_names=["predictions", "label"], output_names=["loss"])
    model = entry("prediction_parts.Mean", **WIRES, sharpness=40.0)
    return {
        "General": {"Hyperparameters": hyper, "Models": [model]},
        "Validation": {**data, "Losses": [loss]},
        "Prediction": data,
    }


@pytest.fixture
def ready(make_run, config, tmp_path):
    """Return a function that gives a run with the model saved as it was built, or with other weights."""

    def run(name="best.pt", **weights):
        path = tmp_path / "config.json"
        path.write_text(json.dumps(config))
        model = build(read_config(path).models[0], "Models")
        with torch.no_grad():
            for weight, value in weights.items():
                getattr(model, weight).fill_(value)
        (tmp_path / "artifacts/models").mkdir(parents=True, exist_ok=True)
        torch.save(model.state_dict(), tmp_path / "artifacts/models" / name)
        return make_run(config)

    return run


def probabilities_of(result):
    with result.table.open(encoding="utf-8", newline="") as file:
        return np.array([float(row["probability[1]"]) for row in csv.DictReader(file)])


def test_a_calibration_is_written_and_used(ready, tmp_path):
    found = ready().calibrate()
    record = read_calibration(tmp_path / "artifacts/calibration.json")
    assert record.temperature > 3
    assert found.calibration["advice"] == "the model is too sure of itself"
    assert record.after["ece"] < record.before["ece"] / 2
    assert record.after["nll"] < record.before["nll"]
    assert record.after["accuracy"] == record.before["accuracy"]
    assert (record.n_cases, record.n_samples, record.activation) == (200, 200, "softmax")
    assert (tmp_path / "artifacts/calibration.png").stat().st_size > 5000
    run = ready()
    greys = (np.arange(200) + 0.5) / 200
    expected = 1 / (1 + np.exp(-40 / record.temperature * (greys - 0.5)))
    np.testing.assert_allclose(probabilities_of(run.predict()), expected, atol=1e-4)
    assert any("calibrated probabilities: temperature" in message for message in run.observer.messages)
    plain = 1 / (1 + np.exp(-40 * (greys - 0.5)))
    np.testing.assert_allclose(probabilities_of(ready().predict(calibration=None)), plain, atol=1e-4)


def test_a_calibration_of_other_weights_is_not_used(ready, tmp_path):
    ready().calibrate()
    run = ready(sharpness=39.0)
    greys = (np.arange(200) + 0.5) / 200
    np.testing.assert_allclose(probabilities_of(run.predict()), 1 / (1 + np.exp(-39 * (greys - 0.5))), atol=1e-4)
    assert any("is not used: it belongs to other weights" in message for message in run.observer.messages)
    with pytest.raises(ArgumentError, match="cannot be used: it belongs to other weights") as caught:
        run.predict(calibration=tmp_path / "artifacts/calibration.json")
    assert "same --model" in caught.value.card.to_do


def test_a_calibration_counts_for_one_way_of_predicting(ready):
    ready().calibrate(tta="flips")
    run = ready()
    run.predict()
    assert any("fitted with flips, not without test-time augmentation" in m for m in run.observer.messages)
    again = ready()
    again.predict(tta="flips")
    assert any("calibrated probabilities" in m for m in again.observer.messages)


def test_an_ensemble_is_calibrated_as_one(ready, tmp_path):
    ready("a.pt", threshold=0.3)
    run = ready("b.pt", threshold=0.7)
    files = [tmp_path / "artifacts/models" / name for name in ("a.pt", "b.pt")]
    record = run.calibrate(models=files).calibration
    assert record["n_members"] == 2
    assert record["after"]["nll"] < record["before"]["nll"]
    second = ready()
    second.predict(models=files[::-1])
    assert any("calibrated probabilities" in m for m in second.observer.messages), "the order makes no difference"


def test_voxels_are_a_bounded_sample_that_can_be_drawn_again(make_run, data_dir, config, tmp_path):
    from experiment_parts import LOSS, phase

    model = entry("prediction_parts.Threshold", **WIRES, sharpness=60.0)
    config["General"]["Models"] = [model]
    config["Validation"] = phase("val.json", Losses=[LOSS])
    path = tmp_path / "config.json"
    path.write_text(json.dumps(config))
    weights = tmp_path / "net.pt"
    torch.save(build(read_config(path).models[0], "Models").state_dict(), weights)
    first, again = (make_run(config, model=weights).calibrate(samples=300).calibration for _ in range(2))
    assert first == again
    assert first["n_samples"] == 300
    assert first["activation"] == "sigmoid"
    assert make_run(config, model=weights).calibrate(samples=10_000).calibration["n_samples"] == 2 * 8**3
    with pytest.raises(MissingFieldError, match="no reference 'lable'") as caught:
        make_run(config, model=weights).calibrate(target="lable")
    assert "did you mean 'label'" in caught.value.card.to_do


def test_cases_that_are_all_right_leave_the_model_as_it_is(ready, config):
    for phase in ("Validation", "Prediction"):
        config[phase]["Datasets"] = [entry("prediction_parts.Grey", n=2)]
    record = ready().calibrate().calibration
    assert record["before"]["accuracy"] == 1
    assert record["temperature"] == 1
    assert "stays 1" in record["advice"]


def test_a_model_without_probabilities_cannot_be_calibrated(ready, config):
    config["Validation"]["Losses"][0]["type"] = "torch.nn.MSELoss"
    with pytest.raises(ArgumentError, match="have no probabilities"):
        ready().calibrate()
    del config["Validation"]
    with pytest.raises(ConfigError, match="Validation"):
        ready().calibrate()


@pytest.mark.parametrize("text", ["{", "[]", '{"format": "eisen-calibration", "version": 1, "temperature": -1}', "{}"])
def test_a_file_that_is_no_calibration_is_named(text, ready, tmp_path):
    path = tmp_path / "other.json"
    path.write_text(text)
    with pytest.raises(CorruptFileError, match="no calibration"):
        ready().predict(calibration=path)
