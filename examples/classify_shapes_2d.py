"""The experiment of classify_shapes_2d.json as a script: python examples/classify_shapes_2d.py FOLDER [EPOCHS]

Discs, squares and diamonds of equal area in strong noise: a small ResNet says which is which. The pictures are written
to FOLDER/shapes.npz as MedMNIST's are, unless it is there; with 0 EPOCHS that is all.
"""

import sys
from pathlib import Path

import numpy as np
import torch

from eisen import models, utils
from eisen import transforms as tf
from eisen.datasets import Loader, MedMNISTDataset, RandomShapesDataset
from eisen.ops import metrics

folder, n_epochs, kinds = Path(sys.argv[1]), int((sys.argv[2:] or [10])[0]), ["disc", "square", "diamond"]
if not (folder / "shapes.npz").is_file():
    arrays = {}
    for seed, (phase, n_cases) in enumerate({"train": 480, "val": 120, "test": 120}.items()):
        cases = list(RandomShapesDataset(n_cases, [28, 28], kinds, seed, noise=0.25))
        images = np.stack([case["image"][0] for case in cases])
        arrays[f"{phase}_images"] = np.clip(96 + 64 * images, 0, 255).astype("uint8")
        arrays[f"{phase}_labels"] = np.array([[case["kind"]] for case in cases], "uint8")
    folder.mkdir(parents=True, exist_ok=True)
    np.savez(folder / "shapes.npz", **arrays)

read = tf.FixedMeanStdNormalization(["image"], mean=128, std=64)
vary = [tf.RandomFlip(["image"], axes=[0, 1], spatial_dims=2), tf.RandomIntensityScaleShift(["image"], 0.2, 0.2)]
train = MedMNISTDataset(folder, "shapes.npz", "train", tf.Compose([read, *vary]))
held_out = MedMNISTDataset(folder, "shapes.npz", "val", read)

torch.manual_seed(0)
network = models.ResNet(input_channels=1, output_channels=3, n_filters=8, n_blocks=[1, 1, 1])
model = utils.EisenModuleWrapper(network, ["image"], ["logits"])
loss = utils.EisenModuleWrapper(torch.nn.CrossEntropyLoss(), ["logits", "label"], ["cross_entropy"])
accuracy = utils.EisenModuleWrapper(metrics.Accuracy(3), ["logits", "label"], ["accuracy"])
batches = Loader(train, batch_size=16, shuffle=True, seed=0)
optimizer = torch.optim.AdamW(network.parameters(), lr=0.005, weight_decay=0.01)
cycle = {"pct_start": 0.2, "cycle_momentum": False, "total_steps": max(n_epochs, 1) * len(batches)}
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.005, **cycle)
training = utils.workflows.Training(model, batches, [loss], optimizer, scheduler=schedule)
validation = utils.workflows.Validation(model, Loader(held_out, batch_size=16), metrics=[accuracy])
training.on(utils.events.EpochEnd)(lambda event: print(event.epoch + 1, event.losses, flush=True))
validation.on(utils.events.EpochEnd)(lambda event: print(event.metrics))
for _ in range(n_epochs):
    training.run()
    validation.run()
