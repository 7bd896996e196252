"""A GAN from a configuration: trained, resumed, checked, and its images written."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import nibabel
import numpy as np
import pytest
import torch
from experiment_parts import Recorder, entry
from PIL import Image

from eisen._core.errors import ArgumentError, ConfigError, MissingFileError, TrainingError
from eisen.config import read_config
from eisen.experiments import Run, check
from eisen.experiments.checkpoint import load_weights
from eisen.experiments.generate import as_pixels, generate, picture_grid


def shapes(seed, n, dimensions):
    kinds = ["disc"] if dimensions == 2 else ["ball"]
    return entry("eisen.datasets.RandomShapesDataset", n_cases=n, size=[8] * dimensions, kinds=kinds, seed=seed)


def adam(name, **params):
    return entry("torch.optim.Adam", name=name, weights=[f"{name}.*"], lr=0.001, **params)


def gan_config(folder: Path, dimensions=2, channels=1, **workflow):
    """Write a configuration of a tiny GAN and return its path."""
    sizes = {"image_size": 8, "dimensions": dimensions, "n_filters": 4}
    steps = [entry("eisen.transforms.FixedMeanStdNormalization", fields=["image"], mean=0.5, std=0.5)]
    settings = {".BatchSize": 4, ".NumWorkers": 0, ".Seed": 3, ".Epochs": 2, ".Device": "cpu", ".Threads": 1}
    settings |= {".EMA": 0.9, ".Best": "min distance"}
    networks = {
        "generator": entry("eisen.models.DCGANGenerator", latent_size=6, output_channels=channels, **sizes),
        "discriminator": entry("eisen.models.DCGANDiscriminator", input_channels=channels, **sizes),
    }
    metric = entry("eisen.ops.metrics.SlicedWasserstein", input_names=["generated", "image"], output_names=["distance"])
    config = {
        "General": {
            "Hyperparameters": [entry(name, value=value) for name, value in settings.items()],
            "Models": [entry("eisen.models.GAN", input_names=["latent"], output_names=["generated"], **networks)],
        },
        "Training": {
            "Datasets": [shapes(0, 12, dimensions)],
            "Transforms": steps,
            "Optimizer": [adam("generator"), adam("discriminator")],
            "Workflow": [entry("eisen.utils.workflows.AdversarialTraining", **workflow)],
        },
        "Validation": {
            "Datasets": [shapes(1, 8, dimensions)],
            "Transforms": steps,
            "Metrics": [metric],
            "Workflow": [entry("eisen.utils.workflows.GenerativeValidation")],
        },
    }
    path = folder / "gan.json"
    path.write_text(json.dumps(config), encoding="utf-8")
    return path


def trained(tmp_path, name="run", epochs=None, **options):
    experiment = read_config(gan_config(tmp_path, **options))
    result = Run(experiment, tmp_path, tmp_path / name).train(epochs)
    return experiment, tmp_path / name / "models" / "best.pt", result


def test_a_configuration_trains_a_gan_with_two_optimizers(tmp_path):
    _, best, result = trained(tmp_path)
    names = {row.phase: (set(row.losses), set(row.metrics)) for row in result.rows}
    assert names["Training"] == ({"generator_loss", "discriminator_loss"}, set())
    assert names["Validation"] == (set(), {"distance"})
    assert result.best["name"] == "min distance"
    assert {key.partition(".")[0] for key in load_weights(best)} == {"generator", "discriminator"}
    history = [json.loads(line) for line in (tmp_path / "run/history.jsonl").read_text(encoding="utf-8").splitlines()]
    assert history[0]["learning_rates"] == {"generator": [0.001], "discriminator": [0.001]}


@pytest.mark.parametrize("workflow", [{}, {"mode": "wgan-gp", "n_critic": 2}], ids=["gan", "wgan-gp"])
def test_a_resumed_gan_is_the_one_that_was_never_stopped(tmp_path, workflow):
    experiment = read_config(gan_config(tmp_path, **workflow))
    Run(experiment, tmp_path, tmp_path / "whole").train(3)
    Run(experiment, tmp_path, tmp_path / "parts").train(1)
    Run(experiment, tmp_path, tmp_path / "parts", resume=True).train(3)
    whole, parts = (load_weights(tmp_path / name / "checkpoint.pt") for name in ("whole", "parts"))
    assert all(torch.equal(parts["model"][name], value) for name, value in whole["model"].items())
    histories = [(tmp_path / name / "history.jsonl").read_bytes() for name in ("whole", "parts")]
    assert histories[0] == histories[1]


class CtrlC(Recorder):
    """Asks the run to stop after a batch, counted over all phases."""

    def __init__(self, at_batch):
        super().__init__()
        self.left = at_batch

    def on_batch(self, done, n_batches):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.mark.parametrize("at_batch", [2, 4, 7])
def test_a_gan_that_was_interrupted_within_an_epoch_ends_the_same(tmp_path, at_batch):
    experiment = read_config(gan_config(tmp_path, mode="wgan-gp", n_critic=2))
    Run(experiment, tmp_path, tmp_path / "whole").train(2)
    assert Run(experiment, tmp_path, tmp_path / "parts", observer=CtrlC(at_batch)).train(2).interrupted
    Run(experiment, tmp_path, tmp_path / "parts", resume=True).train(2)
    whole, parts = (load_weights(tmp_path / name / "checkpoint.pt") for name in ("whole", "parts"))
    assert all(torch.equal(parts["model"][name], value) for name, value in whole["model"].items())
    histories = [(tmp_path / name / "history.jsonl").read_bytes() for name in ("whole", "parts")]
    assert histories[0] == histories[1]


def test_an_epoch_may_be_judged_by_a_loss_that_the_workflow_makes(tmp_path):
    path = gan_config(tmp_path)
    experiment = read_config(path, ["General.Best=min Training.discriminator_loss"])
    assert Run(experiment, tmp_path, tmp_path / "run").train(1).best["name"] == "min Training.discriminator_loss"


def test_a_dry_run_goes_through(tmp_path):
    report = check(read_config(gan_config(tmp_path)), tmp_path)
    assert set(report.losses) == {"generator_loss", "discriminator_loss"}
    assert report.gradient_norm > 0


def test_a_training_without_losses_is_still_refused_elsewhere(tmp_path):
    with pytest.raises(ConfigError, match="no loss"):
        read_config(gan_config(tmp_path), ["Training.Workflow[0].type=eisen.utils.workflows.Training"])


def test_pictures_and_their_grid_are_written(tmp_path):
    experiment, best, _ = trained(tmp_path, epochs=1)
    made = generate(experiment, best, tmp_path / "out", n=5, seed=2)
    assert [path.name for path in made.images] == [f"generated_{i:03d}.png" for i in range(5)]
    pictures = [np.asarray(Image.open(path)) for path in made.images]
    assert {(p.shape, p.dtype.name) for p in pictures} == {((8, 8), "uint8")}
    grid = np.asarray(Image.open(made.grid))
    assert grid.shape == (22, 32)
    assert np.array_equal(grid[2:10, 12:20], pictures[1])
    record = json.loads((tmp_path / "out/generated.json").read_text(encoding="utf-8"))
    assert (record["seed"], len(record["images"]), record["shape"]) == (2, 5, [1, 8, 8])


def test_an_image_depends_on_seed_and_number_only(tmp_path):
    experiment, best, _ = trained(tmp_path, epochs=1)
    few = generate(experiment, best, tmp_path / "few", n=2, seed=1)
    torch.manual_seed(77)
    many = generate(experiment, best, tmp_path / "many", n=20, seed=1)
    other = generate(experiment, best, tmp_path / "other", n=2, seed=2)
    for i in range(2):
        ours, theirs = (np.asarray(Image.open(made.images[i])).astype(int) for made in (few, many))
        assert np.abs(ours - theirs).max() <= 1  # convolutions of other batch sizes may round otherwise
        assert not np.array_equal(ours, np.asarray(Image.open(other.images[i])))


def test_a_checkpoint_will_do_and_volumes_become_nifti(tmp_path):
    experiment, best, _ = trained(tmp_path, epochs=1, dimensions=3)
    made = generate(experiment, best.parents[1] / "checkpoint.pt", tmp_path / "out", n=2)
    volume = nibabel.load(made.images[0])
    assert volume.shape == (8, 8, 8)
    assert np.array_equal(volume.affine, np.eye(4))
    values = np.asarray(volume.dataobj)
    assert -1 <= values.min() < values.max() <= 1
    assert np.array_equal(np.asarray(Image.open(made.grid))[2:10, 2:10], as_pixels(values[4], (-1, 1)))


def test_what_cannot_be_generated_is_explained(tmp_path):
    path = gan_config(tmp_path)
    experiment = read_config(path)
    with pytest.raises(MissingFileError):
        generate(experiment, tmp_path / "absent.pt", tmp_path / "out")
    with pytest.raises(ArgumentError, match="n is 0"):
        generate(experiment, tmp_path / "absent.pt", tmp_path / "out", n=0)
    _, best, _ = trained(tmp_path, epochs=1)
    wider = read_config(path, ["General.Models[0].params.generator.params.n_filters=8"])
    with pytest.raises(TrainingError, match="do not fit"):
        generate(wider, best, tmp_path / "out")
    critic = {"type": "eisen.models.DCGANDiscriminator", "params": {"input_names": ["a"], "output_names": ["b"]}}
    no_gan = read_config(path, [f"General.Models={json.dumps([critic])}"])
    with pytest.raises(ConfigError, match="random numbers"):
        generate(no_gan, best, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_values_become_grey_values():
    values = np.array([-2.0, 0.0, 2.0])
    assert as_pixels(values).tolist() == [0, 128, 255]
    assert as_pixels(values, (0.0, 1.0)).tolist() == [0, 0, 255]
    assert as_pixels(np.zeros(2)).tolist() == [0, 0]
    assert picture_grid(np.zeros((4, 3, 5, 6), np.uint8)).shape == (3, 16, 18)
