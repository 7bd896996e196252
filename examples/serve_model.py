"""Train, pack, serve and ask, all from Python: python examples/serve_model.py

Phantoms stand in for scans, a single layer for a network. The server runs in processes of its own, on a free port of
this machine, and is gone when the block ends.
"""

import json
import tempfile
from pathlib import Path

import nibabel
import numpy as np

from eisen.config import read_config
from eisen.datasets import make_phantoms
from eisen.experiments import Run
from eisen_deploy.client import EisenServingClient
from eisen_deploy.packaging import pack_run, unpack
from eisen_deploy.serving.embedded import EmbeddedServer
from eisen_deploy.serving.settings import ServerSettings

folder = Path(tempfile.mkdtemp())
data = make_phantoms(folder / "data", n_training=4, n_validation=2, n_test=1, size=24)


def phase(fields, json_file, kind, **more):
    """Return a phase that reads these fields."""
    names = {"fields": fields}
    return {
        "Datasets": [{"type": "eisen.datasets.MSDDataset", "params": {"json_file": json_file, "phase": kind}}],
        "Readers": [{"type": "eisen.io.LoadNiftiFromFilename", "params": names}],
        "Transforms": [
            {"type": "eisen.transforms.NiftiToNumpy", "params": names},
            {"type": "eisen.transforms.AddChannelDimension", "params": names},
            {"type": "eisen.transforms.ZScoreNormalization", "params": {"fields": ["image"]}},
        ],
        **more,
    }


layer = {"in_channels": 1, "out_channels": 4, "kernel_size": 3, "padding": 1}
names = {"input_names": ["image"], "output_names": ["logits"]}
loss = {"input_names": ["logits", "label"], "output_names": ["loss"]}
labels = {"0": "background", "1": "liver", "2": "spleen", "3": "kidneys"}
config = {
    "General": {
        "Hyperparameters": [
            {"type": ".BatchSize", "params": {"value": 1}},
            {"type": ".Labels", "params": {"value": labels}},
        ],
        "Models": [{"type": "torch.nn.Conv3d", "params": {**names, **layer}}],
    },
    "Training": phase(
        ["image", "label"],
        "dataset_train.json",
        "training",
        Losses=[{"type": "eisen.ops.losses.DiceCELoss", "params": loss}],
        Optimizer=[{"type": "torch.optim.Adam", "params": {"lr": 0.1}}],
    ),
    "Prediction": phase(["image"], "dataset.json", "test"),
}
(folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
run = Run(read_config(folder / "config.json", epochs=3), data, folder / "artifacts")
run.train()
run.predict()

report = pack_run(folder / "artifacts", folder / "abdomen.mar", graph=False)
print(f"packed {report.path.name}: {report.size} bytes, {report.golden} golden cases")

unpack(folder / "abdomen.mar", folder / "abdomen")  # every member is checked first
(folder / "scratch").mkdir()
(scan,) = (data / "imagesTs").glob("*.nii.gz")
with EmbeddedServer(ServerSettings(port=0, threads=1), [folder / "abdomen"], folder / "scratch") as server:
    server.wait_ready()
    print(f"serving at {server.url}")
    with EisenServingClient(f"{server.url}/predictions/abdomen", token=server.token) as client:
        client.predict_file(scan, folder / "mask.nii.gz")
        for label in client.predict_file(scan, accept="json").json()["labels"]:
            print(f"{label['name']}: {label['volume_ml']:.1f} ml")

served = np.asarray(nibabel.load(folder / "mask.nii.gz").dataobj)
predicted = np.asarray(nibabel.load(folder / "artifacts" / "predictions" / scan.name).dataobj)
print("same as eisen predict:", bool((served == predicted).all()), "labels:", *np.unique(served))
