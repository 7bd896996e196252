"""The experiment of phantom.json as a script: python examples/phantom.py FOLDER [EPOCHS]

Abdominal MR phantoms with liver, spleen and kidneys, which eisen.datasets.make_phantoms wrote to FOLDER.
"""

import sys

import torch

from eisen import datasets, io, models, utils
from eisen import transforms as tf
from eisen.ops import losses, metrics

folder, n_epochs, both = sys.argv[1], int((sys.argv[2:] or [30])[0]), ["image", "label"]
organs = ["liver", "spleen", "kidneys"]
read = [io.LoadNiftiFromFilename(both, folder), tf.NiftiToNumpy(both), tf.AddChannelDimension(both)]
read += [tf.ZScoreNormalization(["image"])]
vary = [tf.RandomAffine(both, rotation_degrees=10, scale=0.1, translation_mm=4, p=0.5)]
vary += [tf.RandomIntensityScaleShift(["image"], 0.15, 0.15), tf.CropCenteredSubVolumes(both, [48, 48, 32])]
whole = tf.Compose([*read, tf.PadToMultiple(both, 16)])
train = datasets.MSDDataset(folder, "dataset_train.json", "training", tf.Compose(read + vary))
held_out = datasets.MSDDataset(folder, "dataset_val.json", "training", whole)

torch.manual_seed(1)
network = models.VNet(1, 4, n_filters=8, normalization="batchnorm", outputs_activation="none")
model = utils.EisenModuleWrapper(network, ["image"], ["logits"])
loss = utils.EisenModuleWrapper(losses.DiceCELoss(), ["logits", "label"], ["dice_ce"])
dice = utils.EisenModuleWrapper(metrics.DicePerClass(4, names=organs), ["logits", "label"], ["dice"])

batches = datasets.Loader(train, batch_size=2, shuffle=True, seed=1)
optimizer = torch.optim.AdamW(network.parameters(), lr=0.008, weight_decay=0.0001, fused=True)
cycle = {"pct_start": 0.15, "cycle_momentum": False, "total_steps": n_epochs * len(batches)}
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.008, **cycle)
training = utils.workflows.Training(model, batches, [loss], optimizer, scheduler=schedule)
validation = utils.workflows.Validation(model, datasets.Loader(held_out, batch_size=1), metrics=[dice])
training.on(utils.events.EpochEnd)(lambda event: print(event.epoch + 1, event.losses, flush=True))
validation.on(utils.events.EpochEnd)(lambda event: print(event.metrics))
for _ in range(n_epochs):
    training.run()
validation.run()
