"""A GAN learns to draw discs: python examples/gan_phantom_2d.py [gan | wgan-gp] [EPOCHS] [FOLDER]

At the end it says how many of 100 generated pictures hold exactly one disc of a size that occurs, and writes the
pictures into FOLDER.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from eisen.datasets import Loader, RandomShapesDataset
from eisen.experiments.generate import as_pixels, picture_grid
from eisen.io import write_image
from eisen.models import GAN, DCGANDiscriminator, DCGANGenerator
from eisen.ops.metrics import SlicedWasserstein
from eisen.transforms import FixedMeanStdNormalization
from eisen.utils import EisenModuleWrapper
from eisen.utils.workflows import EMA, AdversarialTraining, GenerativeValidation

mode = (sys.argv[1:] or ["gan"])[0]
n_epochs, folder = int((sys.argv[2:] or [24])[0]), Path((sys.argv[3:] or ["artifacts"])[0])
folder.mkdir(parents=True, exist_ok=True)
torch.manual_seed(1)

tform = FixedMeanStdNormalization(["image"], mean=0.5, std=0.5)  # from -1 to 1, the range of tanh
train, held_out = (
    RandomShapesDataset(n, (32, 32), ["disc"], seed=seed, transform=tform) for n, seed in ((2048, 0), (256, 1))
)

rates, betas, n_critic, decay = {
    "gan": ((1e-3, 2e-4), (0.5, 0.999), 1, 0.99),
    "wgan-gp": ((2e-3, 1e-3), (0.0, 0.9), 2, 0.98),
}[mode]
generator = DCGANGenerator(1, 32, latent_size=16, n_filters=16)
# not batch normalization: a critic must see every image by itself, and here a discriminator learns faster so, too
discriminator = DCGANDiscriminator(1, 32, n_filters=16, normalization="layernorm")
gan = GAN(generator, discriminator)
model = EisenModuleWrapper(gan, ["latent"], ["generated"])
optimizers = {
    "generator": torch.optim.Adam(generator.parameters(), rates[0], betas=betas),
    "discriminator": torch.optim.Adam(discriminator.parameters(), rates[1], betas=betas),
}
batches = Loader(train, batch_size=32, shuffle=True, seed=1)
options = {"mode": mode, "n_critic": n_critic, "average": EMA(decay)}
training = AdversarialTraining(model, batches, optimizer=optimizers, **options)
distance = EisenModuleWrapper(SlicedWasserstein(), ["generated", "image"], ["distance"])
validation = GenerativeValidation(model, Loader(held_out, batch_size=64), metrics=[distance])

for epoch in range(n_epochs):
    training.run()
    with training.average.applied():
        validation.run()
    print(f"epoch {epoch + 1}: distance {distance.module.compute():.3f}", flush=True)

with training.average.applied():
    images = gan.eval().generate(100).cpu().numpy()
write_image(folder / "grid.png", picture_grid(as_pixels(images, (-1, 1))))
areas, numbers = (images > 0).sum((1, 2, 3)), [ndimage.label(image[0] > 0)[1] for image in images]
smallest, largest = (np.pi * (32 * share) ** 2 for share in (0.14, 0.26))
good = [n == 1 and 0.75 * smallest <= area <= 1.25 * largest for n, area in zip(numbers, areas, strict=True)]
print(f"one disc of a size that occurs: {sum(good)} of 100")
