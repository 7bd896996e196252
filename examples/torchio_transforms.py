"""Transforms of TorchIO in a chain of eisen's: python examples/torchio_transforms.py IMAGE LABEL [PICTURE]

Image and label move together, and the geometry follows where TorchIO writes it down. PICTURE shows a slice of both,
before and after.
"""

import sys

import torchio
from matplotlib import pyplot as plt

from eisen import io
from eisen import transforms as tf
from eisen.utils.interop import TorchIOStep

both = ["image", "label"]
read = tf.Compose([io.LoadNiftiFromFilename(both, "."), tf.NiftiToNumpy(both), tf.AddChannelDimension(both)])
regrid = TorchIOStep(both, [torchio.Resample(1.5), torchio.CropOrPad((32, 40, 32))])
is_first = hasattr(torchio, "RandomAffine")  # TorchIO 2 has one class for fixed and random parameters
bend = [torchio.RandomAffine(degrees=20), torchio.RandomGamma()] if is_first else [torchio.Affine(degrees=(-20, 20))]
vary = TorchIOStep(both, bend)

case = read({"image": sys.argv[1], "label": sys.argv[2]})
regridded = regrid(case)
varied = vary(regridded)
for name, data in {"file": case, "regridded": regridded, "varied": varied}.items():
    grid, found = data["image_meta"], sorted(set(data["label"].ravel().tolist()))
    spacing = ", ".join(f"{length:.2f}" for length in grid.spacing)
    print(f"{name:>9}: {data['image'].shape}, {spacing} mm, labels {found}, can be undone: {grid.invertible}")

if len(sys.argv) > 3:
    figure, axes = plt.subplots(1, 3, figsize=(9, 3), layout="constrained")
    for axis, data in zip(axes, (case, regridded, varied), strict=True):
        middle = data["image"].shape[-1] // 2
        axis.imshow(data["image"][0, :, :, middle].T, cmap="gray", origin="lower")
        axis.contour(data["label"][0, :, :, middle].T > 0, levels=[0.5], colors="tab:red")
        axis.set_axis_off()
    figure.savefig(sys.argv[3])
