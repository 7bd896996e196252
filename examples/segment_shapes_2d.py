"""The experiment of segment_shapes_2d.json as a script: python examples/segment_shapes_2d.py [EPOCHS]

Discs and squares in strong noise, drawn as they are read: a U-Net says which pixels belong to them.
"""

import sys

import torch

from eisen import models, utils
from eisen import transforms as tf
from eisen.datasets import Loader, RandomShapesDataset
from eisen.ops import losses, metrics

n_epochs, both = int((sys.argv[1:] or [10])[0]), ["image", "mask"]
vary = tf.Compose(
    [
        tf.RandomFlip(both, axes=[0, 1], spatial_dims=2),
        tf.RandomRotate90(both, spatial_dims=2),
        tf.RandomIntensityScaleShift(["image"], scale=0.2, shift=0.2),
    ]
)
train = RandomShapesDataset(256, [32, 32], seed=0, noise=0.5, transform=vary)
held_out = RandomShapesDataset(64, [32, 32], seed=1, noise=0.5)

torch.manual_seed(0)
network = models.UNet(1, 2, n_filters=8, normalization="batchnorm", outputs_activation="none")
model = utils.EisenModuleWrapper(network, ["image"], ["logits"])
loss = utils.EisenModuleWrapper(losses.DiceCELoss(), ["logits", "mask"], ["dice_ce"])
dice = utils.EisenModuleWrapper(metrics.DicePerClass(2, names=["shape"]), ["logits", "mask"], ["dice"])

batches = Loader(train, batch_size=8, shuffle=True, seed=0)
optimizer = torch.optim.AdamW(network.parameters(), lr=0.005, weight_decay=0.01)
cycle = {"pct_start": 0.2, "cycle_momentum": False, "total_steps": n_epochs * len(batches)}
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.005, **cycle)
training = utils.workflows.Training(model, batches, [loss], optimizer, scheduler=schedule)
validation = utils.workflows.Validation(model, Loader(held_out, batch_size=8), metrics=[dice])
training.on(utils.events.EpochEnd)(lambda event: print(event.epoch + 1, event.losses, flush=True))
validation.on(utils.events.EpochEnd)(lambda event: print(event.metrics))
for _ in range(n_epochs):
    training.run()
validation.run()
