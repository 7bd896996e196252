"""Safe packages made by hand, and phantoms to send to them."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

from eisen.config import read_config
from eisen.experiments.parts import build_model
from eisen_deploy.packaging.layout import Label, ModelInput, Package, write_package

LABELS = [Label(1, "anterior", "#ff0000"), Label(2, "posterior", "#00ff00")]
READ = {"type": "eisen.io.LoadNiftiFromFilename", "params": {"fields": ["image"]}}


def step(name: str, **params: Any) -> dict[str, Any]:
    """Return a step of eisen as configurations name it; it works on the field 'image'."""
    return {"type": name if "." in name else f"eisen.transforms.{name}", "params": {"fields": ["image"], **params}}


PLAIN = [step("NiftiToNumpy"), step("AddChannelDimension")]
"""The shortest chain of a network for volumes."""

BUSY = [
    step("NiftiToNumpy"),
    step("Reorient", axes="LPS"),
    step("Resample", spacing_mm=[1.3, 1.1, 1.7]),
    step("CropOrPad", size=[20, 14, 16]),
    step("AddChannelDimension"),
]
"""A chain that turns, resamples, crops and pads."""

WINDOW = {"type": ".SlidingWindow", "params": {"window": [8, 8, 6], "overlap": 0.5}}


def model_entry(n_in: int = 1, n_out: int = 3, *, kind: str = "torch.nn.Conv3d", **params: Any) -> dict[str, Any]:
    """Return the entry of a single convolution."""
    settings = params or {"in_channels": n_in, "out_channels": n_out, "kernel_size": 3, "padding": 1}
    return {"type": kind, "params": {"input_names": ["image"], "output_names": ["logits"], **settings}}


def config_of(
    steps: Sequence[Mapping[str, Any]] = PLAIN,
    readers: Sequence[Mapping[str, Any]] = (READ,),
    model: Mapping[str, Any] | None = None,
    hyper: Sequence[Mapping[str, Any]] = (),
    cases: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the configuration of a package, or of a run that predicts cases."""
    dataset = {"type": "eisen.datasets.EisenDataset", "params": {"cases": list(cases)}}
    sections = {"Datasets": [dataset], "Readers": list(readers), "Transforms": list(steps)}
    settings = [
        {"type": name, "params": {"value": value}}
        for name, value in ((".Device", "cpu"), (".Seed", 3), (".NumWorkers", 0), (".BatchSize", 1))
    ]
    general = {"Models": [model or model_entry()], "Hyperparameters": settings}
    return copy.deepcopy({"General": general, "Prediction": {**sections, "Hyperparameters": list(hyper)}})


def write_weights(config: Mapping[str, Any], path: Path, seed: int = 0) -> Path:
    """Write weights of the model of a configuration, always the same ones."""
    path.parent.mkdir(parents=True, exist_ok=True)
    network = build_model(read_config(dict(config))).module
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for weights in network.parameters():
            weights.copy_(torch.randn(weights.shape, generator=generator))
    save_file(network.state_dict(), path)
    return path


def safe_folder(
    folder: Path,
    config: Mapping[str, Any] | None = None,
    *,
    kind: str = "labels",
    inputs: Sequence[ModelInput] = (ModelInput("image"),),
    outputs: Sequence[str] | None = None,
    **more: Any,
) -> Path:
    """Write an unpacked safe package by hand, and return its folder.

    Args:
        folder: Where to.
        config: See `config_of`.
        kind: Of the package.
        inputs: Of the package.
        outputs: Names that the metadata declare, besides the warnings.
        **more: For `Package`.
    """
    config = config_of() if config is None else config
    write_weights(config, folder / "weights/0.safetensors")
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    usual = {"labels": ["labels"], "image": ["image"], "classes": ["probabilities", "classes"], "values": ["values"]}
    names = list(outputs or usual[kind])
    more.setdefault("labels", LABELS if kind in ("labels", "classes") else [])
    package = Package("tiny", "1.0", kind, list(inputs), ["weights/0.safetensors"], **more)
    (folder / "package.json").write_bytes(write_package(package))
    metadata = {
        "inputs": [part for given in inputs for part in _declared(given)],
        "outputs": [*({"name": name, "type": "ndarray", "shape": -1} for name in names), _WARNINGS],
        "model_input_list": [given.field for given in inputs],
        "model_output_list": names,
        "custom": {"package": kind},
    }
    (folder / "metadata.json").write_text(json.dumps(metadata), encoding="utf-8")
    return folder


_WARNINGS = {"name": "warnings", "type": "list", "shape": -1}


def _declared(given: ModelInput) -> list[dict[str, Any]]:
    image = {"name": given.field, "type": "ndarray", "shape": [-1] * given.spatial_axes}
    affine = {"name": f"{given.field}_affine", "type": "ndarray", "shape": [4, 4]}
    return [image, affine] if given.spatial_axes == 3 else [image]


def phantom(shape: Sequence[int] = (17, 13, 11), seed: int = 0, dtype: Any = "int16") -> np.ndarray:
    """Return a volume without any symmetry: smooth noise around a few bright boxes."""
    rng = np.random.default_rng(seed)
    volume = rng.normal(0, 12, shape)
    for number in range(3):
        start = [int(rng.integers(0, max(1, n // 2))) for n in shape]
        volume[tuple(slice(s, s + max(1, n // 3)) for s, n in zip(start, shape, strict=True))] += 60 * (number + 1)
    return np.asarray(volume).astype(dtype)


def oblique(spacing: Sequence[float] = (0.9, 1.3, 2.5), flips: Sequence[int] = (1, 1, 1)) -> np.ndarray:
    """Return an affine at odd angles, with axes that may point backwards, exact in 32-bit floats."""
    from scipy.spatial.transform import Rotation

    affine = np.eye(4)
    turn = Rotation.from_euler("xyz", (0.2, -0.15, 0.35)).as_matrix()
    affine[:3, :3] = turn @ np.diag(np.asarray(spacing) * np.asarray(flips))
    affine[:3, 3] = (-31.5, 12.25, 7.75)
    return affine.astype(np.float32).astype(np.float64)
