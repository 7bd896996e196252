"""Scans and pieces of configurations."""

from __future__ import annotations

import copy

import nibabel
import numpy as np

from eisen.experiments import Observer


def oblique(spacing=(0.8, 1.1, 3.0), angles=(0.3, -0.2, 0.5), origin=(-40.0, 12.5, 7.0)):
    from scipy.spatial.transform import Rotation

    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", angles).as_matrix() @ np.diag(spacing)
    affine[:3, 3] = origin
    return affine


def save(path, array, affine=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(nibabel.Nifti1Image(array, np.eye(4) if affine is None else affine), path)


def scan(shape, seed):
    """Return an image with a bright box, and the label of the box."""
    rng = np.random.default_rng(seed)
    label = np.zeros(shape, np.uint8)
    label[tuple(slice(n // 4, n // 4 + n // 2) for n in shape)] = 1
    image = (label + 0.15 * rng.normal(size=shape)).clip(0, 1).astype(np.float32)
    return image, label


def entry(type_, **params):
    return {"type": type_, "params": params}


STEPS = [
    entry("eisen.transforms.NiftiToNumpy", fields=["image", "label"]),
    entry("eisen.transforms.CropCenteredSubVolumes", fields=["image", "label"], size=[8, 8, 8]),
    entry("eisen.transforms.AddChannelDimension", fields=["image", "label"]),
]
WIRES = {"input_names": ["predictions", "label"]}
DICE = entry("eisen.ops.metrics.dice.DiceMetric", **WIRES, output_names=["dice_metric"])
LOSS = entry("eisen.ops.losses.dice.DiceLoss", **WIRES, output_names=["dice_loss"])


def phase(json_file, **sections):
    return {
        "Datasets": [entry("eisen.datasets.json.JsonDataset", json_file=json_file)],
        "Readers": [entry("eisen.io.imaging.LoadNiftiFromFilename", fields=["image", "label"])],
        "Transforms": copy.deepcopy(STEPS),
        **sections,
    }


def set_hyper(config, name, value):
    for item in config["General"]["Hyperparameters"]:
        if item["type"] == name:
            item["params"]["value"] = value
            return
    config["General"]["Hyperparameters"].append(entry(name, value=value))


class Recorder(Observer):
    """Writes down everything it is told."""

    def __init__(self):
        self.calls = []

    def on_phase_start(self, phase, epoch, n_batches):
        self.calls.append(("phase", phase, epoch, n_batches))

    def on_batch(self, done, n_batches):
        self.calls.append(("batch", done, n_batches))

    def on_epoch(self, epoch, n_epochs, rows):
        self.calls.append(("epoch", epoch, n_epochs, [row.phase for row in rows]))

    def on_artifact(self, path, what):
        self.calls.append(("artifact", what))

    def on_message(self, text):
        self.calls.append(("message", text))

    @property
    def messages(self):
        return [call[1] for call in self.calls if call[0] == "message"]
