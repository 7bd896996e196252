"""Whole volumes from a store, for whatever is done with them: python examples/patches_raw.py FOLDER

FOLDER holds phantoms that eisen.datasets.make_phantoms wrote.
"""

import sys

from eisen import datasets, io, patches, storage
from eisen import transforms as tf

folder, both = sys.argv[1], ["image", "label"]
read = tf.Compose([io.LoadNiftiFromFilename(both, folder), tf.NiftiToNumpy(both), tf.AddChannelDimension(both)])
storage.create_store(datasets.MSDDataset(folder, "dataset_val.json", "training", read), f"{folder}/raw.h5")

# As a data set: one item per case
store = datasets.StoreDataset(folder, "raw.h5")
for number, case in enumerate(store):
    spacing = " x ".join(f"{mm:.2f}" for mm in case["image_meta"].spacing)
    print(f"{store.case_name(number)}: {case['image'].shape}, voxels of {spacing} mm")

# As patches that are the whole case: then selections, fields and shuffling are those of patches
labelled = patches.PatchDataset(store, patches.Whole(), patches.Foreground(), fields=["image", "label"])
batch = next(iter(datasets.Loader(labelled, batch_size=1, shuffle=True)))
print(f"one of {len(labelled)} cases with organs: {batch['patch_region'][0]}")

# Without any data set
with storage.Store(f"{folder}/raw.h5") as opened:
    for name in opened.cases:
        print(name, opened.shape(name, "image"), opened.read(name, "image", None).dtype)
