"""Patches with a margin, for networks whose output is smaller than their input.

python examples/patches_larger_input.py FOLDER     # with phantoms that eisen.datasets.make_phantoms wrote

Convolutions that do not pad lose a voxel at each border. Each patch is read with the voxels that will be lost: real
neighbours where there are any, zeros outside of the volume. So the result is, voxel by voxel, that of the whole volume.
"""

import sys

import numpy as np
import torch
from torch.nn.functional import pad

from eisen import datasets, io, patches
from eisen import transforms as tf

folder, both = sys.argv[1], ["image", "label"]
read = [io.LoadNiftiFromFilename(both, folder), tf.NiftiToNumpy(both), tf.AddChannelDimension(both)]
scans = datasets.MSDDataset(
    folder, "dataset_val.json", "training", tf.Compose([*read, tf.ZScoreNormalization(["image"])])
)

network = torch.nn.Sequential(torch.nn.Conv3d(1, 4, 3), torch.nn.ReLU(), torch.nn.Conv3d(4, 2, 3)).requires_grad_(False)
lost = 2
tiles = patches.PatchDataset(scans, patches.Padded(patches.Grid([8, 8, 4]), lost))

assembler = patches.CaseAssembler(tiles)
for batch in datasets.Loader(tiles, batch_size=8):
    assert batch["image"].shape[2:] == (12, 12, 8)
    assert batch["label"].shape[2:] == (8, 8, 4)  # what the network shall say
    assembler.add_batch(network(batch["image"]), batch)
    for case in assembler.ready:
        whole = torch.from_numpy(scans[case]["image"])[None]
        expected, found = network(pad(whole, [lost] * 6))[0], torch.as_tensor(np.asarray(assembler.pop(case)))
        assert torch.allclose(found, expected, atol=1e-5)
        print(f"{scans.case_name(case)}: {tiles.n_patches_of(case)} patches -> as from the whole volume")
