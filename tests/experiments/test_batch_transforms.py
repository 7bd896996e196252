"""BatchTransforms in a run: the same training as with Transforms, wherever and however it runs."""

from __future__ import annotations

import json

import nibabel
import numpy as np
import pytest
import torch
from experiment_parts import entry, set_hyper

from eisen._core.errors import EisenError
from eisen.config import build, read_config
from eisen.experiments import check

BOTH = ["image", "label"]
LATE = [
    entry("eisen.transforms.RandomAffine", fields=BOTH, elastic_mm=1),
    entry("eisen.transforms.RandomGamma", fields=["image"], p=0.5),
    entry("eisen.transforms.RandomFlip", fields=BOTH),
]


@pytest.fixture
def late_config(config):
    config["Training"]["BatchTransforms"] = LATE
    return config


def weights(run):
    return torch.load(run.artifacts.checkpoint, weights_only=True)["model"]


def losses(run, epochs=2):
    return [row.losses["dice_loss"] for row in run.train(epochs).rows]


def test_a_step_does_to_a_batch_what_it_does_to_the_cases(make_run, late_config):
    late = losses(make_run(late_config, "late"))
    plain = losses(make_run({**late_config, "Training": {**late_config["Training"], "BatchTransforms": []}}, "plain"))
    late_config["Training"]["Transforms"] += late_config["Training"].pop("BatchTransforms")
    early = losses(make_run(late_config, "early"))
    assert late[0] == pytest.approx(early[0], rel=1e-4)
    assert late == pytest.approx(early, rel=2e-2), "rounding grows from step to step"
    assert late[0] != pytest.approx(plain[0], rel=1e-2)


def test_workers_make_no_difference(make_run, late_config):
    runs = []
    for n_workers in (0, 2):
        set_hyper(late_config, ".NumWorkers", n_workers)
        runs.append(make_run(late_config, f"w{n_workers}"))
        runs[-1].train()
    first, second = map(weights, runs)
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_a_resumed_run_equals_one_that_was_never_stopped(make_run, late_config):
    whole = make_run(late_config, "whole")
    whole.train(3)
    make_run(late_config, "parts").train(1)
    parts = make_run(late_config, "parts", resume=True)
    parts.train(3)
    first, second = weights(whole), weights(parts)
    assert all(torch.equal(value, second[name]) for name, value in first.items())


def test_check_shows_what_each_step_does_to_the_batch(late_config, data_dir):
    experiment = read_config(late_config)
    report, later = (check(experiment, data_dir, epoch=epoch) for epoch in (0, 1))
    assert [step.name for step in report.batch_steps] == ["RandomAffine", "RandomGamma", "RandomFlip"]
    assert report.batch_steps[0].place == "Training.BatchTransforms[0]"
    assert {field.name for field in report.batch_steps[0].fields if field.changed} >= {"image", "label", "image_meta"}
    assert report.losses != later.losses


def test_an_error_names_case_step_and_place_in_the_configuration(make_run, late_config):
    late_config["Training"]["BatchTransforms"] = [*LATE, entry("eisen.transforms.RandomNoise", fields=["imag"])]
    with pytest.raises(EisenError, match="did you mean 'image'") as caught:
        make_run(late_config).train()
    card = caught.value.card
    assert (card.step, card.config) == ("step 4 of 4: RandomNoise", "Training.BatchTransforms[3]")
    assert "case_" in card.case
    assert "--epoch 0" in card.reproduce or "eisen check" in card.reproduce


def test_predictions_come_back_from_batches_that_were_moved(make_run, config, data_dir, tmp_path):
    cases = [{"image": case["image"]} for case in json.loads((data_dir / "all.json").read_text(encoding="utf-8"))]
    (data_dir / "images.json").write_text(json.dumps(cases))
    net = entry("tiny_parts.Brightness", input_names=["image"], output_names=["predictions"])
    config["General"]["Models"] = [net]
    read = {"Readers": [entry("eisen.io.imaging.LoadNiftiFromFilename", fields=["image"])]}
    steps = [
        entry("eisen.transforms.NiftiToNumpy", fields=["image"]),
        entry("eisen.transforms.AddChannelDimension", fields=["image"]),
    ]
    flip = entry("eisen.transforms.RandomFlip", fields=["image"], p=1.0)
    config["Prediction"] = {
        "Datasets": [entry("eisen.datasets.json.JsonDataset", json_file="images.json")],
        "Transforms": steps,
        "BatchTransforms": [flip],
        **read,
    }
    (tmp_path / "artifacts/models").mkdir(parents=True)
    torch.save(build(read_config(config).models[0], "Models").state_dict(), tmp_path / "artifacts/models/best.pt")
    for path in make_run(config).predict().predictions:
        bright = np.asarray(nibabel.load(data_dir / "images" / path.name).dataobj) >= 0.5
        np.testing.assert_array_equal(np.asarray(nibabel.load(path).dataobj), bright)
