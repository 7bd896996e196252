"""2.5-D: one 2-D network sees the slices across all three axes, and the three answers are merged.

python examples/patches_25d.py FOLDER     # with phantoms that eisen.datasets.make_phantoms wrote
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

planes = [0, 1, 2]
slices = patches.PatchDataset(scans, patches.Slices(axis=planes))
network = torch.nn.Conv2d(1, 2, 3, padding=1).requires_grad_(False)

assembler = patches.CaseAssembler(slices, planes=planes, merge="mean")
for batch in datasets.Loader(slices, batch_size=1):  # slices across different axes have different sizes
    assembler.add_batch(network(batch["image"]).softmax(1), batch)
    for case in assembler.ready:
        probabilities = np.asarray(assembler.pop(case))
        assert np.allclose(probabilities.sum(0), 1, atol=1e-5)
        print(f"{scans.case_name(case)}: {slices.n_patches_of(case)} slices -> {probabilities.shape}")
