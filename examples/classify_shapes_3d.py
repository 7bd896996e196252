"""A VGG for volumes tells balls from cubes: python examples/classify_shapes_3d.py [EPOCHS]"""

import sys

import torch

from eisen.datasets import Loader, RandomShapesDataset
from eisen.models import VGG3D
from eisen.ops.metrics import Accuracy
from eisen.transforms import ZScoreNormalization
from eisen.utils import EisenModuleWrapper
from eisen.utils.workflows import Testing, Training, Validation

n_epochs = int((sys.argv[1:] or [8])[0])
torch.manual_seed(1)

tform = ZScoreNormalization(["image"])
train, held_out, unseen = (
    RandomShapesDataset(n, (24, 24, 24), ["ball", "cube"], seed=seed, transform=tform, noise=0.05)
    for n, seed in ((512, 0), (256, 1), (256, 2))
)

model = EisenModuleWrapper(VGG3D(1, 2, n_filters=8, n_hidden=32, dropout=0.2), ["image"], ["logits"])
loss = EisenModuleWrapper(torch.nn.CrossEntropyLoss(), ["logits", "kind"], ["cross_entropy"])
accuracy = EisenModuleWrapper(Accuracy(2), ["logits", "kind"], ["accuracy"])
optimizer = torch.optim.Adam(model.parameters(), 0.001)
scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(n_epochs, 1))

batches = Loader(train, batch_size=16, shuffle=True, seed=1)
training = Training(model, batches, [loss], optimizer, scheduler=scheduler)
validation = Validation(model, Loader(held_out, batch_size=16), [loss], metrics=[accuracy])
testing = Testing(model, Loader(unseen, batch_size=16), metrics=[accuracy])

for epoch in range(n_epochs):
    training.run()
    validation.run()
    print(f"epoch {epoch + 1}: accuracy {accuracy.module.compute():.3f}", flush=True)

testing.run()
print(f"accuracy on volumes not seen before: {accuracy.module.compute():.3f}")
