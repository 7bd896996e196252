"""A GAN learns to make volumes with a ball: python examples/gan_phantom_3d.py [EPOCHS] [FOLDER]

At the end it says how many of 100 generated volumes hold exactly one ball of a size that occurs, and writes eight of
them into FOLDER.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from eisen.datasets import Loader, RandomShapesDataset
from eisen.io import write_nifti
from eisen.models import GAN, DCGANDiscriminator, DCGANGenerator
from eisen.ops.metrics import SlicedWasserstein
from eisen.transforms import FixedMeanStdNormalization
from eisen.utils import EisenModuleWrapper
from eisen.utils.workflows import EMA, AdversarialTraining, GenerativeValidation

n_epochs, folder = int((sys.argv[1:] or [18])[0]), Path((sys.argv[2:] or ["artifacts"])[0])
folder.mkdir(parents=True, exist_ok=True)
torch.manual_seed(1)

tform = FixedMeanStdNormalization(["image"], mean=0.5, std=0.5)  # from -1 to 1, the range of tanh
train, held_out = (
    RandomShapesDataset(n, (16, 16, 16), ["ball"], seed=seed, transform=tform) for n, seed in ((2048, 0), (256, 1))
)

generator = DCGANGenerator(1, 16, dimensions=3, latent_size=16, n_filters=16)
discriminator = DCGANDiscriminator(1, 16, dimensions=3, n_filters=16)
gan = GAN(generator, discriminator)
model = EisenModuleWrapper(gan, ["latent"], ["generated"])
optimizers = {
    "generator": torch.optim.Adam(generator.parameters(), 1e-3, betas=(0.5, 0.999)),
    "discriminator": torch.optim.Adam(discriminator.parameters(), 4e-4, betas=(0.5, 0.999)),
}
batches = Loader(train, batch_size=32, shuffle=True, seed=1)
training = AdversarialTraining(model, batches, optimizer=optimizers, average=EMA(0.98))
distance = EisenModuleWrapper(SlicedWasserstein(), ["generated", "image"], ["distance"])
validation = GenerativeValidation(model, Loader(held_out, batch_size=64), metrics=[distance])

for epoch in range(n_epochs):
    training.run()
    with training.average.applied():
        validation.run()
    print(f"epoch {epoch + 1}: distance {distance.module.compute():.3f}", flush=True)

with training.average.applied():
    volumes = gan.eval().generate(100).cpu().numpy()
for number, volume in enumerate(volumes[:8]):
    write_nifti(folder / f"ball_{number}.nii.gz", volume[0], np.eye(4))
sizes, numbers = (volumes > 0).sum((1, 2, 3, 4)), [ndimage.label(volume[0] > 0)[1] for volume in volumes]
smallest, largest = (4 / 3 * np.pi * (16 * share) ** 3 for share in (0.14, 0.26))
good = [n == 1 and 0.75 * smallest <= size <= 1.25 * largest for n, size in zip(numbers, sizes, strict=True)]
print(f"one ball of a size that occurs: {sum(good)} of 100")
