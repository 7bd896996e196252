"""The experiment of denoise_shapes.json as a script: python examples/denoise_shapes.py [EPOCHS]

Image to image: a U-Net is given a picture with noise and makes the picture without.
"""

import sys

import torch

from eisen import models, utils
from eisen import transforms as tf
from eisen.datasets import Loader, RandomShapesDataset
from eisen.ops.metrics import PSNR, SSIM

n_epochs, kinds = int((sys.argv[1:] or [10])[0]), ["disc", "square", "diamond"]
spoil = tf.Compose([tf.CopyFields(["image"], ["clean"]), tf.RandomNoise(["image"], std=[0.3, 0.3])])
train = RandomShapesDataset(256, [32, 32], kinds, seed=0, transform=spoil)
held_out = RandomShapesDataset(64, [32, 32], kinds, seed=1, transform=spoil)

torch.manual_seed(0)
network = models.UNet(1, 1, n_filters=16, normalization="batchnorm", outputs_activation="none")
model = utils.EisenModuleWrapper(network, ["image"], ["restored"])
loss = utils.EisenModuleWrapper(torch.nn.MSELoss(), ["restored", "clean"], ["mse"])
measures = [
    utils.EisenModuleWrapper(PSNR(), ["restored", "clean"], ["psnr"]),
    utils.EisenModuleWrapper(SSIM(), ["restored", "clean"], ["ssim"]),
    utils.EisenModuleWrapper(PSNR(), ["image", "clean"], ["psnr_before"]),
    utils.EisenModuleWrapper(SSIM(), ["image", "clean"], ["ssim_before"]),
]

batches = Loader(train, batch_size=8, shuffle=True, seed=0)
optimizer = torch.optim.AdamW(network.parameters(), lr=0.003, weight_decay=0.01)
cycle = {"pct_start": 0.2, "cycle_momentum": False, "total_steps": n_epochs * len(batches)}
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.003, **cycle)
training = utils.workflows.Training(model, batches, [loss], optimizer, scheduler=schedule)
validation = utils.workflows.Validation(model, Loader(held_out, batch_size=8), metrics=measures)
training.on(utils.events.EpochEnd)(lambda event: print(event.epoch + 1, event.losses, flush=True))
validation.on(utils.events.EpochEnd)(lambda event: print(event.metrics))
for _ in range(n_epochs):
    training.run()
validation.run()
