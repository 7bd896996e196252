"""The experiment of msd_hippocampus.json as a script: python examples/msd_hippocampus.py FOLDER_OF_THE_TASK [EPOCHS]"""

import sys

import torch

from eisen import transforms as tf
from eisen.datasets import Loader, MSDDataset
from eisen.io import LoadNiftiFromFilename
from eisen.models import VNet
from eisen.ops.losses import DiceCELoss
from eisen.ops.metrics import DicePerClass
from eisen.utils import EisenModuleWrapper
from eisen.utils.events import EpochEnd
from eisen.utils.workflows import Training, Validation

folder, n_epochs, both = sys.argv[1], int((sys.argv[2:] or [36])[0]), ["image", "label"]
read = [LoadNiftiFromFilename(both, folder), tf.NiftiToNumpy(both), tf.AddChannelDimension(both)]
read += [tf.ZScoreNormalization(["image"], percentiles=[0.5, 99.5])]
vary = [tf.RandomAffine(both, 15, 0.15, 4, elastic_mm=3, control_points=6)]
vary += [tf.CropCenteredSubVolumes(both, [32, 48, 32]), tf.RandomGamma(["image"], [0.75, 1.35], p=0.5)]
vary += [tf.RandomIntensityScaleShift(["image"], 0.15, 0.15), tf.RandomNoise(["image"], [0, 0.1], p=0.5)]
train = MSDDataset(folder, "dataset.json", "training", tf.Compose(read + vary), split="train")
whole = tf.Compose([*read, tf.PadToMultiple(both, 16)])
held_out = MSDDataset(folder, "dataset.json", "training", whole, split="validation")

torch.manual_seed(1)
torch.set_num_threads(1)
model = EisenModuleWrapper(VNet(1, 3, 8, normalization="batchnorm", outputs_activation="none"), ["image"], ["logits"])
loss = EisenModuleWrapper(DiceCELoss(), ["logits", "label"], ["loss"])
dice = EisenModuleWrapper(DicePerClass(3, names=["anterior", "posterior"]), ["logits", "label"], ["dice"])
batches = Loader(train, batch_size=2, shuffle=True, seed=1)
optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01, fused=True)
n_steps = n_epochs * len(batches)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, n_steps, pct_start=0.15, cycle_momentum=False)
training = Training(model, batches, [loss], optimizer, scheduler=schedule)
validation = Validation(model, Loader(held_out, batch_size=1), metrics=[dice])
training.on(EpochEnd)(lambda event: print(event.epoch + 1, event.losses, flush=True))
validation.on(EpochEnd)(lambda event: print(event.metrics))
for _ in range(n_epochs):
    training.run()
validation.run()
