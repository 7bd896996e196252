"""3-D patches with a larger input than output: python examples/patches_3d.py FOLDER OUT [EPOCHS]

FOLDER holds phantoms of eisen.datasets.make_phantoms. The network has no padding: of 28 voxels along each axis it
returns the inner 16. The margin is real tissue wherever there is any, so the label map in OUT has no seams.
"""

import sys
from pathlib import Path

import torch
from torch import nn

from eisen import datasets, io, utils
from eisen import transforms as tf
from eisen.ops import losses, metrics
from eisen.patches import Anywhere, Balanced, CaseAssembler, Grid, Padded, PatchDataset
from eisen.storage import create_store

folder, out, n_epochs = Path(sys.argv[1]), Path(sys.argv[2]), int((sys.argv[3:] or [6])[0])
both, organs, size = ["image", "label"], ["liver", "spleen", "kidneys"], [16, 16, 16]
out.mkdir(parents=True, exist_ok=True)
read = [io.LoadNiftiFromFilename(both, folder), tf.NiftiToNumpy(both), tf.AddChannelDimension(both)]
steps = tf.Compose([*read, tf.ZScoreNormalization(["image"])])
for part in ("train", "val"):
    create_store(datasets.MSDDataset(folder, f"dataset_{part}.json", "training", steps), out / f"{part}.h5")
train, held_out = datasets.StoreDataset(out, "train.h5"), datasets.StoreDataset(out, "val.h5")

torch.manual_seed(0)
layers: list[nn.Module] = []
for n_in, n_out, dilation in ((1, 8, 1), (8, 12, 2), (12, 12, 3)):  # without padding 1 + 2 + 3 voxels get lost
    layers += [nn.Conv3d(n_in, n_out, 3, dilation=dilation), nn.BatchNorm3d(n_out), nn.ReLU()]
network = nn.Sequential(*layers, nn.Conv3d(12, 4, 1))

# Images have the margin, labels do not: the output of the network fits the label of its patch.
where = Padded(Anywhere(size, pad=True), 6)
patches = PatchDataset(train, where, Balanced("label", foreground=0.7), n_per_case=4)
model = utils.EisenModuleWrapper(network, ["image"], ["logits"])
loss = utils.EisenModuleWrapper(losses.DiceCELoss(), ["logits", "label"], ["dice_ce"])
optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
batches = datasets.Loader(patches, batch_size=8, shuffle=True, seed=0)
training = utils.workflows.Training(model, batches, [loss], optimizer)
training.on(utils.events.EpochEnd)(lambda event: print(event.epoch + 1, event.losses, flush=True))
for _ in range(n_epochs):
    training.run()

grid = PatchDataset(held_out, Padded(Grid(size, pad=True), 6))
assembler = CaseAssembler(grid)
dice = metrics.DicePerClass(4, names=organs)
network.eval()
for batch in datasets.Loader(grid, batch_size=8):
    with torch.no_grad():
        assembler.add_batch({"logits": network(batch["image"])}, batch)
    for number, case in assembler.drain():
        labels = case["logits"].argmax(0).astype("uint8")
        io.write_nifti(out / f"label_{number}.nii.gz", labels, case["logits_meta"].affine)
        truth = torch.from_numpy(held_out[number]["label"])
        scores = dice(torch.from_numpy(case["logits"])[None], truth[None])[0]
        print(f"case {number}:", ", ".join(f"{o} {float(s):.2f}" for o, s in zip(organs, scores, strict=True)))
