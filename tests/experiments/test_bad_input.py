"""Each bad input gives one card: what, where, what to do, and the command that shows it again."""

from __future__ import annotations

import errno
import json
import re
import shlex

import numpy as np
import pytest
from experiment_parts import entry, oblique, save, scan, set_hyper

from eisen._core.errors import (
    ArgumentError,
    ArtifactError,
    ConfigError,
    CorruptFileError,
    EmptyDatasetError,
    GeometryError,
    MissingFieldError,
    MissingFileError,
    NonFiniteLossError,
    ShapeError,
    StepError,
    VoxelValueError,
)
from eisen.config import read_config
from eisen.experiments import check

IMAGE, LABEL = "images/case_2.nii.gz", "labels/case_2.nii.gz"


@pytest.fixture(params=[0, 2], ids=["no workers", "2 workers"])
def fails(request, config, make_run, data_dir):
    """Return a function that trains and returns the card; asserts that the command on it shows the error again."""

    def train(kind, n_workers=request.param, reproduces=True):
        set_hyper(config, ".NumWorkers", n_workers)
        with pytest.raises(kind) as caught:
            make_run(config, f"w{n_workers}").train(2)
        card = caught.value.card
        if reproduces:
            assert_reproduces(card, kind)
        return card

    return train


def assert_reproduces(card, kind):
    """Do what the command line on the card does."""
    words = shlex.split(card.reproduce)
    assert words[:2] == ["eisen", "check"]
    options = dict(zip(words[3::2], words[4::2], strict=True))
    with pytest.raises(kind) as again:
        check(
            read_config(words[2]),
            options["--data_dir"],
            options["--phase"],
            int(options["--case"]),
            int(options["--epoch"]),
        )
    assert again.value.card.what == card.what
    assert again.value.card.step == card.step


def rewrite(data_dir, *, image=None, label=None, affine=None, label_affine=None):
    """Replace the files of case 2."""
    old_image, old_label = scan((12, 10, 8), 2)
    affine = oblique() if affine is None else affine
    save(data_dir / IMAGE, old_image if image is None else image, affine)
    save(data_dir / LABEL, old_label if label is None else label, affine if label_affine is None else label_affine)


def test_a_missing_file(fails, data_dir):
    (data_dir / IMAGE).unlink()
    card = fails(MissingFileError)
    assert card.case == "#2 (case_2.nii.gz)"
    assert card.file.endswith(IMAGE)
    assert card.field == "image"
    assert card.step == "step 1 of 7: LoadNiftiFromFilename"
    assert card.config == "Training.Readers[0]"


