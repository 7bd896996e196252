"""A tiny decathlon task and a configuration that trains on it in a second."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

ROOT = Path(__file__).parents[2]

Invoke = Callable[..., Result]


def write_task(folder: Path, n_cases: int = 4) -> Path:
    """Write cases with one bright box each, all of another size, on an anisotropic grid; one more case as a test."""
    import nibabel
    import numpy as np

    random = np.random.default_rng(0)
    for sub in ("imagesTr", "labelsTr", "imagesTs"):
        (folder / sub).mkdir(parents=True)
    affine = np.diag([-1.0, 1.0, 2.5, 1.0])
    for i in range(n_cases + 1):
        shape = (14 + i, 16, 11 + i % 2)
        label = np.zeros(shape, np.uint8)
        label[4:10, 5:11, 3:8] = 1
        image = (label * 80 + random.normal(100, 10, shape)).astype(np.float32)
        place = "imagesTr" if i < n_cases else "imagesTs"
        nibabel.save(nibabel.Nifti1Image(image, affine), folder / place / f"box_{i}.nii.gz")
        if i < n_cases:
            nibabel.save(nibabel.Nifti1Image(label, affine), folder / "labelsTr" / f"box_{i}.nii.gz")
    names = [f"box_{i}.nii.gz" for i in range(n_cases)]
    listing = {
        "labels": {"0": "background", "1": "box"},
        "training": [{"image": f"./imagesTr/{name}", "label": f"./labelsTr/{name}"} for name in names],
        "test": [f"./imagesTs/box_{n_cases}.nii.gz"],
    }
    (folder / "dataset.json").write_text(json.dumps(listing))
    return folder


def tiny_config() -> dict[str, Any]:
    """Return a configuration with all four phases and a network of a few hundred numbers."""

    def phase(split: str, **more: Any) -> dict[str, Any]:
        fields = ["image"] if split == "test" else ["image", "label"]
        dataset = {"json_file": "dataset.json", "phase": "test" if split == "test" else "training"}
        if split != "test":
            dataset |= {"split": split, "validation_fraction": 0.5}
        part = {
            "Datasets": [{"type": "eisen.datasets.msd.MSDDataset", "params": dataset}],
            "Readers": [{"type": "eisen.io.imaging.LoadNiftiFromFilename", "params": {"fields": fields}}],
            "Transforms": [
                {"type": "eisen.transforms.NiftiToNumpy", "params": {"fields": fields}},
                {"type": "eisen.transforms.AddChannelDimension", "params": {"fields": fields}},
                {"type": "eisen.transforms.CropCenteredSubVolumes", "params": {"fields": fields, "size": [16, 16, 16]}},
            ],
            "Hooks": [],
        }
        return part | more

    loss = {
        "type": "eisen.ops.losses.DiceCELoss",
        "params": {"input_names": ["logits", "label"], "output_names": ["loss"]},
    }
    metric = {
        "type": "eisen.ops.metrics.DicePerClass",
        "params": {"input_names": ["logits", "label"], "output_names": ["dice"], "n_classes": 2, "names": ["box"]},
    }
    model = {
        "type": "eisen.models.VNet",
        "params": {
            "input_names": ["image"],
            "output_names": ["logits"],
            "input_channels": 1,
            "output_channels": 2,
            "n_filters": 1,
            "outputs_activation": "none",
        },
    }
    flow = "eisen.utils.workflows"
    return {
        "General": {
            "Hyperparameters": [
                {"type": ".BatchSize", "params": {"value": 1}},
                {"type": ".NumWorkers", "params": {"value": 0}},
                {"type": ".Seed", "params": {"value": 3}},
                {"type": ".Device", "params": {"value": "cpu"}},
                {"type": ".Labels", "params": {"value": {"1": "box"}}},
            ],
            "Models": [model],
        },
        "Training": phase(
            "train",
            Losses=[loss],
            Metrics=[metric],
            Optimizer=[{"type": "torch.optim.Adam", "params": {"lr": 0.01}}],
            Workflow=[{"type": f"{flow}.Training", "params": {"gpu": False}}],
        ),
        "Validation": phase(
            "validation",
            Losses=[loss],
            Metrics=[metric],
            Workflow=[{"type": f"{flow}.Validation", "params": {"gpu": False}}],
        ),
        "Testing": phase(
            "validation", Metrics=[metric], Workflow=[{"type": f"{flow}.Testing", "params": {"gpu": False}}]
        ),
        "Prediction": phase("test"),
    }


@pytest.fixture(scope="session")
def task(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the tiny task."""
    return write_task(tmp_path_factory.mktemp("task"))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration file for the tiny task."""
    path = tmp_path / "tiny.json"
    path.write_text(json.dumps(tiny_config(), indent=2))
    return path


@pytest.fixture
def invoke() -> Invoke:
    """Run a command in this process: ``invoke("train", path, 2)``."""
    from eisen_cli.main import cli

    def run(*words: object) -> Result:
        return CliRunner().invoke(cli, [str(word) for word in words], prog_name="eisen")

    return run


def start(*words: object, folder: Path) -> subprocess.Popen[str]:
    """Start ``eisen`` as its own process, as a user would."""
    command = [sys.executable, "-m", "eisen_cli", *map(str, words)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
