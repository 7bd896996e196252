"""Patches whose prediction is as large as they are: python examples/patches_equal_size.py FOLDER

A regular grid with overlap covers every voxel; where patches overlap, their middle counts more. FOLDER holds phantoms
that eisen.datasets.make_phantoms wrote.
"""

import sys

import numpy as np
import torch

from eisen import datasets, io, patches
from eisen import transforms as tf

folder, both = sys.argv[1], ["image", "label"]
read = [io.LoadNiftiFromFilename(both, folder), tf.NiftiToNumpy(both), tf.AddChannelDimension(both)]
scans = datasets.MSDDataset(
    folder, "dataset_val.json", "training", tf.Compose([*read, tf.ZScoreNormalization(["image"])])
)

grid = patches.PatchDataset(scans, patches.Grid([12, 12, 6], overlap=0.5))
network = torch.nn.Conv3d(1, 4, 3, padding=1).requires_grad_(False)

assembler = patches.CaseAssembler(grid, weights="gaussian", finish="labels")
for batch in datasets.Loader(grid, batch_size=8):  # a batch may hold patches of two cases
    assembler.add_batch(network(batch["image"]).softmax(1), batch)
    for case in assembler.ready:
        label = np.asarray(assembler.pop(case))
        assert label.shape == grid.case_shape(case)
        print(f"{scans.case_name(case)}: {grid.n_patches_of(case)} patches -> label map {label.shape}")
assert not assembler.missing
