"""Slabs that cover a volume, and a slab around each slice: python examples/patches_slab.py FOLDER

FOLDER holds phantoms that eisen.datasets.make_phantoms wrote. Cases are read from their files.
"""

import sys

import torch

from eisen import datasets, io, patches
from eisen import transforms as tf

folder, both = sys.argv[1], ["image", "label"]
read = tf.Compose([io.LoadNiftiFromFilename(both, folder), tf.NiftiToNumpy(both), tf.AddChannelDimension(both)])
scans = datasets.MSDDataset(folder, "dataset_val.json", "training", read)

# Slabs of four slices: the last one is shifted back, so that no slice is left out
slabs = patches.PatchDataset(scans, patches.Slabs(4, axis=2))
network = torch.nn.Conv3d(1, 2, 3, padding=1).requires_grad_(False)
assembler = patches.CaseAssembler(slabs, weights="constant")
for batch in datasets.Loader(slabs, batch_size=1):
    assembler.add_batch(network(batch["image"].float()), batch)
    for case in assembler.ready:
        volume = assembler.pop(case)
        print(f"{scans.case_name(case)}: {slabs.n_patches_of(case)} slabs -> {tuple(volume.shape)}")

# Five slices in, the label of the middle one out: neighbours are channels, empty beyond the ends of the volume
around = patches.PatchDataset(scans, patches.Slices(axis=2, around=2))
flat_network = torch.nn.Conv2d(5, 2, 3, padding=1).requires_grad_(False)
assembler = patches.CaseAssembler(around)
for batch in datasets.Loader(around, batch_size=1):
    assert batch["image"].shape[1] == 5
    assert batch["label"].shape[1] == 1
    assembler.add_batch(flat_network(batch["image"].float()), batch)
    for case in assembler.ready:
        volume = assembler.pop(case)
        print(f"{scans.case_name(case)}: {around.n_patches_of(case)} slices with neighbours -> {tuple(volume.shape)}")
