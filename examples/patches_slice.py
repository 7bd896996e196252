"""Slice by slice through a 2-D network and back, from a store: python examples/patches_slice.py FOLDER

FOLDER holds phantoms that eisen.datasets.make_phantoms wrote.
"""

import sys

import torch

from eisen import datasets, io, patches, storage
from eisen import transforms as tf

folder, both = sys.argv[1], ["image", "label"]
read = tf.Compose([io.LoadNiftiFromFilename(both, folder), tf.NiftiToNumpy(both), tf.AddChannelDimension(both)])
scans = datasets.MSDDataset(
    folder, "dataset_val.json", "training", tf.Compose([read, tf.ZScoreNormalization(["image"])])
)
storage.create_store(scans, f"{folder}/slices.h5")

store = datasets.StoreDataset(folder, "slices.h5")
slices = patches.PatchDataset(store, patches.Slices(axis=2))  # of each slice only its own bytes are read
network = torch.nn.Conv2d(1, 2, 3, padding=1).requires_grad_(False)  # takes the place of one that is trained

assembler = patches.CaseAssembler(slices)
for batch in datasets.Loader(slices, batch_size=1):
    assembler.add_batch(network(batch["image"]), batch)
    for case in assembler.ready:
        volume, whole = assembler.pop(case), torch.from_numpy(store[case]["image"])
        assert torch.equal(torch.as_tensor(volume[:, :, :, 3]), network(whole[..., 3]))
        print(f"{store.case_name(case)}: {slices.n_patches_of(case)} slices -> {tuple(volume.shape)}")

tissue = patches.PatchDataset(store, patches.Slices(axis=2), patches.Foreground(at_least=0.02))
print(f"{len(tissue)} of {len(slices)} slices have organs in more than 2 % of their area")
