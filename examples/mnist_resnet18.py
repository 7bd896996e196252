"""Digits and a network of torchvision, Eisen around them: python examples/mnist_resnet18.py FOLDER [EPOCHS] [ARTIFACTS]

FOLDER is the one that torchvision.datasets.MNIST(FOLDER, download=True) filled.
"""

import sys
from pathlib import Path

import torch
from torchvision import transforms as tv
from torchvision.datasets import MNIST
from torchvision.models import resnet18

from eisen.datasets import Loader
from eisen.ops.metrics import Accuracy
from eisen.utils import EisenDatasetWrapper, EisenModuleWrapper, EisenTransformWrapper
from eisen.utils.artifacts import SaveTorchModelHook
from eisen.utils.logging import LoggingHook, TensorboardSummaryHook
from eisen.utils.workflows import Training, Validation

folder, n_epochs, artifacts = sys.argv[1], int((sys.argv[2:] or [2])[0]), Path((sys.argv[3:] or ["artifacts"])[0])
artifacts.mkdir(parents=True, exist_ok=True)
torch.manual_seed(1)

# resnet18 wants three colours
tform = EisenTransformWrapper(tv.Compose([tv.Grayscale(3), tv.ToTensor()]), ["image"])
train, held_out = (EisenDatasetWrapper(MNIST(folder, train=side), ["image", "label"], tform) for side in (True, False))

model = EisenModuleWrapper(resnet18(num_classes=10), ["image"], ["predictions"])
loss = EisenModuleWrapper(torch.nn.CrossEntropyLoss(), ["predictions", "label"], ["cross_entropy"])
accuracy = EisenModuleWrapper(Accuracy(10), ["predictions", "label"], ["accuracy"])
optimizer = torch.optim.Adam(model.parameters(), 0.001)

batches = Loader(train, batch_size=32, shuffle=True, seed=1)
training = Training(model, batches, [loss], optimizer, metrics=[accuracy], gpu=True)
validation = Validation(model, Loader(held_out, batch_size=32), [loss], metrics=[accuracy])

hooks = [LoggingHook(training.id, "Training", artifacts), LoggingHook(validation.id, "Validation", artifacts)]
hooks += [TensorboardSummaryHook(validation.id, "Validation", artifacts, comparison_pairs=[["label", "predictions"]])]
hooks += [SaveTorchModelHook(validation.id, "Validation", artifacts)]

for _ in range(n_epochs):
    training.run()
    validation.run()
