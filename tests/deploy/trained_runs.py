"""Small trainings to make packages of: one epoch, networks of one layer."""

from __future__ import annotations

import copy
import json
import zipfile
from pathlib import Path
from typing import Any

from eisen.config import read_config
from eisen.experiments import Run

READ = "eisen.io.LoadNiftiFromFilename"
BOTH = ["image", "label"]


def step(name: str, fields: list[str], **params: Any) -> dict[str, Any]:
    return {"type": name if "." in name else f"eisen.transforms.{name}", "params": {"fields": fields, **params}}


def entry(kind: str, **params: Any) -> dict[str, Any]:
    return {"type": kind, "params": params}


def wired(kind: str, inputs: list[str], outputs: list[str], **params: Any) -> dict[str, Any]:
    return entry(kind, input_names=inputs, output_names=outputs, **params)


def hyper(**values: Any) -> list[dict[str, Any]]:
    return [entry(f".{name}", value=value) for name, value in values.items()]


def volume_config() -> dict[str, Any]:
    """Three labels in phantoms; Validation is what is packed, with labels in every step."""
    chain = {
        "Readers": [step(READ, BOTH)],
        "Transforms": [
            step("NiftiToNumpy", BOTH),
            step("AddChannelDimension", BOTH),
            step("ZScoreNormalization", ["image"]),
            step("CropCenteredSubVolumes", BOTH, size=[16, 16, 8]),
        ],
    }
    model = wired("torch.nn.Conv3d", ["image"], ["logits"], in_channels=1, out_channels=4, kernel_size=3, padding=1)
    loss = wired("eisen.ops.losses.DiceCELoss", ["logits", "label"], ["loss"])
    dice = wired("eisen.ops.metrics.DicePerClass", ["logits", "label"], ["dice"], n_classes=4, names=list("abc"))
    labels = {"0": "background", "1": "liver", "2": "spleen", "3": "kidneys"}
    return {
        "General": {"Hyperparameters": hyper(BatchSize=2, NumWorkers=0, Seed=1, Labels=labels), "Models": [model]},
        "Training": {
            "Datasets": [entry("eisen.datasets.MSDDataset", json_file="dataset_train.json", phase="training")],
            **copy.deepcopy(chain),
            "Losses": [loss],
            "Optimizer": [entry("torch.optim.Adam", lr=0.01)],
        },
        "Validation": {
            "Hyperparameters": hyper(BatchSize=1),
            "Datasets": [entry("eisen.datasets.MSDDataset", json_file="dataset_val.json", phase="training")],
            **copy.deepcopy(chain),
            "Metrics": [dice],
        },
    }


def picture_config(kind: str = "mask") -> dict[str, Any]:
    """Drawn pictures to segment (``"mask"``) or to classify (``"kind"``)."""
    data = {"n_cases": 8, "size": [16, 16], "kinds": ["disc", "square"], "noise": 0.2}
    classifies = kind == "kind"
    model = (
        wired(
            "eisen.models.ResNet", ["image"], ["logits"], input_channels=1, output_channels=2, n_filters=4, n_blocks=[1]
        )
        if classifies
        else wired("torch.nn.Conv2d", ["image"], ["logits"], in_channels=1, out_channels=2, kernel_size=3, padding=1)
    )
    loss = (
        wired("torch.nn.CrossEntropyLoss", ["logits", "kind"], ["loss"])
        if classifies
        else wired("eisen.ops.losses.DiceCELoss", ["logits", "mask"], ["loss"])
    )
    shapes = [entry("eisen.datasets.RandomShapesDataset", seed=seed, **data) for seed in (0, 1)]
    chain = [step("FixedMeanStdNormalization", ["image"], mean=0.5, std=0.5)]
    return {
        "General": {"Hyperparameters": hyper(BatchSize=4, NumWorkers=0, Seed=1), "Models": [model]},
        "Training": {
            "Datasets": [shapes[0]],
            "Transforms": chain,
            "Losses": [loss],
            "Optimizer": [entry("torch.optim.Adam", lr=0.01)],
        },
        "Validation": {"Datasets": [shapes[1]], "Transforms": copy.deepcopy(chain), "Losses": [copy.deepcopy(loss)]},
    }


def trained(folder: Path, config: dict[str, Any], data_dir: Path) -> Path:
    """Train for one epoch and return the artifact folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "experiment.json").write_text(json.dumps(config), encoding="utf-8")
    Run(read_config(folder / "experiment.json", epochs=1), data_dir, folder / "run").train()
    return folder / "run"


def member(archive: Path, name: str) -> bytes:
    with zipfile.ZipFile(archive) as file:
        return file.read(name)


def said(archive: Path, name: str = "package.json") -> Any:
    return json.loads(member(archive, name))


def opened(archive: Path, folder: Path, **how: Any) -> Any:
    """Unpack a package and open its model."""
    from eisen_deploy.serving.packaged import PackagedModel

    with zipfile.ZipFile(archive) as file:
        file.extractall(folder / "package")
    (folder / "scratch").mkdir(exist_ok=True)
    return PackagedModel(folder / "package", folder / "scratch", "cpu", **how)
