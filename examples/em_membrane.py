"""The experiment of em_membrane.json as a script: python examples/em_membrane.py FOLDER [EPOCHS] [PICTURE]

Electron microscopy of nerve tissue: a U-Net finds the membranes, so that each cell becomes one piece. The fold comes
from em_membrane.split.json, whose parts are blocks of neighbouring slices. PICTURE shows a slice that was held out.
"""

import sys
from pathlib import Path

import torch
from matplotlib import pyplot as plt

from eisen import io, models, utils
from eisen import transforms as tf
from eisen.datasets import FolderDataset, Loader
from eisen.experiments.splits import Splits
from eisen.ops import losses, metrics

folder, n_epochs, both = sys.argv[1], int((sys.argv[2:] or [200])[0]), ["image", "label"]
fold = Splits.load(Path(__file__).with_name("em_membrane.split.json"))["slices 15-19"]
read = [io.LoadPILImageFromFilename(both, folder), tf.PilToNumpy(both), tf.AddChannelDimension(both)]
read += [tf.RemapLabels(["label"], {"0": 1, "255": 0}), tf.ZScoreNormalization(["image"])]
bend = {"elastic_mm": 8, "control_points": 10, "padding": "border", "spatial_dims": 2}
vary = [tf.RandomCrop(both, [320, 320]), tf.RandomAffine(both, 15, 0.15, **bend), tf.CropOrPad(both, [256, 256])]
vary += [tf.RandomFlip(both, [0, 1], spatial_dims=2), tf.RandomRotate90(both, spatial_dims=2)]
vary += [tf.RandomIntensityScaleShift(["image"], 0.25, 0.25), tf.RandomBlur(["image"], [0, 1], p=0.3, spatial_dims=2)]
vary += [tf.RandomNoise(["image"], [0, 0.2], p=0.5)]


def slices(names, transform):
    cases = FolderDataset(folder, {"image": "image/*.png", "label": "label/*.png"}, transform=tf.Compose(transform))
    cases.cases = [case for case in cases.cases if Path(case["image"]).stem in names]
    return cases


torch.manual_seed(0)
network = models.UNet(1, 2, n_filters=16, normalization="batchnorm", outputs_activation="none")
model = utils.EisenModuleWrapper(network, ["image"], ["logits"])
loss = utils.EisenModuleWrapper(losses.DiceCELoss(), ["logits", "label"], ["dice_ce"])
dice = utils.EisenModuleWrapper(metrics.DicePerClass(2, names=["membrane"]), ["logits", "label"], ["dice"])
rand = utils.EisenModuleWrapper(metrics.ForegroundRand(activation="softmax"), ["logits", "label"], ["v_rand"])

batches = Loader(slices(fold.training, read + vary), batch_size=3, shuffle=True, seed=0)
held_out = Loader(slices(fold.validation, read), batch_size=1)
optimizer = torch.optim.AdamW(network.parameters(), lr=0.004, weight_decay=0.01)
cycle = {"pct_start": 0.15, "cycle_momentum": False, "total_steps": n_epochs * len(batches)}
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.004, **cycle)
training = utils.workflows.Training(model, batches, [loss], optimizer, scheduler=schedule)
validation = utils.workflows.Validation(model, held_out, metrics=[dice, rand])
training.on(utils.events.EpochEnd)(lambda event: print(event.epoch + 1, event.losses, flush=True))
validation.on(utils.events.EpochEnd)(lambda event: print(event.metrics))
for _ in range(n_epochs):
    training.run()
validation.run()

if len(sys.argv) > 3:
    case = next(iter(held_out))
    with torch.no_grad():
        found = network.eval()(case["image"].cpu()).softmax(1)[0, 1]
    figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
    for axis, picture in zip(axes, (case["image"][0, 0], found, case["label"][0, 0]), strict=True):
        axis.imshow(picture, cmap="gray")
        axis.set_axis_off()
    figure.savefig(sys.argv[3])