def test_a_truncated_file(fails, data_dir):
    content = (data_dir / IMAGE).read_bytes()
    (data_dir / IMAGE).write_bytes(content[: len(content) // 2])
    card = fails(CorruptFileError)
    assert card.case == "#2 (case_2.nii.gz)"
    assert card.file.endswith(IMAGE)


def test_image_and_label_of_different_shape(fails, data_dir, config):
    rewrite(data_dir, label=np.ones((12, 10, 6), np.uint8))
    del config["Training"]["Transforms"][1]
    card = fails(ShapeError)
    assert card.case == "#2 (case_2.nii.gz)"
    assert "(12, 10, 8)" in card.what
    assert "(12, 10, 6)" in card.what
    assert card.field == "label"


def test_a_crop_does_not_hide_a_different_shape(fails, data_dir):
    rewrite(data_dir, label=np.ones((12, 10, 6), np.uint8))
    card = fails(GeometryError)
    assert "mm apart" in card.what
    assert card.case == "#2 (case_2.nii.gz)"


def test_image_and_label_of_different_affine(fails, data_dir):
    shifted = oblique()
    shifted[0, 3] += 2.5
    rewrite(data_dir, label_affine=shifted)
    card = fails(GeometryError)
    assert "2.5 mm apart" in card.what
    assert card.step == "step 7 of 7: CheckGrids"
    assert card.file


def test_rounding_in_a_header_is_no_difference(config, make_run, data_dir):
    shifted = oblique()
    shifted[:3, 3] += 3e-4
    rewrite(data_dir, label_affine=shifted)
    assert make_run(config).train(1).n_epochs == 1


def test_nan_voxels(fails, data_dir):
    image, _ = scan((12, 10, 8), 2)
    image[3, 4, 5] = np.nan
    rewrite(data_dir, image=image)
    card = fails(VoxelValueError)
    assert "(3, 4, 5)" in card.what
    assert card.field == "image"
    assert card.step == "step 2 of 7: CheckContent"
    assert card.file.endswith("case_2.nii.gz")


def test_an_empty_label(fails, data_dir):
    rewrite(data_dir, label=np.zeros((12, 10, 8), np.uint8))
    card = fails(VoxelValueError)
    assert "empty" in card.what
    assert ".EmptyLabel" in card.to_do


def test_an_empty_label_can_be_allowed(config, make_run, data_dir):
    rewrite(data_dir, label=np.zeros((12, 10, 8), np.uint8))
    set_hyper(config, ".EmptyLabel", "allow")
    assert make_run(config).train(1).n_epochs == 1


def test_an_empty_label_can_be_a_warning(config, make_run, data_dir, caplog):
    rewrite(data_dir, label=np.zeros((12, 10, 8), np.uint8))
    set_hyper(config, ".EmptyLabel", "warn")
    make_run(config).train(2)
    assert sum("is empty" in record.message for record in caplog.records) == 1


def test_a_label_value_that_the_configuration_does_not_know(fails, data_dir, config):
    set_hyper(config, ".Labels", {"1": "tumour"})
    label = scan((12, 10, 8), 2)[1]
    label[0, 0, 0] = 4
    rewrite(data_dir, label=label)
    card = fails(VoxelValueError)
    assert "4 (1 voxel)" in card.what
    assert card.field == "label"


def test_an_empty_dataset(config, make_run, data_dir):
    (data_dir / "train.json").write_text("[]")
    with pytest.raises(EmptyDatasetError):
        make_run(config).train(1)


def test_a_training_batch_larger_than_the_dataset(config, make_run):
    set_hyper(config, ".BatchSize", 50)
    with pytest.raises(ArgumentError, match="a training batch of 50 is larger than the dataset of 4") as caught:
        make_run(config).train(1)
    assert caught.value.card.config == "Training.Datasets[0]"
    assert "Training.BatchSize=4" in caught.value.card.to_do


def test_a_validation_batch_larger_than_the_dataset_is_one_smaller_batch(config, make_run, caplog):
    set_hyper(config, ".BatchSize", 4)
    result = make_run(config).train(1)
    assert [row.n_batches for row in result.rows] == [1, 1]
    assert any("smaller than 4" in record.message for record in caplog.records)


def test_cases_of_different_size_in_one_batch(fails, data_dir, config):
    image, label = scan((9, 10, 8), 2)
    rewrite(data_dir, image=image, label=label)
    del config["Training"]["Transforms"][1]
    card = fails(ShapeError)
    assert "#2 (case_2.nii.gz)" in card.case
    assert "(1, 9, 10, 8)" in card.shapes


def test_a_loss_that_is_not_finite(fails, config):
    names = {"input_names": ["predictions", "label"], "output_names": ["loss"]}
    config["Training"]["Losses"] = [entry("tiny_parts.NaNLoss", after=2, **names)]
    card = fails(NonFiniteLossError, reproduces=False)
    assert "loss became nan in epoch 1, batch 0 (counted from 0)" in card.what
    assert re.search(r"#\d \(case_\d", card.case)
    assert card.reproduce.startswith("eisen train ")
    assert card.reproduce.endswith("--resume")


def test_a_field_that_no_step_makes(fails, config):
    config["Training"]["Transforms"].insert(3, entry("tiny_parts.RandomNoise", fields=["imgae"]))
    card = fails(MissingFieldError)
    assert "did you mean 'image'?" in card.to_do
    assert card.config == "Training.Transforms[3]"


def test_an_input_of_the_loss_that_nobody_makes(config, make_run):
    config["Training"]["Losses"][0]["params"]["input_names"] = ["predictions", "lable"]
    with pytest.raises((MissingFieldError, ConfigError), match="lable"):
        make_run(config).train(1)


def test_a_transform_that_raises(fails, config):
    config["Training"]["Transforms"].append(entry("tiny_parts.Raises", fields=["label"]))
    card = fails(StepError)
    assert "a mistake of the user" in card.what
    assert card.step == "step 7 of 8: Raises"
    assert card.config == "Training.Transforms[4]"
    assert "label (1, 8, 8, 8)" in card.shapes


def test_a_transform_that_raises_for_some_random_numbers_is_reproduced(fails, config):
    config["Training"]["Transforms"].append(entry("tiny_parts.FailsSometimes", fields=["image"], above=0.6))
    assert "drew 0." in fails(StepError).what


def test_cards_do_not_depend_on_workers(fails, config, data_dir):
    config["Training"]["Transforms"].append(entry("tiny_parts.FailsSometimes", fields=["image"], above=0.6))
    cards = [fails(StepError, n_workers) for n_workers in (0, 2)]
    assert cards[0] == cards[1]


def test_overrides_are_in_the_command(config, make_run, data_dir, tmp_path):
    from eisen.experiments import Run

    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))
    (data_dir / IMAGE).unlink()
    experiment = read_config(file, ["Training.Optimizer[0].params.lr=1e-5"])
    with pytest.raises(MissingFileError) as caught:
        Run(experiment, data_dir, tmp_path / "artifacts").train(1)
    named = shlex.split(caught.value.card.reproduce)[2]
    assert read_config(named).digest == experiment.digest


def test_a_folder_that_cannot_be_made(config, make_run, tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ArtifactError, match="file") as caught:
        make_run(config, "file/artifacts").train(1)
    assert caught.value.card.to_do


def test_a_disk_with_too_little_space(config, make_run, monkeypatch):
    import shutil

    usage = shutil.disk_usage(".")._replace(free=100)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage)
    with pytest.raises(ArtifactError, match="left, the checkpoints need"):
        make_run(config).train(1)


def test_a_disk_that_becomes_full(config, make_run, monkeypatch):
    import os

    real, calls = os.fsync, []

    def full(handle):
        calls.append(handle)
        if len(calls) > 12:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(handle)

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ArtifactError, match="the disk is full") as caught:
        make_run(config).train(9)
    assert caught.value.card.to_do


def test_torch_writing_to_a_full_device_is_an_artifact_error(monkeypatch, tmp_path):
    import torch

    from eisen.experiments import checkpoint

    class Full:
        def write(self, data):
            raise OSError(errno.ENOSPC, "No space left on device")

        def flush(self):
            pass

    save_to = torch.save
    monkeypatch.setattr(torch, "save", lambda state, file: save_to(state, Full()))
    with pytest.raises(ArtifactError):
        checkpoint.save_state(tmp_path / "a.pt", {"x": torch.zeros(10)})
    assert not list(tmp_path.iterdir())


def test_a_run_that_failed_says_so_in_its_record(config, make_run, data_dir, tmp_path):
    (data_dir / IMAGE).unlink()
    with pytest.raises(MissingFileError):
        make_run(config).train(1)
    record = json.loads((tmp_path / "artifacts/run.json").read_text(encoding="utf-8"))
    assert record["status"] == "failed"
    assert record["error"].startswith("MissingFileError")
