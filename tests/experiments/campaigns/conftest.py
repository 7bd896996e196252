"""A regression on a line: nine patients with two scans each, as a table; a run takes a fraction of a second."""

from __future__ import annotations

import copy
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parent / "parts"))

from campaign_parts import part

WIRES = {"input_names": ["predictions", "y"]}
PREPARE = [{"type": "campaign_parts.ToVector", "params": {"fields": ["x", "y"]}}]


def phase(file, **sections):
    return {
        "Datasets": [part("eisen.datasets.json.JsonDataset", json_file=file)],
        "Transforms": copy.deepcopy(PREPARE),
        **sections,
    }


def line_config(**hyper):
    """Return the whole experiment as plain data."""
    settings = {"BatchSize": 3, "NumWorkers": 0, "Seed": 3, "Epochs": 2, "Device": "cpu", "Threads": 1} | hyper
    loss = part("torch.nn.MSELoss", **WIRES, output_names=["mse"])
    error = part("campaign_parts.AbsoluteError", **WIRES, output_names=["error"])
    return {
        "General": {
            "Hyperparameters": [part(f".{name}", value=value) for name, value in settings.items()],
            "Models": [part("campaign_parts.Line", input_names=["x"], output_names=["predictions"])],
        },
        "Training": phase("cases.json", Losses=[loss], Optimizer=[part("torch.optim.SGD", lr=0.1)]),
        "Validation": phase("cases.json", Losses=[copy.deepcopy(loss)], Metrics=[error]),
    }


def write_cases(folder):
    """Write the table of cases, ``cases.json``."""
    rng = np.random.default_rng(0)
    cases = [
        {"name": f"p{p}_{scan}", "patient": f"p{p}", "site": "AB"[p % 2], "x": x, "y": 2 * x + 0.1}
        for p in range(9)
        for scan in range(2)
        for x in [round(float(rng.normal()), 3)]
    ]
    folder.mkdir()
    (folder / "cases.json").write_text(json.dumps(cases))
    return folder


@pytest.fixture
def data_dir(tmp_path):
    return write_cases(tmp_path / "data")


@pytest.fixture
def config():
    return line_config()


@pytest.fixture
def config_file(tmp_path, config):
    file = tmp_path / "config.json"
    file.write_text(json.dumps(config))
    return file


@pytest.fixture(scope="session")
def complete(tmp_path_factory):
    """A folder with a complete cross-validation in three folds; only to be read or copied."""
    import torch

    from eisen.experiments.campaigns import CrossValidation, Plan, SplitWish

    before = torch.get_num_threads()
    folder = tmp_path_factory.mktemp("complete")
    (folder / "config.json").write_text(json.dumps(line_config()))
    plan = Plan(folder / "config.json", write_cases(folder / "data"), folder / "cv")
    folder_result = CrossValidation(plan, SplitWish(folds=3, group="patient")).run()
    torch.set_num_threads(before)
    return folder / "cv", folder_result


@pytest.fixture
def copied(complete, tmp_path):
    """The same as ``cv`` in the folder of the test, to be continued there."""
    return Path(shutil.copytree(complete[0], tmp_path / "cv"))
