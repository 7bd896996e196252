"""The experiment of msd_hippocampus.json as a script: python examples/msd_hippocampus.py FOLDER_OF_THE_TASK [EPOCHS]"""

import sys

import torch

from eisen import datasets, io, models, utils
from eisen import transforms as tf
from eisen.ops import losses, metrics

folder, n_epochs, both = sys.argv[1], int((sys.argv[2:] or [36])[0]), ["image", "label"]
read = [io.LoadNiftiFromFilename(both, folder), tf.NiftiToNumpy(both), tf.AddChannelDimension(both)]
read += [tf.ZScoreNormalization(["image"], percentiles=[0.5, 99.5])]
vary = [tf.RandomAffine(both, 15, 0.15, 4, elastic_mm=3, control_points=6)]
vary += [tf.CropCenteredSubVolumes(both, [32, 48, 32]), tf.RandomGamma(["image"], [0.75, 1.35], p=0.5)]
vary += [tf.RandomIntensityScaleShift(["image"], 0.15, 0.15), tf.RandomNoise(["image"], [0, 0.1], p=0.5)]
whole = tf.Compose([*read, tf.PadToMultiple(both, 16)])
train = datasets.MSDDataset(folder, "dataset.json", "training", tf.Compose(read + vary), split="train")
held_out = datasets.MSDDataset(folder, "dataset.json", "training", whole, split="validation")

torch.manual_seed(1)
network = models.VNet(1, 3, n_filters=8, normalization="batchnorm", outputs_activation="none")
model = utils.EisenModuleWrapper(network, ["image"], ["logits"])
loss = utils.EisenModuleWrapper(losses.DiceCELoss(), ["logits", "label"], ["loss"])
dice = utils.EisenModuleWrapper(metrics.DicePerClass(3, names=["anterior", "posterior"]), ["logits", "label"], ["dice"])
batches = datasets.Loader(train, batch_size=2, shuffle=True, seed=1)
optimizer = torch.optim.AdamW(network.parameters(), lr=3e-3, weight_decay=0.01, fused=True)
cycle = {"pct_start": 0.15, "cycle_momentum": False, "total_steps": n_epochs * len(batches)}
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, **cycle)
training = utils.workflows.Training(model, batches, [loss], optimizer, scheduler=schedule)
validation = utils.workflows.Validation(model, datasets.Loader(held_out, batch_size=1), metrics=[dice])
training.on(utils.events.EpochEnd)(lambda event: print(event.epoch + 1, event.losses, flush=True))
validation.on(utils.events.EpochEnd)(lambda event: print(event.metrics))
for _ in range(n_epochs):
    training.run()
validation.run()
