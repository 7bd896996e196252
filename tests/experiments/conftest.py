"""Scans, configurations and runs for the tests of experiments."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent / "parts"))  # configurations name the classes of tiny_parts

from experiment_parts import DICE, LOSS, STEPS, Recorder, entry, oblique, phase, save, scan

from eisen.config import read_config
from eisen.experiments import Run


@pytest.fixture(autouse=True)
def _one_thread():
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def data_dir(tmp_path):
    """Six cases in decathlon folders and JSON lists of them: train.json, val.json, all.json."""
    root = tmp_path / "data"
    affines = [np.eye(4), np.diag([1.0, 1.0, 3.0, 1.0]), oblique()]
    cases = []
    for i in range(6):
        image, label = scan((12, 10, 8), i)
        save(root / f"images/case_{i}.nii.gz", image, affines[i % 3])
        save(root / f"labels/case_{i}.nii.gz", label, affines[i % 3])
        cases.append({"image": f"images/case_{i}.nii.gz", "label": f"labels/case_{i}.nii.gz"})
    for name, part in (("train", cases[:4]), ("val", cases[4:]), ("all", cases)):
        (root / f"{name}.json").write_text(json.dumps(part))
    return root


@pytest.fixture
def config():
    """A whole experiment as plain data; tests change what they are about."""
    settings = {".BatchSize": 2, ".NumWorkers": 0, ".Seed": 3, ".Epochs": 2, ".Device": "cpu"}
    model = entry("tiny_parts.TinyNet", dropout=0.2, input_names=["image"], output_names=["predictions"])
    train_steps = [*copy.deepcopy(STEPS), entry("tiny_parts.RandomNoise", fields=["image"])]
    return {
        "General": {
            "Hyperparameters": [entry(name, value=value) for name, value in settings.items()],
            "Models": [model],
        },
        "Training": phase(
            "train.json",
            Transforms=train_steps,
            Losses=[copy.deepcopy(LOSS)],
            Metrics=[copy.deepcopy(DICE)],
            Optimizer=[entry("torch.optim.Adam", lr=0.05)],
            Scheduler=[entry("torch.optim.lr_scheduler.ExponentialLR", gamma=0.9)],
        ),
        "Validation": phase("val.json", Losses=[copy.deepcopy(LOSS)], Metrics=[copy.deepcopy(DICE)]),
    }


@pytest.fixture
def make_run(data_dir, tmp_path):
    """Return a function from a configuration to a run on the data of the test."""

    def make(config, artifacts="artifacts", **options):
        file = tmp_path / "config.json"
        file.write_text(json.dumps(config))
        options.setdefault("observer", Recorder())
        return Run(read_config(file), data_dir, tmp_path / artifacts, **options)

    return make
