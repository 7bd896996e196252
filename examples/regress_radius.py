"""The experiment of regress_radius.json as a script: python examples/regress_radius.py [EPOCHS]

A number per picture: a small ResNet says how large the disc in a noisy picture is. The radius in pixels is taken from
the picture before the noise: its sum is the area of the disc.
"""

import sys

import torch
import torchmetrics

from eisen import models, utils
from eisen import transforms as tf
from eisen.datasets import Loader, RandomShapesDataset

n_epochs, radius = int((sys.argv[1:] or [15])[0]), ["radius"]
measure = [tf.CopyFields(["image"], radius), tf.Lambda(radius, "numpy.sum")]
measure += [tf.FixedMeanStdNormalization(radius, mean=0, std=3.141593)]  # the area by pi
measure += [tf.Lambda(radius, "numpy.sqrt"), tf.Lambda(radius, "numpy.atleast_1d")]  # with a channel, as predictions
spoil = [*measure, tf.RandomNoise(["image"], std=[0.3, 0.3])]
vary = tf.Compose([*spoil, tf.RandomFlip(["image"], axes=[0, 1], spatial_dims=2)])
train = RandomShapesDataset(256, [32, 32], ["disc"], seed=0, transform=vary)
held_out = RandomShapesDataset(64, [32, 32], ["disc"], seed=1, transform=tf.Compose(spoil))

torch.manual_seed(0)
network = models.ResNet(input_channels=1, output_channels=1, n_filters=8, n_blocks=[1, 1, 1])
model = utils.EisenModuleWrapper(network, ["image"], ["prediction"])
pair = ["prediction", "radius"]
loss = utils.EisenModuleWrapper(torch.nn.SmoothL1Loss(), pair, ["smooth_l1"])
measures = [utils.EisenModuleWrapper(torchmetrics.MeanAbsoluteError(), pair, ["mae"])]
measures += [utils.EisenModuleWrapper(torchmetrics.R2Score(), pair, ["r2"])]

batches = Loader(train, batch_size=16, shuffle=True, seed=0)
optimizer = torch.optim.AdamW(network.parameters(), lr=0.005, weight_decay=0.01)
cycle = {"pct_start": 0.2, "cycle_momentum": False, "total_steps": n_epochs * len(batches)}
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.005, **cycle)
training = utils.workflows.Training(model, batches, [loss], optimizer, scheduler=schedule)
validation = utils.workflows.Validation(model, Loader(held_out, batch_size=16), metrics=measures)
training.on(utils.events.EpochEnd)(lambda event: print(event.epoch + 1, event.losses, flush=True))
validation.on(utils.events.EpochEnd)(lambda event: print(event.metrics))
for _ in range(n_epochs):
    training.run()
validation.run()
