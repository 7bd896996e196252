"""A dry run shows every step and writes nothing."""

from __future__ import annotations

import pytest
from experiment_parts import entry

from eisen._core.errors import ArgumentError, ConfigError, NonFiniteLossError
from eisen.experiments import check


@pytest.fixture
def dry(make_run, config, data_dir):
    def run(*arguments, **options):
        return check(make_run(config).experiment, data_dir, *arguments, **options)

    return run


def test_every_field_is_shown_after_every_step(dry, tmp_path):
    report = dry()
    assert report.phase == "Training"
    assert report.case == "#0 (case_0.nii.gz)"
    assert (report.n_cases, report.n_batches) == (4, 2)
    names = [step.name for step in report.steps]
    assert names == [
        "JsonDataset",
        "LoadNiftiFromFilename",
        "CheckContent",
        "NiftiToNumpy",
        "CropCenteredSubVolumes",
        "AddChannelDimension",
        "RandomNoise",
        "CheckGrids",
    ]
    assert report.steps[5].place == "Training.Transforms[2]"
    image = next(field for field in report.steps[5].fields if field.name == "image")
    assert (image.shape, image.dtype, image.changed) == ((1, 8, 8, 8), "float32", True)
    assert not any(field.changed for field in report.steps[7].fields)
    batch = {field.name: field.shape for field in report.batch}
    assert batch["image"] == (2, 1, 8, 8, 8)
    assert [field.name for field in report.outputs] == ["predictions"]
    assert 0 < report.losses["dice_loss"] < 1
    assert "dice_metric" in report.metrics
    assert report.gradient_norm > 0
    assert not (tmp_path / "artifacts").exists()


def test_a_case_can_be_named_by_number_or_by_part_of_its_name(dry):
    assert dry(case=2).case == dry(case="case_2").case == "#2 (case_2.nii.gz)"
    with pytest.raises(ArgumentError, match="no case 9"):
        dry(case=9)
    with pytest.raises(ArgumentError, match="no case has 'x7'"):
        dry(case="x7")
    with pytest.raises(ArgumentError, match="4 cases have"):
        dry(case="case")


def test_the_random_numbers_are_those_of_the_run(dry):
    def noisy(report):
        return next(field.maximum for field in report.steps[6].fields if field.name == "image")

    assert noisy(dry(case=1, epoch=2)) == noisy(dry(case=1, epoch=2))
    assert noisy(dry(case=1, epoch=2)) != noisy(dry(case=1, epoch=3))


def test_phases_that_do_not_train_have_no_gradients(dry):
    report = dry("Validation")
    assert report.gradient_norm is None
    assert report.n_cases == 2


def test_a_loss_that_is_not_finite_is_found(dry, config):
    names = {"input_names": ["predictions", "label"], "output_names": ["loss"]}
    config["Training"]["Losses"] = [entry("tiny_parts.NaNLoss", **names)]
    with pytest.raises(NonFiniteLossError, match="nan"):
        dry()


def test_an_absent_phase_is_a_problem_of_the_configuration(dry):
    with pytest.raises(ConfigError, match="no such phase"):
        dry("Testing")


def test_prediction_is_checked_on_the_phase_that_would_be_predicted(dry):
    assert dry("Prediction").n_cases == 2
