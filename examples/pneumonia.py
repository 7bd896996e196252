"""The experiment of pneumonia.json as a script: python examples/pneumonia.py FOLDER [EPOCHS] [NPZ_FILE]

Chest radiographs of 28 x 28 pixels, normal or pneumonia, in MedMNIST's format: a small ResNet tells them apart.
"""

import sys

import torch

from eisen import models, utils
from eisen import transforms as tf
from eisen.datasets import Loader, MedMNISTDataset
from eisen.ops.metrics import AUROC, Accuracy

folder, n_epochs = sys.argv[1], int((sys.argv[2:] or [20])[0])
npz_file = (sys.argv[3:] or ["pneumoniamnist_trainval.npz"])[0]
read = tf.FixedMeanStdNormalization(["image"], mean=145, std=45)
vary = tf.Compose(
    [
        read,
        tf.RandomAffine(["image"], rotation_degrees=10, scale=0.1, translation_mm=2, spatial_dims=2),
        tf.RandomFlip(["image"], axes=[1], spatial_dims=2),
        tf.RandomIntensityScaleShift(["image"], scale=0.2, shift=0.2),
    ]
)
train = MedMNISTDataset(folder, npz_file, "train", vary)
held_out = MedMNISTDataset(folder, npz_file, "val", read)

torch.manual_seed(0)
network = models.ResNet(input_channels=1, output_channels=2, n_filters=16, n_blocks=[2, 2, 2])
model = utils.EisenModuleWrapper(network, ["image"], ["logits"])
loss = utils.EisenModuleWrapper(torch.nn.CrossEntropyLoss(), ["logits", "label"], ["cross_entropy"])
area = AUROC(2, names=["pneumonia"], activation="softmax")
measures = [utils.EisenModuleWrapper(area, ["logits", "label"], ["auroc"])]
measures += [utils.EisenModuleWrapper(Accuracy(2), ["logits", "label"], ["accuracy"])]

batches = Loader(train, batch_size=32, shuffle=True, seed=0)
optimizer = torch.optim.AdamW(network.parameters(), lr=0.003, weight_decay=0.01)
cycle = {"pct_start": 0.2, "cycle_momentum": False, "total_steps": n_epochs * len(batches)}
schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.003, **cycle)
training = utils.workflows.Training(model, batches, [loss], optimizer, scheduler=schedule)
validation = utils.workflows.Validation(model, Loader(held_out, batch_size=90), metrics=measures)
training.on(utils.events.EpochEnd)(lambda event: print(event.epoch + 1, event.losses, flush=True))
validation.on(utils.events.EpochEnd)(lambda event: print(event.metrics, flush=True))
for _ in range(n_epochs):
    training.run()
    validation.run()
